"""Labels of the reader's own: the model is asked again, while its pipeline is in memory."""

import gc
import time
from typing import Any

import pytest
from PIL import Image

from nbpipes.results.makers import maker_of, remember
from nbpipes.results.records import annotate
from nbpipes.widgets.labels import Labels
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import View

TASK = "zero-shot-image-classification"
META = {"model": "tiny", "revision": None, "device": "cpu", "dtype": "float32"}
PICTURE = Image.new("RGB", (30, 20))


class Pipe:
    """What a view needs of a pipeline."""

    kind, meta = TASK, META

    def __call__(self, item: Any, candidate_labels: list[str]) -> Any:
        if "bad" in candidate_labels:
            raise ValueError("no <such> label")
        found = [{"score": 1 / len(candidate_labels), "label": label} for label in candidate_labels]
        return annotate(found, TASK, item, self.meta)


def shown(result: Any) -> Labels:
    view = view_of(result)
    assert isinstance(view, Labels)
    return view


def ask(view: View, heard: list[Any], labels: Any) -> dict[str, Any]:
    before = len(heard)
    view._handle_custom_msg({"id": "7", "op": "again", "args": {"candidates": labels}}, [])
    for _ in range(200):
        if len(heard) == before + 2:
            break
        time.sleep(0.01)
    return heard[-1]


def test_other_labels_are_scored(heard: list[Any]) -> None:
    pipe = Pipe()
    remember(pipe)
    view = shown(pipe(PICTURE, ["cat", "dog"]))
    assert view.spec["candidates"] == ["cat", "dog"]
    assert view.spec["picture"]["width"] == 30
    assert ask(view, heard, ["cat", "dog", "猫", "<b>"])["state"] == "done"
    assert [entry["label"] for entry in view.spec["labels"]] == ["cat", "dog", "猫", "<b>"]
    assert [part["label"] for part in view.parts()] == ["cat", "dog", "猫", "<b>"]
    assert view.result.source is PICTURE


@pytest.mark.parametrize("labels", [[], [""], [5], "cat", ["x"] * 101, None, ["bad"]])
def test_nonsense_is_refused(labels: Any, heard: list[Any]) -> None:
    pipe = Pipe()
    remember(pipe)
    view = shown(pipe(PICTURE, ["cat", "dog"]))
    assert ask(view, heard, labels)["state"] == "failed"
    assert len(view.result) == 2


def test_without_its_pipeline_labels_stay(heard: list[Any]) -> None:
    pipe = Pipe()
    remember(pipe)
    result = pipe(PICTURE, ["cat", "dog"])
    view = shown(result)
    del pipe
    gc.collect()
    assert "not in memory" in ask(view, heard, ["cat"])["error"]
    assert shown(result).spec["candidates"] is None


def test_a_maker_is_of_the_task_and_model() -> None:
    pipe = Pipe()
    remember(pipe)
    assert maker_of(TASK, {**META, "seconds": 3}) is pipe
    assert maker_of("image-classification", META) is None
    assert maker_of(TASK, {**META, "dtype": "float16"}) is None


def test_labels_of_models_are_fixed() -> None:
    result = annotate([{"label": "cat", "score": 0.5}], "image-classification", PICTURE, META)
    assert shown(result).spec["candidates"] is None
