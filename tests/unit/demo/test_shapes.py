"""The detector and the segmenter that come with nbpipes: right on plain drawings, small, and honest."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nbpipes import demo, pipeline
from nbpipes.engine.pipeline import Pipeline

TASKS = ("object-detection", "image-segmentation")
BOXES = {"circle": (60, 50, 180, 170), "square": (260, 60, 380, 180), "triangle": (440, 50, 580, 180)}


def drawing(ground: str = "white") -> Image.Image:
    """Four shapes on one colour: three in their BOXES, and a star below."""
    image = Image.new("RGB", (640, 480), ground)
    pen = ImageDraw.Draw(image)
    pen.ellipse(BOXES["circle"], "crimson")
    pen.rectangle(BOXES["square"], "navy")
    left, top, right, bottom = BOXES["triangle"]
    pen.polygon([(left, bottom), ((left + right) / 2, top), (right, bottom)], "seagreen")
    turns = [math.pi * i / 5 for i in range(10)]
    corners = [(320 + r * math.sin(a), 340 - r * math.cos(a)) for r, a in zip((90, 38) * 5, turns, strict=True)]
    pen.polygon(corners, "darkorange")
    return image


@pytest.fixture(scope="module")
def find() -> Pipeline:
    return pipeline("object-detection", model="demo", device="cpu")


@pytest.fixture(scope="module")
def segment() -> Pipeline:
    return pipeline("image-segmentation", model="demo", device="cpu")


@pytest.mark.parametrize("ground", ["white", "lightblue", "black"])
def test_it_finds_what_was_drawn(find: Pipeline, ground: str) -> None:
    found = {one["label"]: one for one in find(drawing(ground))}
    assert sorted(found) == ["circle", "square", "star", "triangle"]
    for label, box in BOXES.items():
        assert list(found[label]["box"].values()) == pytest.approx(box, abs=20), label


def test_every_shape_is_found_once(find: Pipeline) -> None:
    assert len(find(drawing())) == 4


def test_it_finds_nothing_where_nothing_is(find: Pipeline) -> None:
    assert find(Image.new("RGB", (300, 200), "beige")) == []


def test_it_cuts_out_what_was_drawn(segment: Pipeline) -> None:
    parts = {one["label"]: np.asarray(one["mask"]) > 0 for one in segment(drawing())}
    assert {"background", "circle", "square", "triangle", "star"} <= parts.keys()
    left, top, right, bottom = BOXES["square"]
    inside = np.zeros((480, 640), bool)
    inside[top : bottom + 1, left : right + 1] = True
    both, either = (inside & parts["square"]).sum(), (inside | parts["square"]).sum()
    assert both / either > 0.85


@pytest.mark.parametrize("task", TASKS)
def test_the_card_tells_what_matters(task: str) -> None:
    card = (demo.folder(task) / "README.md").read_text(encoding="utf-8")
    for fact in ("license: apache-2.0", "a demonstration", "How good it is", "Seed", "## Limits", "train it again"):
        assert fact in card
    assert "<" not in card
