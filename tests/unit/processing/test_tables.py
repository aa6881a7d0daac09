"""Tables as TAPAS reads them, equal to the reference (tests/golden/make_tables.py), and tables of every kind."""

import json
import random
import sys
from datetime import date, datetime
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.tables.table import Table, read_table
from nbpipes.processing.tables.tapas import Read, TapasReader
from nbpipes.processing.tables.values import values_of
from nbpipes.processing.text import Tokenizer

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.append(str(GOLDEN))  # the tables by chance stand beside the script that reads them in the reference

import tables  # noqa: E402

CASES = json.loads((GOLDEN / "tapas/tables.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reader() -> TapasReader:
    return TapasReader(Tokenizer.load(Repo(GOLDEN / "tapas/tokenizer")))


def read(reader: TapasReader, seed: int, *, cut: bool) -> Read:
    chance = random.Random(seed)
    table, asked = reader.table(read_table(tables.table(chance))), reader.question(tables.question(chance))
    return reader.read(asked, table, *(reader.fit(asked, table) if cut else (table.rows,)))


def packed(numbers: list[int]) -> str:
    """Numbers as text; one that repeats is written once, as 7*12."""
    ends = [place for place in range(1, len(numbers) + 1) if numbers[place - 1 : place] != numbers[place : place + 1]]
    runs = [(numbers[end - 1], end - start) for start, end in zip([0, *ends], ends, strict=False)]
    return " ".join(f"{value}*{count}" if count > 1 else str(value) for value, count in runs)


def lines_of(found: Read) -> list[str]:
    return [packed(line) for line in (found.ids.tolist(), *found.types.T.tolist())]


@pytest.mark.parametrize("case", [case for case in CASES if "lines" in case], ids=lambda case: str(case["seed"]))
def test_tokens_and_types_equal_those_of_transformers(reader, case):
    assert lines_of(read(reader, case["seed"], cut=case["cut"])) == case["lines"]


@pytest.mark.parametrize("start", range(0, len(CASES), 50))
def test_checksums_of_many_tables_are_equal(reader, start):
    for case in CASES[start : start + 50]:
        lines = lines_of(read(reader, case["seed"], cut=case["cut"]))
        assert crc32("\n".join(lines).encode()) == case["sum"], case["seed"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7 february 1967", ((1967.0, 2.0, 7.0),)),
        ("July 5th", ((None, 7.0, None), 5.0)),
        ("36,542 stars", (36542.0,)),
        ("-3.5 and the second", (-3.5, 2.0)),
        ("1990s", ((1990.0, None, None),)),
        ("31 april 1999", (31.0, (1999.0, 4.0, None))),
        ("0000", (0.0,)),
        ("n/a", ()),
        ("infinity nan", ()),
        ("x" * 100_000, ()),
    ],
)
def test_values_in_a_text(text, values):
    assert values_of(text) == values


def test_a_frame_of_any_types_becomes_texts_and_stays_as_it_is():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "part": [1.0, float("nan"), 2.5],
            "short": np.array([0.1, 0.2, 3.0], dtype=np.float32),
            "day": pd.to_datetime(["2020-01-02", None, "2020-01-02 03:04"], format="mixed"),
            "kind": pd.Categorical(["a", "b", None]),
            "flag": [True, False, True],
            "any": [None, date(2020, 1, 2), ("x", 1)],
        }
    )
    before = frame.copy(deep=True)
    assert read_table(frame).rows == (
        ("1", "1", "0.1", "2020-01-02", "a", "True", "nan"),
        ("nan", "nan", "0.2", "nan", "b", "False", "2020-01-02"),
        ("3", "2.5", "3", "2020-01-02 03:04:00", "nan", "True", "('x', 1)"),
    )
    pd.testing.assert_frame_equal(frame, before)


def test_names_may_repeat_and_have_levels():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"], index=[7, 7])
    assert read_table(frame) == Table(("a", "a"), (("1", "2"), ("3", "4")))
    frame.columns = pd.MultiIndex.from_tuples([("x", 1), ("x", 2)])
    assert read_table(frame).names == ("x 1", "x 2")
    assert read_table({1: [datetime(2020, 1, 1)]}) == Table(("1",), (("2020-01-01",),))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "table is empty"),
        (pd.DataFrame(), "table is empty"),
        ({"a": []}, "table is empty"),
        (pd.DataFrame({"a": []}), "table is empty"),
        ({"a": ["1"], "b": ["1", "2"]}, "'a' has 1, 'b' has 2"),
        ({"a": "text"}, "column 'a' of the table must be a list"),
        ({"a": 3}, "column 'a' of the table must be a list"),
        ("a,b", "a table must be a dict of columns or a DataFrame, not str"),
    ],
)
def test_what_is_no_table_is_an_error_that_says_why(table, message):
    with pytest.raises(InputError, match=message):
        read_table(table)


def test_more_columns_than_the_model_knows_are_an_error(reader):
    with pytest.raises(InputError, match=r"the table has 600 columns; the model knows at most 511"):
        reader.table(read_table({f"c{i}": ["1"] for i in range(600)}))


def test_a_table_is_read_once(reader):
    assert reader.table(read_table({"a": ["1", "2"]})) is reader.table(read_table({"a": ["1", "2"]}))
