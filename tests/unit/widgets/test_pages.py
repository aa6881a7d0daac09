"""Views of pages: where answers and words stand, whatever the item and the answers bring."""

import json
from typing import Any

import pytest
from PIL import Image

import nbpipes
from nbpipes.display import document
from nbpipes.errors import InputError
from nbpipes.results.records import Record, Records, annotate, annotate_batch
from nbpipes.widgets import page
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import parcel

TASK = "document-question-answering"
SHEET = Image.new("RGB", (500, 700), "white")
WORDS = [("Invoice", [100, 100, 200, 120]), ("us-001", [210, 100, 300, 120]), ("Total", [100, 500, 200, 520])]


def about(first: int, last: int) -> dict[str, Any]:
    texts, places = [word for word, _ in WORDS], [box for _, box in WORDS]
    return {"boxes": places[first : last + 1], "words": texts, "places": places}


def answered(item: dict[str, Any], **meta: Any) -> Records:
    answers = [
        Record({"score": 0.9, "answer": "us-001", "start": 1, "end": 1}, meta=about(1, 1) | meta),
        Record({"score": 0.1, "answer": "us-001 Total", "start": 1, "end": 2}, meta=about(1, 2) | meta),
    ]
    return annotate(answers, TASK, item, {})


def test_boxes_are_in_pixels_of_the_page() -> None:
    item = {"image": SHEET, "question": "Which invoice?"}
    spec = page.describe(answered(item), item)
    assert spec is not None
    assert spec["question"] == "Which invoice?"
    assert (spec["picture"]["width"], spec["picture"]["height"]) == SHEET.size
    assert spec["words"][1] == {"text": "us-001", "box": [105.0, 70.0, 150.0, 84.0]}
    assert spec["answers"][0]["boxes"] == [[102.0, 65.8, 153.0, 88.2]]  # a little off the word
    assert len(spec["answers"][1]["boxes"]) == 2  # of two lines


def test_the_page_of_a_pdf_comes_with_the_answers() -> None:
    item = {"image": "orders.pdf", "question": "Which?"}
    spec = page.describe(answered(item, page=Image.new("RGB", (70, 99))), item)
    assert spec is not None
    assert spec["picture"]["data"]
    assert (spec["picture"]["name"], spec["picture"]["width"], spec["picture"]["height"]) == ("orders.pdf", 70, 99)


def test_words_of_an_item_make_a_page_where_there_is_no_picture() -> None:
    item = {"image": None, "question": "Which?", "word_boxes": WORDS}
    answers = annotate([Record({"score": 0.9, "answer": "Total"}, meta={"boxes": [WORDS[2][1]]})], TASK, item, {})
    spec = page.describe(answers, item)
    assert spec is not None
    assert spec["picture"]["data"] is None
    assert (spec["picture"]["width"], spec["picture"]["height"]) == document.BLANK
    assert [word["text"] for word in spec["words"]] == ["Invoice", "us-001", "Total"]


def test_what_is_sent_is_bounded_and_can_be_json() -> None:
    texts, places = [f"word {i} \ud800" for i in range(document.WORDS + 3)], [[0, 0, 9, 9]] * (document.WORDS + 3)
    answer = {"score": float("nan"), "answer": None}
    answers = [Record(answer, meta={"words": texts, "places": places})] * 300
    spec = page.describe(answers, "page.png")
    assert spec is not None
    assert (len(spec["answers"]), len(spec["words"]), spec["more"]) == (page.ANSWERS, document.WORDS, 3)
    assert spec["answers"][0] == {"answer": "", "score": None, "boxes": []}
    json.dumps(parcel(spec)[0], allow_nan=False)


def test_answers_of_a_model_that_writes_have_no_place() -> None:
    item = {"image": SHEET, "question": "Which?"}
    spec = page.describe([{"answer": "us-001"}], item)
    assert spec is not None
    assert spec["answers"] == [{"answer": "us-001", "score": None, "boxes": []}]
    assert page.describe("us-001", item) is None
    assert page.describe([], item) is not None


def test_answers_are_selected() -> None:
    view = view_of(answered({"image": SHEET, "question": "Which?"}))
    assert view is not None
    view.ops["select"]({"indices": [1]})
    assert [answer["answer"] for answer in view.selected] == ["us-001 Total"]
    with pytest.raises(InputError, match="2 parts"):
        view.ops["select"]({"indices": [2]})


def test_many_pages_and_two_models() -> None:
    items = [{"image": SHEET, "question": question} for question in ("Which?", "How much?")]
    results = [answered(item) for item in items]
    gallery = view_of(annotate_batch(results, TASK, items, {}))
    assert gallery is not None
    assert [(row["text"], row["cells"]) for row in gallery.spec["first"]] == [
        ("Which?", ["us-001", 0.9]),
        ("How much?", ["us-001", 0.9]),
    ]
    assert gallery.spec["pictures"]
    both = nbpipes.compare(results[0], answered(items[0]))
    assert [row["same"] for row in both.spec["rows"]] == [True, True]
