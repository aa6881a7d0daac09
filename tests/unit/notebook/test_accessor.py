"""The `.pipe` accessor: tasks on columns, and pandas' own pipe unchanged."""

import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.notebook import accessor
from nbpipes.notebook.columns import columns_of

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(autouse=True)
def registered():
    before = pd.DataFrame.pipe, pd.Series.pipe
    accessor.register()
    yield
    accessor.unregister()
    assert (pd.DataFrame.pipe, pd.Series.pipe) == before
    accessor._own_models.unload()


@pytest.fixture
def frame():
    return pd.DataFrame({"text": ["the cat", None, "a dog", "the cat", np.nan], "n": range(5)}, index=list("vwxyz"))


def head(data):
    return data.head(1)


def add(data, other, *, more=0):
    return data + other + more


def test_pandas_own_uses_go_on(frame):
    numbers = frame[["n"]]
    assert frame.pipe(head).equals(frame.head(1))
    assert numbers.pipe(add, 1, more=2)["n"].tolist() == [3, 4, 5, 6, 7]
    assert numbers.pipe((lambda other, data: data + other, "data"), 1)["n"].tolist() == [1, 2, 3, 4, 5]
    assert pd.DataFrame.pipe(numbers, add, 1)["n"].tolist() == [1, 2, 3, 4, 5]
    assert frame["n"].pipe(add, 1).tolist() == [1, 2, 3, 4, 5]
    assert pd.Series.pipe(frame["n"], add, 1).tolist() == [1, 2, 3, 4, 5]
    assert frame.groupby("n").pipe(len) == 5
    assert inspect.isfunction(pd.DataFrame.pipe)
    assert "func" in inspect.signature(pd.DataFrame.pipe).parameters
    assert "func" in frame.pipe.__doc__
    assert copy.deepcopy(frame).equals(pickle.loads(pickle.dumps(frame)))
    with pytest.raises(ValueError, match="is both the pipe target and a keyword"):
        numbers.pipe((add, "more"), more=1)


def test_subclasses_go_on():
    class Mine(pd.DataFrame):
        @property
        def _constructor(self):
            return Mine

        def pipe(self, func, *args, **kwargs):
            return super().pipe(func, *args, **kwargs)

    assert Mine({"a": [1]}).pipe(head).equals(Mine({"a": [1]}))


def test_a_column_called_pipe_is_a_column():
    data = pd.DataFrame({"pipe": [1]})
    assert data["pipe"].tolist() == [1]


def test_registering_twice_changes_nothing(frame):
    once = vars(pd.DataFrame)["pipe"]
    accessor.register()
    assert vars(pd.DataFrame)["pipe"] is once


def test_results_become_columns(tiny, frame):
    model = tiny("sequence")
    plain = pipeline("text-classification", model=model)
    before = frame.copy()
    found = frame.pipe("sentiment", "text", model=model, into="mood")
    assert frame.equals(before)
    assert list(found.columns) == ["text", "n", "mood", "mood_score"]
    assert list(found.index) == list("vwxyz")
    assert found["mood"].isna().tolist() == [False, True, False, False, True]
    assert found.loc["x", "mood"] == plain("a dog")[0]["label"]
    assert found.loc["v", "mood_score"] == found.loc["y", "mood_score"] == pytest.approx(plain("the cat")[0]["score"])
    assert str(found["mood"].dtype) == "string"
    assert str(found["mood_score"].dtype) == "Float64"
    again = frame.pipe.text_classification("text", model=model)
    assert list(again.columns[2:]) == ["label", "label_score"]
    listed = frame.pipe.sentiment("text", model=model, top_k=None)
    assert listed.loc["v", "label"] == plain("the cat", top_k=None)


def test_a_series_gives_its_results(tiny, frame):
    entities = frame["text"].pipe.ner(model=tiny("tokens"), ignore_labels=[])
    assert isinstance(entities, pd.Series)
    assert entities.loc["v"] == pipeline("ner", model=tiny("tokens"), ignore_labels=[])("the cat")
    assert entities.loc["w"] is None or pd.isna(entities.loc["w"])
    assert isinstance(frame["text"].pipe.sentiment(model=tiny("sequence")), pd.DataFrame)


def test_several_columns_make_an_item(tiny):
    data = pd.DataFrame({"q": ["the cat", "a dog"], "c": ["the cat lives in paris", None]})
    by_column = data.pipe.qa(question="q", context="c", model=tiny("spans"))
    literal = data.pipe.qa(question="the cat", context="c", model=tiny("spans"))
    expected = pipeline("question-answering", model=tiny("spans"))(question="the cat", context=data["c"][0])
    assert by_column["answer"][0] == literal["answer"][0] == expected["answer"]
    assert by_column["answer_start"][0] == expected["start"]
    assert by_column["answer"].isna().tolist() == [False, True]
    labels = data.pipe.zero_shot("q", labels=["cat", "dog"], model=tiny("sequence"))
    assert set(labels["label"]) <= {"cat", "dog"}


@pytest.mark.parametrize("data", [["the cat"], [], [None]])
@pytest.mark.parametrize(("task", "kind"), [("ner", "tokens"), ("sentiment", "sequence"), ("embed", "base")])
def test_columns_depend_on_the_task_alone(tiny, data, task, kind):
    frame = pd.DataFrame({"t": pd.Series(data, dtype="object")})
    full = pd.DataFrame({"t": ["the cat"]})
    found, other = (one.pipe(task, "t", model=tiny(kind)) for one in (frame, full))
    assert found.dtypes[1:].equals(other.dtypes[1:])
    assert len(found) == len(data)


