"""Views without a browser: what they send, what they understand, and that they end."""

import gc
import json
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbpipes
from nbpipes.errors import InputError
from nbpipes.results.failures import Failure
from nbpipes.results.records import Records, annotate, annotate_batch
from nbpipes.widgets import embeddings, entities, text
from nbpipes.widgets.comparison import compare
from nbpipes.widgets.panel import Panel
from nbpipes.widgets.playground import Field, Playground
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import View, parcel


def ask(view: View, op: str, args: dict[str, Any]) -> None:
    """As a front end does."""
    view._handle_custom_msg({"id": "7", "op": op, "args": args}, [])


def shown(result: Any) -> Any:
    view = view_of(result)
    assert view is not None
    return view


def test_selected_are_parts_of_the_result(results: dict[str, Any], heard: list[Any]) -> None:
    for name in ("entities", "labels", "answers", "blanks", "text"):
        view = shown(results[name])
        ask(view, "select", {"indices": [0]})
        assert view.selected == [view.parts()[0]]
    assert [message["state"] for message in heard] == ["done"] * 5


def test_selections_are_observed(entities: Records, heard: list[Any]) -> None:
    view, seen = shown(entities), []
    view.observe(lambda change: seen.append([part["word"] for part in change.new]), "selected")
    ask(view, "select", {"indices": [2, 0]})
    assert seen == [["London", "Ada"]]


def test_bytes_travel_beside_the_message() -> None:
    content, buffers = parcel({"a": [b"one", {"b": b"two"}], "c": (1, None, "x")})
    assert content == {"a": [{"buffer": 0}, {"b": {"buffer": 1}}], "c": [1, None, "x"]}
    assert buffers == [b"one", b"two"]


@pytest.mark.parametrize("args", [{"indices": [99]}, {"indices": [-1]}, {"indices": ["0"]}, {"indices": None}, {}])
def test_nonsense_is_answered_with_an_error(args: dict[str, Any], entities: Records, heard: list[Any]) -> None:
    view = shown(entities)
    ask(view, "select", args)
    ask(view, "no such thing", args)
    view._handle_custom_msg("noise", [])
    assert [(message["id"], message["state"]) for message in heard] == [("7", "failed")] * 2
    assert view.selected == []


@given(st.text(max_size=60), st.data())
def test_offsets_stay_code_points(source: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(-2, len(source) + 2))
    end = data.draw(st.integers(-2, len(source) + 2))
    spec = entities.describe([{"entity": "X", "score": 0.5, "word": "x", "start": start, "end": end}], source)
    json.dumps(spec).encode()
    (entity,) = spec["entities"]
    if entity["start"] is None:
        assert not 0 <= start < end <= len(source) or not source.strip()
    else:
        assert len(spec["text"]) == len(source)
        assert (entity["start"], entity["end"]) == (start, end)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "high", None, np.float32(0.5)])
def test_odd_scores_can_be_sent(value: Any) -> None:
    result = annotate([{"label": "a", "score": value}], "text-classification", "a text", {})
    json.dumps(shown(result).spec, allow_nan=False)


def test_a_gallery_answers_in_windows(many: Records, heard: list[Any]) -> None:
    view = shown(many)
    assert [row["index"] for row in view.spec["first"]] == list(range(100))
    order = {"by": -1, "down": False, "query": ""}
    ask(view, "rows", {"start": 240, "stop": 260, **order})
    ask(view, "rows", {"start": 0, "stop": 3, **order, "query": "TEXT 24"})
    ask(view, "rows", {"start": 0, "stop": 2, **order, "by": 0, "down": True})
    found = [[row["index"] for row in message["result"]["rows"]] for message in heard]
    assert found == [list(range(240, 250)), [24, 240, 241], [249, 248]]
    assert [message["result"]["total"] for message in heard] == [250, 11, 250]


def test_a_gallery_opens_and_selects_within(many: Records, heard: list[Any]) -> None:
    view = shown(many)
    ask(view, "item", {"index": 3})
    ask(view, "pick", {"index": 3, "indices": [1]})
    ask(view, "select", {"indices": [3]})
    ask(view, "item", {"index": 250})
    assert heard[0]["result"]["kind"] == "labels"
    assert view.selected_parts == [many[3][1]]
    assert view.selected == [many[3]]
    assert heard[-1]["state"] == "failed"


def test_a_gallery_of_entities_and_answers(entities: Records) -> None:
    spec = shown(annotate_batch([entities] * 3, "token-classification", [entities.source] * 3, {})).spec
    assert spec["first"][0]["cells"] == [3, [["PER", "Ada"], ["PER", "Charles"], ["LOC", "London"]]]
    items = [{"question": f"Who {i}?", "context": "Ada."} for i in range(3)]
    answers = [{"answer": "Ada", "score": 0.5, "start": 0, "end": 3}] * 3
    spec = shown(annotate_batch(answers, "question-answering", items, {})).spec
    assert (spec["first"][2]["text"], spec["first"][2]["cells"]) == ("Who 2?", ["Ada", 0.5])


