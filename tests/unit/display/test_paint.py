"""What is drawn into pictures: boxes, regions and depths, with tags that do not hide each other."""

import base64
import io
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from nbpipes.display import depth, kit, masks, paint
from nbpipes.display.tags import places
from nbpipes.results import annotate, annotate_batch

Read = Callable[[str], Any]
GREY = Image.new("RGB", (200, 100), "#808080")


def box(label: str, score: float, *edges: int) -> dict[str, Any]:
    return {"label": label, "score": score, "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True))}


def opened(shown: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(shown.images[0].partition(",")[2]))).convert("RGB")


def has(image: Image.Image, colour: str) -> bool:
    return bool((np.abs(np.asarray(image).astype(int) - ImageColor.getrgb(colour)).max(axis=2) < 12).any())


COORDINATE = st.integers(-20, 220)
SIZE = st.tuples(st.integers(1, 90), st.integers(1, 30))


@given(st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE, SIZE, SIZE), max_size=25))
def test_tags_stay_in_the_picture_and_hide_no_other(given_boxes: list[Any]) -> None:
    rects = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d, *_ in given_boxes]
    sizes = [(long, short) for *_, long, short in given_boxes]
    found = places(rects, sizes, 200, 100)
    tags = []
    for place, options in zip(found, sizes, strict=True):
        if place is not None:
            across, down = options[place.text]
            tags.append((place.x, place.y, place.x + across, place.y + down))
    assert all(min(a, b) >= 0 and c <= 200 and d <= 100 for a, b, c, d in tags)
    for one, other in combinations(tags, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    if sizes and sizes[0][0][0] <= 200 and rects[0][1] >= sizes[0][0][1] and rects[0][1] <= 100:
        assert found[0] is not None


def test_boxes_are_in_the_picture_and_in_a_table(read: Read) -> None:
    value = [box("cat", 0.98, 10, 30, 60, 90), box("<b>", 0.5, 150, 10, 260, 120)]
    shown = read(annotate(value, "object-detection", GREY, {}).to_html())
    image = opened(shown)
    colours = kit.colours(["cat", "<b>"])
    assert all(has(image, colours[label].fill) for label in ("cat", "<b>"))
    assert image.width == 2 * 320  # small pictures are enlarged, so that their tags can be read
    assert "image, 200 × 100 pixels: 1 cat, 1 <b>" in shown.alts[0]
    assert "2 objects: <b> 1, cat 1" in shown.text or "2 objects: cat 1, <b> 1" in shown.text
    for words in ("cat", "0.9800", "10", "30", "60", "90", "<b>", "260"):
        assert words in shown.text


def test_boxes_without_their_picture_are_drawn_on_grey(read: Read) -> None:
    shown = read(annotate([box("cat", 0.98, 10, 30, 600, 400)], "object-detection", "http://x/a.png", {}).to_html())
    assert "600 × 400 pixels" in shown.alts[0]
    assert read(annotate([], "object-detection", "http://x/a.png", {}).to_html()).images == []


def test_no_box_is_an_answer_too(read: Read) -> None:
    shown = read(annotate([], "object-detection", GREY, {}).to_html())
    assert "No objects" in shown.text
    assert len(shown.images) == 1


def mask(*edges: int) -> Image.Image:
    image = Image.new("L", GREY.size)
    left, top, right, bottom = edges
    image.paste(255, (left, top, right, bottom))
    return image


def test_regions_are_in_the_picture_and_in_a_table(read: Read) -> None:
    value = [
        {"score": None, "label": "wall", "mask": mask(0, 0, 200, 50)},
        {"score": 0.93, "label": "猫", "mask": mask(50, 25, 100, 75)},
    ]
    shown = read(annotate(value, "image-segmentation", GREY, {}).to_html())
    image, colours = opened(shown), kit.colours(["wall", "猫"])
    assert all(has(image, colours[label].line) for label in ("wall", "猫"))
    assert "12.5 %" in shown.text  # the cat, which is in front of a part of the wall
    assert "43.8 %" in shown.text
    assert "0.9300" in shown.text


@given(st.integers(0, 500))
def test_the_middle_of_a_region_belongs_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.random((37, 53)) < rng.random() * 0.2
    inside[rng.integers(37), rng.integers(53)] = True
    x, y = masks.middle(inside)
    assert inside[int(y), int(x)]


def test_depths_have_a_legend_and_facts(read: Read) -> None:
    depths = torch.linspace(2, 10, 20_000).reshape(100, 200)
    shown = read(annotate({"predicted_depth": depths, "depth": None}, "depth-estimation", GREY, {}).to_html())
    assert len(shown.images) == 2
    assert "depth of image, 200 × 100: 2 to 10" in shown.alts[1]
    assert all(fact in shown.text for fact in ("2", "6", "10", "200", "100"))


def test_odd_depths_are_drawn(read: Read) -> None:
    for values in (np.full((3, 4), 7.0), np.array([[1.0, np.nan], [np.inf, 2.0]])):
        assert read(annotate({"predicted_depth": values, "depth": None}, "depth-estimation", None, {}).to_html()).images
    assert depth.depths_of({"predicted_depth": np.full((2, 2), np.nan), "depth": GREY.convert("L")}) is not None


def test_a_batch_is_a_table_of_small_pictures(read: Read) -> None:
    results = [[box("cat", 0.9, 1, 2, 30, 40)], [], ValueError("<no> image")]
    shown = read(annotate_batch(results, "object-detection", [GREY, GREY, "x"], {}).to_html())
    assert len(shown.images) == 2
    assert "No objects" in shown.text
    assert "ValueError: <no> image" in shown.text


def test_words_that_the_font_lacks_become_numbers() -> None:
    colour = kit.PALETTE[0]
    words = [
        paint._words(paint.Mark((0, 0, 0, 0), text, 7, colour)) for text in ("café 0.99", "猫 0.99", "a\nb", "x" * 99)
    ]
    assert words[:3] == ["cafe 0.99", "7", "7"]
    assert len(words[3]) == paint.WORDS


def test_regions_without_scores_have_no_column_for_them():
    mask = Image.new("L", (8, 8), 255)
    entries = [{"label": "sky", "score": None, "mask": mask}, {"label": "sea", "score": 0.5, "mask": mask}]
    assert ">score<" in annotate(entries, "image-segmentation", GREY, {}).to_html()
    shown = annotate(entries[:1], "image-segmentation", GREY, {}).to_html()
    assert ">score<" not in shown
    assert ">area<" in shown
