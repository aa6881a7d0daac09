"""Answers on a page: where they stand, and the picture that shows it."""

from PIL import Image

from nbpipes.display import document
from nbpipes.results.records import Record

ANSWER = {"score": 0.9, "answer": "John Smith Street", "start": 3, "end": 5}
BOXES = [[100, 100, 200, 140], [210, 102, 300, 141], [100, 160, 220, 200]]


def test_words_of_a_line_share_a_box():
    assert document.rects_of(Record(ANSWER, meta={"boxes": BOXES})) == [(100, 100, 300, 141), (100, 160, 220, 200)]
    assert document.rects_of(ANSWER) == []


def test_the_answer_is_boxed_on_the_page():
    image = Image.new("RGB", (500, 400), "white")
    source = {"image": image, "question": "Who <b>?"}
    html = document.draw([Record(ANSWER, meta={"boxes": BOXES})], source, 80_000)
    assert "Who &lt;b&gt;?" in html
    assert "<img" in html
    assert "John Smith Street" in html
    assert "<img" not in document.draw([ANSWER], {"image": None, "question": "a"}, 80_000)


def test_a_page_that_came_with_the_answer_is_drawn():
    small = Image.new("RGB", (40, 60))
    assert document.page_of([Record(ANSWER, meta={"page": small})], {"image": "gone.pdf"}) is small
    assert document.page_of([ANSWER], {"image": "gone.pdf"}) is None


def test_the_words_of_a_page_are_those_that_were_read_or_given():
    kept = Record(ANSWER, meta={"words": ["John", "Smith"], "places": BOXES[:2]})
    given = {"image": None, "word_boxes": [("only", BOXES[2])]}
    assert document.words_of([ANSWER, kept], given) == [
        ("John", (100.0, 100.0, 200.0, 140.0)),
        ("Smith", (210.0, 102.0, 300.0, 141.0)),
    ]
    assert document.words_of([ANSWER], given) == [("only", (100.0, 160.0, 220.0, 200.0))]
    assert document.words_of([ANSWER], "page.png") == []


def test_a_page_of_words_alone_is_sketched():
    given = {"image": None, "question": "Where?", "word_boxes": [("only", BOXES[2])]}
    html = document.draw([Record(ANSWER, meta={"boxes": BOXES})], given, 80_000)
    assert "The page, 1000 × 1414: John Smith Street" in html
    assert "<img" in document.draw([], given, 80_000)
