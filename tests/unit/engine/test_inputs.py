"""One item or many, a list or lazy; and results that are computed as they are asked for."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from torch.utils.data import Dataset, IterableDataset

from nbpipes.engine.inputs import Given, LazyResults, sort_out
from nbpipes.errors import InputError
from nbpipes.processing.datasets import KeyDataset, KeyPairDataset, of_row
from nbpipes.processing.media import read_image


class Texts(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index >= 3:
            raise IndexError(index)
        return f"text {index}"


class Endless(IterableDataset):
    def __iter__(self):
        return iter(["a", "b"])


ROWS = [{"a": "x", "b": "y"}, {"a": "z", "b": "w"}]


@pytest.mark.parametrize(
    ("inputs", "shape", "items"),
    [
        ("text", "one", ["text"]),
        (["a", "b"], "list", ["a", "b"]),
        (("a", "b"), "list", ["a", "b"]),
        ([], "list", []),
        (np.array(["a", "b"]), "list", ["a", "b"]),
        (pd.Series(["a", "b"], index=[7, 8]), "list", ["a", "b"]),
        (pl.Series(["a", "b"]), "list", ["a", "b"]),
        (iter(["a"]), "lazy", ["a"]),
        (map(str, [1, 2]), "lazy", ["1", "2"]),
        ((x for x in "ab"), "lazy", ["a", "b"]),
        (Texts(), "lazy", ["text 0", "text 1", "text 2"]),
        (Endless(), "lazy", ["a", "b"]),
        (KeyDataset(ROWS, "a"), "lazy", ["x", "z"]),
        (KeyPairDataset(ROWS, "a", "b"), "lazy", [{"text": "x", "text_pair": "y"}, {"text": "z", "text_pair": "w"}]),
    ],
)
def test_inputs_are_sorted_out(inputs, shape, items):
    given = sort_out(inputs, lambda value: isinstance(value, str), "a text")
    assert given.shape == shape
    assert list(given.items) == items


@pytest.mark.parametrize("table", [pd.DataFrame({"a": ["x"]}), pl.DataFrame({"a": ["x"]})])
def test_a_table_is_no_list_of_items(table):
    with pytest.raises(InputError, match="pass one of them"):
        sort_out(table, lambda value: isinstance(value, str), "a text")


@pytest.mark.parametrize("inputs", [None, 3, b"bytes", {"a": 1}])
def test_what_is_no_input_is_told_so(inputs):
    with pytest.raises(InputError, match="must be a text"):
        sort_out(inputs, lambda value: isinstance(value, str), "a text")


def test_results_of_a_dataset_start_anew_and_know_their_number():
    results = LazyResults(sort_out(Texts(), lambda value: False, "a text"), lambda items: (x.upper() for x in items))
    assert len(results) == 3
    assert repr(results) == "<3 results, computed as they are asked for: loop over them, or make a list>"
    assert list(results) == list(results) == ["TEXT 0", "TEXT 1", "TEXT 2"]
    assert next(results) == "TEXT 0"


def test_results_of_a_generator_go_on_where_they_were():
    results = LazyResults(Given(iter("abc"), "lazy"), lambda items: iter(items))
    assert next(results) == "a"
    assert list(results) == ["b", "c"]
    assert list(results) == []
    with pytest.raises(TypeError, match="does not say"):
        len(results)


def test_a_row_of_a_dataset_is_told_how_to_give_a_column():
    with pytest.raises(InputError, match=r"KeyDataset\(dataset, 'image'\)"):
        sort_out({"image": b"pixels", "id": 3}, lambda value: isinstance(value, bytes), "an image")
    with pytest.raises(InputError) as found:
        sort_out({3: b"pixels"}, lambda value: isinstance(value, bytes), "an image")
    assert "KeyDataset" not in str(found.value)
    assert len(of_row({"x" * 10_000: 1})) < 200
    with pytest.raises(InputError, match=r"KeyDataset\(dataset, 'image'\)"):
        read_image({"image": b"pixels"})
