"""Questions about tables: equal to transformers (tests/golden/make_tables.py), and tables that it cannot read."""

import json
import random
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
import torch

from nbpipes import pipeline
from nbpipes.engine.loop import ChunkOutput
from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.outputs import Cells
from nbpipes.processing.tables.table import read_table
from nbpipes.processing.tables.tapas import Read
from nbpipes.processing.tables.tapex import TapexReader, linearised
from nbpipes.processing.tables.windows import Window
from nbpipes.processing.text import Tokenizer
from nbpipes.results.records import Record, Records
from nbpipes.tasks.table_cells import Found, joined, marked
from nbpipes.tasks.table_pointing import Answers

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.append(str(GOLDEN))  # the tables by chance stand beside the script that reads them in the reference

import tables  # noqa: E402

TABLE = {
    "Repository": ["Transformers", "Datasets", "Tokenizers"],
    "Stars": ["36542", "4512", "3934"],
    "Language": ["Python", "Python", "Rust, Python and NodeJS"],
}
QUESTION = "How many stars does the transformers repository have?"


@cache
def pipe_of(name: str) -> Any:
    if name == "tapex":
        files = {"model": GOLDEN / "tapex/model", "tokenizer": GOLDEN / "tapex/tokenizer"}
    else:
        files = {"model": GOLDEN / "tapas" / name, "tokenizer": GOLDEN / "tapas/tokenizer"}
    return pipeline("table-question-answering", **files, device="cpu")


@pytest.fixture
def pipe() -> Any:
    return pipe_of("cells")


def cases(folder: str, file: str) -> list[dict[str, Any]]:
    return json.loads((GOLDEN / folder / file).read_text(encoding="utf-8"))


ANSWERS = [{"model": "tapex"} | case for kind in ("tapas", "tapex") for case in cases(kind, "answers.json")]


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: f"{case['model']}-{case['seed']}")
def test_answers_equal_those_of_transformers(case):
    table = tables.table(random.Random(case["seed"]))
    answer = pipe_of(case["model"])(table, case["query"], **case["options"])
    assert json.loads(json.dumps(answer)) == case["result"]


def test_the_text_that_tapex_reads_equals_that_of_transformers():
    reader = TapexReader(Tokenizer.load(Repo(GOLDEN / "tapex/tokenizer"), model_max_length=10**30))
    for case in cases("tapex", "tables.json"):
        chance = random.Random(case["seed"])
        table, question = read_table(tables.table(chance)), tables.question(chance)
        ids, told = reader.read(question, table)
        ends = [place for place in range(1, len(ids) + 1) if ids[place - 1 : place] != ids[place : place + 1]]
        runs = [(ids[end - 1], end - start) for start, end in zip([0, *ends], ends, strict=False)]
        packed = " ".join(f"{value}*{count}" if count > 1 else str(value) for value, count in runs)
        assert (crc32(packed.encode()), told) == (case["sum"], ""), case["seed"]


# ---------------------------------------------------------------------- ways to call


def test_every_form_of_a_call_gives_the_same_answer(pipe):
    frame = pd.DataFrame.from_dict(TABLE)
    expected = pipe(table=TABLE, query=QUESTION)
    assert list(expected) == ["answer", "coordinates", "cells", "aggregator"]
    for table in (TABLE, frame):
        item = {"table": table, "query": QUESTION}
        assert pipe(table, QUESTION) == pipe(table, query=QUESTION) == pipe(table, [QUESTION]) == expected
        assert pipe(item) == pipe([item]) == pipe({"table": table, "query": [QUESTION]}) == expected
        assert pipe([item, item]) == pipe(table, [QUESTION, QUESTION]) == [expected, expected]
        assert list(pipe(one for one in (item, item))) == [expected, expected]
        assert pipe(table=[item, item], batch_size=2) == [expected, expected]
    assert list(TABLE) == ["Repository", "Stars", "Language"]
    pd.testing.assert_frame_equal(frame, pd.DataFrame.from_dict(TABLE))


def test_answers_know_their_own_question(pipe):
    answers = pipe(TABLE, ["How many stars?", QUESTION])
    assert isinstance(answers, Records)
    assert [one.source["query"] for one in answers] == ["How many stars?", QUESTION]
    assert answers.source == {"table": TABLE, "query": ["How many stars?", QUESTION]}
    assert isinstance(pipe(TABLE, QUESTION), Record)


