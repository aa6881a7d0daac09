"""Records are the dicts and lists they were made from, and know where they came from."""

import copy
import io
import json
import pickle
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.errors import InputError
from nbpipes.results import Record, Records, annotate, annotate_batch

META = {"model": "some/model", "device": "cpu"}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
DICTS = st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=3), max_size=4)
RESULTS = (
    DICTS
    | st.lists(DICTS, max_size=4)
    | st.lists(st.lists(DICTS, max_size=3), max_size=3)
    | st.lists(st.lists(st.lists(st.floats(allow_nan=False), max_size=3), max_size=3), max_size=2)
)


def wrap(result: Any) -> Any:
    return annotate(copy.deepcopy(result), "some-task", "the input", META)


@given(RESULTS)
def test_equal_and_shown_like_the_builtin(result: Any) -> None:
    wrapped = wrap(result)
    assert isinstance(wrapped, type(result))
    assert wrapped == result
    assert result == wrapped
    assert repr(wrapped) == repr(result)
    assert str(wrapped) == str(result)
    assert json.dumps(wrapped) == json.dumps(result)
    assert list(wrapped) == list(result)
    assert len(wrapped) == len(result)
    assert bool(wrapped) == bool(result)


def test_an_open_file_is_pickled_as_its_name(tmp_path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"pixels")
    with path.open("rb") as file, tempfile.TemporaryFile() as nameless, tempfile.NamedTemporaryFile() as wrapped:
        one = annotate({"label": "cat"}, "image-classification", file, {})
        several = Records(
            [one], "image-classification", [file, {"image": nameless}, io.BytesIO(b"x"), wrapped], {}, True
        )
        back, others = pickle.loads(pickle.dumps([one, several]))
    assert back == one
    assert back.source == str(path)
    assert others.source[:2] == [str(path), {"image": None}]
    assert others.source[2].getvalue() == b"x"
    assert others.source[3] == wrapped.name


@given(RESULTS, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickles_with_its_origin(result: Any, protocol: int) -> None:
    wrapped = wrap(result)
    back = pickle.loads(pickle.dumps(wrapped, protocol))
    assert back == result
    assert type(back) is type(wrapped)
    assert (back.task, back.source, back.meta) == ("some-task", "the input", META)


@given(RESULTS)
def test_copies_keep_the_origin(result: Any) -> None:
    wrapped = wrap(result)
    for same in (copy.copy(wrapped), wrapped.copy(), copy.deepcopy(wrapped)):
        assert same == result
        assert same is not wrapped
        assert type(same) is type(wrapped)
        assert same.source is wrapped.source


def test_a_deep_copy_shares_no_values_but_the_input() -> None:
    source = ["a", "list", "of", "words"]
    wrapped = annotate([{"label": "A", "parts": [1]}], "t", source, META)
    same = copy.deepcopy(wrapped)
    same[0]["parts"].append(2)
    assert wrapped == [{"label": "A", "parts": [1]}]
    assert same.source is source
    assert same[0].source is source


def test_changing_it_works_as_on_the_builtin() -> None:
    record = wrap({"label": "A"})
    record["score"] = 1.0
    assert record | {"x": 1} == {"label": "A", "score": 1.0, "x": 1}
    records = wrap([{"label": "A"}])
    records.append({"label": "B"})
    assert records + records[:1] == [{"label": "A"}, {"label": "B"}, {"label": "A"}]
    with pytest.raises(TypeError):
        hash(record)


def test_numbers_are_plain() -> None:
    record = annotate({"score": np.float32(0.5), "index": np.int64(3)}, "t", "x", META)
    assert [type(value) for value in record.values()] == [float, int]
    assert json.dumps(record) == '{"score": 0.5, "index": 3}'


@pytest.mark.parametrize("value", [None, "text", 3, (1, 2), np.zeros(2), {1, 2}])
def test_other_types_stay_as_they_are(value: Any) -> None:
    assert annotate(value, "t", "x", META) is value


def test_a_vector_is_not_walked() -> None:
    inner = [[0.5] * 4] * 3
    wrapped = annotate([inner], "feature-extraction", "x", META)
    assert wrapped[0] is inner


def test_entries_know_their_item() -> None:
    one = annotate([{"label": "A"}, {"label": "B"}], "t", "x", META)
    assert [entry.source for entry in one] == ["x", "x"]
    assert one.sources == ["x", "x"]
    assert not one.batched
    assert annotate([[{"a": 1}], [{"b": 2}]], "fill-mask", "x", META)[1][0].source == "x"


def test_a_slice_of_one_item_keeps_the_item() -> None:
    part = annotate([{"label": "A"}, {"label": "B"}], "t", "x", META)[1:]
    assert part == [{"label": "B"}]
    assert isinstance(part, Records)
    assert (part.source, part.task, part.meta) == ("x", "t", META)


@given(st.lists(st.integers(), max_size=8), st.slices(8))
def test_a_slice_of_a_batch_keeps_its_rows(numbers: list[int], part: slice) -> None:
    batch = annotate_batch([{"n": n} for n in numbers], "t", [f"item {n}" for n in numbers], META)
    assert batch[part] == [{"n": n} for n in numbers[part]]
    assert batch[part].source == [f"item {n}" for n in numbers[part]]
    assert batch[part].sources == batch[part].source
    assert [entry.source for entry in batch[part]] == batch[part].source


def test_a_changed_batch_keeps_the_sources_of_its_entries() -> None:
    batch = annotate_batch([{"n": 1}, "plain", {"n": 3}], "t", ["a", "b", "c"], META)
    assert batch.sources == ["a", "b", "c"]
    del batch[0]
    assert batch.sources == [None, "c"]
    assert batch[1:].sources == ["c"]


def test_a_batch_keeps_what_is_annotated_already() -> None:
    first = annotate({"n": 1}, "t", "own source", META)
    batch = annotate_batch([first, {"n": 2}], "t", ["a", "b"], META)
    assert batch[0] is first
    assert batch.sources == ["own source", "b"]
    with pytest.raises(ValueError, match="zip"):
        annotate_batch([1], "t", [], META)


def test_shown_in_a_notebook_as_text_and_html() -> None:
    bundle = annotate({"label": "A", "score": 0.5}, "text-classification", "x", META)._repr_mimebundle_()
    assert bundle["text/plain"] == "{'label': 'A', 'score': 0.5}"
    assert bundle["text/html"].startswith("<div")


def test_the_text_of_a_huge_result_is_short() -> None:
    huge = annotate([[[0.125] * 768] * 512], "feature-extraction", "x", META)
    bundle = huge._repr_mimebundle_()
    assert len(bundle["text/plain"]) < 3_000
    assert len(bundle["text/html"]) < 5_000


def test_saves_a_page(tmp_path: Any) -> None:
    result = annotate({"label": "A \ud800 é", "score": 0.5}, "text-classification", "x", META)
    path = result.save(tmp_path / "x.html")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert result.to_html() in text
    with pytest.raises(InputError, match=r"\.html"):
        result.save(tmp_path / "x.csv")


def test_an_empty_record_made_by_hand_can_be_shown() -> None:
    assert Record({"a": 1}).to_html()
    assert Records().to_html()
    assert Record().to_df().columns.tolist() == ["row"]


def test_importing_results_and_display_is_light() -> None:
    code = (
        "import sys, nbpipes.results, nbpipes.display;"
        "nbpipes.results.annotate([{'label': 'A', 'score': 1.0}], 'text-classification', 'x', {}).to_html();"
        "print([name for name in ('pandas', 'torch', 'IPython') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