def test_equal_texts_are_computed_once(tiny, frame, monkeypatch):
    seen = []
    kind = accessor.catalog.pipeline_class("text-classification")
    whole = kind.preprocess
    monkeypatch.setattr(
        kind, "preprocess", lambda self, item, options=None: seen.append(item) or whole(self, item, options)
    )
    frame.pipe.sentiment("text", model=tiny("sequence"))
    assert sorted(seen) == ["a dog", "the cat"]


def test_a_bad_row_is_named_or_skipped(tiny):
    data = pd.DataFrame({"t": ["the cat", "the " * 2000, "a dog"]}, index=[10, 20, 30])
    with pytest.raises(InputError) as caught:
        data.pipe.sentiment("t", model=tiny("sequence"))
    assert "row 20" in caught.value.__notes__[0]
    skipped = data.pipe.sentiment("t", model=tiny("sequence"), on_error="skip")
    assert skipped["label"].isna().tolist() == [False, True, False]


def test_mistakes_are_told(tiny, frame):
    with pytest.raises(AttributeError, match="no task 'sentimnt'; did you mean 'sentiment'"):
        frame.pipe.sentimnt("text")
    with pytest.raises(InputError, match="no column 'txt'; did you mean 'text'"):
        frame.pipe.sentiment("txt")
    with pytest.raises(InputError, match="name the column"):
        frame.pipe.sentiment()
    with pytest.raises(InputError, match="a column 'n' already"):
        frame.pipe.sentiment("text", model=tiny("sequence"), into="n")
    with pytest.raises(InputError, match="leave the names of columns out"):
        frame["text"].pipe.sentiment("text")
    with pytest.raises(TypeError, match="no option 'topk'"):
        frame.pipe.sentiment("text", model=tiny("sequence"), topk=3)
    assert "sentiment" in dir(frame.pipe)
    assert not hasattr(frame.pipe, "_repr_html_")


def test_results_are_shown(tiny, frame):
    shown = frame.pipe.show("ner", "text", model=tiny("tokens"), ignore_labels=[])
    assert len(shown.result) == 3
    assert "entities" in shown.to_html()


def test_rows_and_views_are_linked(tiny, frame):
    shown = frame.pipe.show("sentiment", "text", model=tiny("sequence"))
    labels = list("vxy")
    assert [row["name"] for row in shown.spec["first"]] == labels
    shown.ops["select"]({"indices": [2, 0]})
    assert shown.selected == [labels[2], labels[0]]
    assert frame.loc[shown.selected, "text"].notna().all()
    shown.reveal(labels[1])
    assert shown.revealed == 1
    assert shown.ops["place"]({"index": 1, "by": -1, "down": False, "query": ""}) == 1
    assert shown.ops["place"]({"index": 1, "by": -1, "down": False, "query": "no such row"}) == -1
    with pytest.raises(InputError, match="no row is called 'nobody'"):
        shown.reveal("nobody")
    assert "0 = v, 1 = x, 2 = y" in shown.to_html()
    with pytest.raises(InputError, match="nothing to show"):
        frame.iloc[:0].pipe.show("sentiment", "text", model=tiny("sequence"))


def test_a_frame_is_asked_as_a_whole():
    table = pd.DataFrame({"Name": ["Rust", "new york"], "Stars": [5, 7]}, index=["x", "x"])
    tapas = GOLDEN / "tapas"
    files = {"model": tapas / "cells", "tokenizer": str(tapas / "tokenizer")}
    answer = table.pipe.table_qa("how many stars?", **files)
    pipe = pipeline("table-question-answering", model=tapas / "cells", tokenizer=tapas / "tokenizer")
    assert answer == pipe(table, "how many stars?") == table.pipe("table-qa", question="how many stars?", **files)
    assert answer.source["table"] is table
    assert len(table.pipe.table_question_answering("how many?", "stars?", **files)) == 2
    assert len(table.pipe.show("table-qa", ["how many?", "stars?"], **files)) == 2
    with pytest.raises(InputError, match="ask a question"):
        table.pipe.table_qa(**files)
    with pytest.raises(InputError, match="not about a Series"):
        table["Name"].pipe.table_qa("how many?", **files)


def test_stream(frame, tiny, tmp_path):
    model = tiny("sequence")
    job = frame.pipe.stream("sentiment", "text", model=model, sink=tmp_path / "run")
    found = job.result(60)
    assert [one["label"] for one in found] == frame.pipe.sentiment("text", model=model)["label"].dropna().tolist()
    again = frame.pipe.stream("sentiment", "text", model=model, sink=tmp_path / "run")
    assert list(again.result(60)) == list(found)
    assert again.snapshot()["skipped"] == 3


def test_progress(frame, tiny, capsys):
    frame.pipe.sentiment("text", model=tiny("sequence"), progress=True)
    assert "2/2" in capsys.readouterr().err
    frame.pipe.sentiment("text", model=tiny("sequence"), progress=False)
    assert capsys.readouterr().err == ""


def test_every_task_has_columns_that_fit():
    written = [{"generated_text": "a"}]
    assert columns_of("text-generation").frame([written, None], "out", pd.RangeIndex(2))["out"][0] == "a"
    two = columns_of("summarization").frame([[{"summary_text": "a"}, {"summary_text": "b"}]], "s", pd.RangeIndex(1))
    assert two["s"][0] == ["a", "b"]
    found = columns_of("image-classification").frame([[{"label": "cat", "score": 0.5}], []], "l", pd.RangeIndex(2))
    assert found["l"][0] == "cat"
    assert found["l_score"].tolist() == [0.5, pd.NA]