@pytest.mark.parametrize(
    ("args", "named", "message"),
    [
        ((None,), {}, "table is None"),
        ((), {"query": QUESTION}, "table is None"),
        ((TABLE,), {}, "the query is missing"),
        ((TABLE, ""), {}, "query is empty"),
        ((TABLE, []), {}, "query is empty"),
        ((TABLE, [QUESTION, 3]), {}, "a question or a list of questions"),
        ((TABLE, 3), {}, "a question or a list of questions"),
        (("", QUESTION), {}, "must be a dict of columns or a DataFrame, not str"),
        (({}, QUESTION), {}, "table is empty"),
        ((pd.DataFrame(), QUESTION), {}, "table is empty"),
        (([{"table": TABLE}],), {}, "the query is missing"),
        ((["x"],), {}, "an item must be"),
        ((TABLE, QUESTION), {"truncation": "middle"}, "truncation must be one of"),
        ((TABLE, QUESTION), {"padding": "left"}, "padding must be one of"),
    ],
)
def test_what_cannot_be_asked_is_an_error_that_says_why(pipe, args, named, message):
    with pytest.raises(ValueError, match=message):
        pipe(*args, **named)


def test_unknown_keywords_are_errors(pipe):
    with pytest.raises(TypeError, match=r"sequental.*did you mean 'sequential'"):
        pipe(TABLE, QUESTION, sequental=True)
    with pytest.raises(TypeError, match="takes"):
        pipe(TABLE, QUESTION, "more")


# ---------------------------------------------------------------------- tables of every kind


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "b": [1.5, np.nan], "c": pd.to_datetime(["2020-01-01", None])}, index=[7, 7]),
        pd.DataFrame([[1, "x"], [None, "y"]], columns=["a", "a"]),
        pd.DataFrame({"only": ["1"]}),
        pd.DataFrame({3: pd.Categorical(["u", None]), None: [[1], {"k": 2}]}),
        pd.DataFrame({f"c{i}": ["x y z"] for i in range(90)}),
        pd.DataFrame({"long": ["word " * 10_000, "short"]}),
        pd.DataFrame({"": ["", " "]}),
    ],
    ids=["types", "names", "one cell", "odd names", "wide", "long cell", "blank"],
)
def test_frames_of_every_kind_are_answered_and_stay_as_they_are(pipe, frame):
    before = frame.copy(deep=True)
    answer = pipe(frame, QUESTION)
    assert all(frame.shape[0] > row and frame.shape[1] > column for row, column in answer["coordinates"])
    assert all(isinstance(cell, str) for cell in answer["cells"])
    json.dumps(answer)
    pd.testing.assert_frame_equal(frame, before)


def test_a_row_too_wide_for_the_model_is_an_error(pipe):
    with pytest.raises(InputError, match=r"a row of 505 columns .* leave out columns"):
        pipe({f"c{i}": ["1"] for i in range(505)}, "how many stars in it are?")


# ---------------------------------------------------------------------- large tables


def tall(rows: int) -> dict[str, list[str]]:
    return {"Name": [f"n {i}" for i in range(rows)], "Stars": [str(i * 7 % rows) for i in range(rows)]}


def test_ten_thousand_rows_are_read_in_windows(pipe):
    table = tall(10_000)
    answer = pipe(table, "the largest of stars")
    assert re.match(r"10,000 rows were read in \d+ windows", answer.meta["read"])
    columns = list(table.values())
    assert answer["cells"] == [columns[column][row] for row, column in answer["coordinates"]]


def test_dropped_rows_are_told_and_nothing_is_told_of_small_tables(pipe):
    answer = pipe(tall(400), QUESTION, truncation=True)
    assert answer.meta["read"].startswith("only the first ")
    assert max((row for row, _ in answer["coordinates"]), default=0) < 400
    assert "read" not in pipe(TABLE, QUESTION).meta
    with pytest.raises(InputError, match=r"400 rows.*leave truncation out"):
        pipe(tall(400) | {"More": ["a b c d e f g h i j k l"] * 400}, QUESTION, truncation=False)


def test_each_row_of_a_large_table_is_read_in_one_window(pipe):
    chunks = list(pipe.preprocess({"table": tall(1000), "query": QUESTION}))
    rows = [row for chunk in chunks for row in chunk.note.steps[0].window.rows]
    assert rows == list(range(1000))
    assert all(chunk.size <= 512 for chunk in chunks)


class Oracle:
    """Stands in for a model: chooses, in each window, what a function makes of its rows."""

    def __init__(self, choose):
        self.choose, self.calls = choose, []

    def __call__(self, chunks):
        for chunk in chunks:
            (step,) = chunk.note.steps
            rows = step.window.rows
            self.calls.append(rows)
            logits = np.full(len(step.read.ids), -5.0)
            for row in self.choose(rows):
                line = rows.index(row) + 1
                logits[(step.read.types[:, 2] == line) & (step.read.types[:, 1] == 2)] = 5.0
            yield step, logits