def test_a_gallery_tells_what_failed(entities: Records, heard: list[Any]) -> None:
    failed = Failure.of(1, "preprocess", ValueError("<b>no text</b>"), 5)
    for task, good in (("token-classification", entities), ("text-classification", [{"label": "a", "score": 0.5}])):
        view = shown(annotate_batch([good, failed, good], task, ["x", 5, "x"], {}))
        assert len(view.spec["first"][1]["cells"]) == len(view.spec["columns"])
        ask(view, "item", {"index": 1})
        assert "ValueError: <b>no text</b>" in heard[-1]["error"]


def test_results_that_nothing_draws_have_no_view() -> None:
    assert view_of(annotate({"depth": 3}, "made-up", "x", {})) is None
    assert view_of(annotate_batch([], "text-classification", [], {})) is None


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))
def test_projections_stay_in_their_frame(count: int, width: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, width))
    points = embeddings.projected(vectors)
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()
    assert np.abs(points).max() <= 1 + 1e-9


def test_vectors_of_different_lengths_are_a_gallery_no_matrix() -> None:
    assert embeddings.describe_batch([[[1.0, 2.0]], [[1.0]]], ["a", "b"]) is None


def test_prompts_are_told_from_what_follows() -> None:
    spec = text.describe([{"generated_text": "Once upon"}, {"generated_text": "Else"}], "Once")
    assert [(answer["prompt"], answer["text"]) for answer in spec["answers"]] == [("Once", " upon"), ("", "Else")]


def test_two_results_are_compared(entities: Records, heard: list[Any]) -> None:
    other = entities.copy()
    other[1] = {**other[1], "entity_group": "ORG"}
    del other[2]
    view = compare(entities, other)
    rows = [(row["what"], row["left"], row["right"], row["same"]) for row in view.spec["rows"]]
    assert rows == [("Ada", "PER", "PER", True), ("Charles", "PER", "ORG", False), ("London", "LOC", None, False)]
    ask(view, "select", {"side": 1, "indices": [1]})
    ask(view, "select", {"side": 0, "indices": [2]})
    assert [part["word"] for part in view.selected] == ["London", "Charles"]
    assert view.to_html().count("nbp-static") == 2


def test_what_cannot_be_compared_is_refused(entities: Records, many: Records) -> None:
    for pair in ((entities, many), (entities, "text"), (many, many), (entities, many[0])):
        with pytest.raises(InputError):
            compare(*pair)


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_a_playground_answers_later(entities: Records, heard: list[Any]) -> None:
    fields = [Field("text", "text")]
    view = Playground("ner", fields, [Field("stride", "line")], lambda inputs, options: entities, {})
    ask(view, "run", {"inputs": {"text": "x"}, "options": {}})
    wait_for(lambda: len(heard) == 2)
    assert [message["state"] for message in heard] == ["heard", "done"]
    assert heard[1]["result"]["spec"]["kind"] == "entities"
    ask(view, "select", {"indices": [1]})
    assert [part["word"] for part in view.selected] == ["Charles"]


def test_a_playground_runs_a_pipeline(heard: list[Any]) -> None:
    view = nbpipes.playground("sentiment", "demo")
    ask(view, "run", {"inputs": {"text": "A warm film."}, "options": {"top_k": "2", "function_to_apply": "sigmoid"}})
    wait_for(lambda: len(heard) == 2)
    assert heard[1]["state"] == "done", heard
    assert len(view.result) == 2
    ask(view, "run", {"inputs": {"text": "A warm film."}, "options": {"top": "2"}})
    wait_for(lambda: len(heard) == 4)
    assert "top_k" in heard[3]["error"]


def test_closed_views_leave_memory(entities: Records) -> None:
    refs = [weakref.ref(shown(entities)) for _ in range(5)]
    assert nbpipes.close_all() == 5
    gc.collect()
    assert [ref() for ref in refs] == [None] * 5


class Job:
    """A job as panels know it."""

    def __init__(self) -> None:
        self.done, self.commands = 0, []

    def snapshot(self) -> dict[str, Any]:
        sample = json.loads((Path(__file__).parents[3] / "widgets/panel/state.json").read_text(encoding="utf-8"))
        return sample["sample"]["spec"]["job"] | {"done": self.done, "rate": float("inf"), "model": "\ud800"}

    def command(self, name: str, value: Any = None) -> None:
        if name == "dance":
            raise InputError("a job knows no command 'dance'")
        self.commands.append((name, value))


def test_a_panel_follows_and_commands_its_job(heard: list[Any]) -> None:
    job = Job()
    view = Panel(job)
    job.done = 7
    view.refresh()
    assert view.spec["job"]["done"] == 7
    json.dumps(view.spec, allow_nan=False).encode()
    ask(view, "command", {"name": "set_batch_size", "value": 8})
    ask(view, "command", {"name": "dance"})
    assert job.commands == [("set_batch_size", 8)]
    assert [message["state"] for message in heard] == ["done", "failed"]