def answers_of(pipe, monkeypatch, rows: int, choose) -> tuple[Record, Oracle]:
    """The answer over windows where the model chooses as told."""
    oracle = Oracle(choose)

    def forward(chunks, options=None):
        told = list(oracle(chunks))
        return [
            ChunkOutput(chunk, Answers([Cells(torch.tensor(logits), torch.tensor([0.0, 0, 0, 9]))]))
            for chunk, (_, logits) in zip(chunks, told, strict=True)
        ]

    monkeypatch.setattr(pipe, "forward", forward)
    monkeypatch.setattr(pipe, "forward_stream", lambda chunks, options: (yield from ()) or forward(chunks))
    return pipe(tall(rows), "how many?"), oracle


def windows_of(pipe, rows: int) -> list[tuple[int, ...]]:
    chunks = pipe.preprocess({"table": tall(rows), "query": "how many?"})
    return [chunk.note.steps[0].window.rows for chunk in chunks]


def test_the_largest_of_each_window_becomes_the_largest_of_all(pipe, monkeypatch):
    stars = [int(value) for value in tall(6000)["Stars"]]
    answer, oracle = answers_of(pipe, monkeypatch, 6000, lambda rows: [max(rows, key=lambda row: stars[row])])
    assert answer["cells"] == ["5999"]
    first = windows_of(pipe, 6000)
    assert answer.meta["read"].count("were read again together") == 2
    *second, last = map(len, oracle.calls[len(first) :])
    assert (len(second), sum(second), last) == (2, len(first), 2)


def test_a_count_over_many_windows_counts_them_all(pipe, monkeypatch):
    answer, _ = answers_of(pipe, monkeypatch, 3000, lambda rows: [row for row in rows if row % 2])
    assert (answer["aggregator"], answer.meta["value"], len(answer["cells"])) == ("COUNT", 1500, 1500)
    assert answer["answer"].startswith("COUNT > ")


def test_an_answer_of_one_window_is_the_answer(pipe, monkeypatch):
    answer, oracle = answers_of(pipe, monkeypatch, 3000, lambda rows: [row for row in rows if row == 1234])
    assert answer["coordinates"] == [(1234, 1)]
    assert len(oracle.calls) == len(windows_of(pipe, 3000))


def test_nothing_found_is_no_answer(pipe, monkeypatch):
    answer, _ = answers_of(pipe, monkeypatch, 3000, lambda rows: [])
    assert (answer["answer"], answer["coordinates"], answer.meta["value"]) == ("COUNT > ", [], 0)


def test_windows_join_by_the_column_that_has_most():
    parts = [Found({(0, 0): 0.9, (1, 1): 0.2}), Found({(2, 1): 0.8, (3, 1): 0.7}), Found({(4, 0): 0.1})]
    assert joined(parts).chosen == [(2, 1), (3, 1)]
    assert joined(parts[2:]).chosen == []


# ---------------------------------------------------------------------- questions in turn


def test_a_question_in_turn_sees_the_answer_before():
    types = np.zeros((4, 7), dtype=np.int64)
    types[1:, 0], types[1:, 1], types[1:, 2] = 1, [1, 1, 2], [0, 1, 1]
    read = marked(Read(np.arange(4), types), Window((7,)), [(7, 1)])
    assert read.types[:, 3].tolist() == [0, 0, 0, 1]
    assert types[:, 3].tolist() == [0, 0, 0, 0]


def test_questions_in_turn_work_over_windows(pipe):
    answers = pipe(tall(300), ["stars", "the largest", "how many in it"], sequential=True)
    assert len(answers) == 3
    assert all(one.meta["read"].startswith("300 rows were read in 5 windows") for one in answers)


# ---------------------------------------------------------------------- models that write


def test_tapex_leaves_out_rows_that_have_nothing_to_do_with_the_question():
    pipe = pipe_of("tapex")
    table = {"Name": [f"n {i}" for i in range(200)] + ["London"], "Stars": ["1"] * 201}
    answer = pipe(table, "who lives in London", max_new_tokens=4)
    assert answer.meta["read"].startswith("only ")
    assert list(answer) == ["answer"]
    reader = TapexReader(pipe.tokenizer, 400)
    ids, _ = reader.read("who lives in London", read_table(table))
    assert len(ids) <= 400
    assert "london" in reader.tokenizer.decode(ids).split("col :")[1].lower()
    with pytest.raises(InputError, match=r"reads at most 400.*drop_rows_to_fit"):
        pipe(table, "who?", truncation=False)


def test_tapex_writes_one_line():
    assert linearised(read_table({"a": ["1", "2"], "b": ["x", ""]})) == "col : a | b row 1 : 1 | x row 2 : 2 |"


def test_several_texts_for_a_question():
    answers = pipe_of("tapex")(TABLE, "stars?", num_beams=2, num_return_sequences=2, max_new_tokens=4)
    assert [list(one) for one in answers] == [["answer"], ["answer"]]
