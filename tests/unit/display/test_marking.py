"""Marked text: it stays the text, whatever the spans and the room."""

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from nbpipes.display import kit
from nbpipes.display.marking import DEPTH, Span, mark, placed

ALPHABET = st.sampled_from("ab <>&\"'\n\r\t é́👩🏽‍🔬שׁم‮\x00\x1b\x85\ud800") | st.characters(exclude_categories=())
TEXTS = st.text(ALPHABET, max_size=60)
PLACES = st.lists(st.tuples(st.integers(-3, 63), st.integers(-3, 63)), max_size=12)


def spans_of(places: list[tuple[int, int]]) -> list[Span]:
    return [Span(start, end, f"L{start} 0.99", kit.PALETTE[0]) for start, end in places]


@given(TEXTS, PLACES)
@example("👩🏽‍🔬 works", [(0, 4), (1, 6)])
@example("e\u0301a", [(0, 1), (1, 3)])
@example("a\nb\r\nc\rd", [(0, 3), (2, 6)])
def test_without_tags_and_notes_it_is_the_text(read: Callable[[str], Any], text: str, places: Any) -> None:
    good, others = placed(spans_of(places), len(text))
    marked = mark(text, good, 1_000_000)
    reader = read(marked.html)
    assert reader.bare == kit.safe(text)
    assert (marked.characters, marked.spans) == (len(text), len(good))
    assert len(good) + len(others) == len(places)
    # Each character lies in as many marks as spans cover it.
    assert reader.depths == [sum(s.start <= i < s.end for s in good) for i in range(len(text))]
    # Each span shows its note once, however many pieces it has.
    assert reader.tags.count("sub") == len(good)
    for span in good:
        assert reader.text.count(f"{span.note}") >= 1


@given(TEXTS, PLACES)
def test_what_is_not_placed_has_a_reason(text: str, places: Any) -> None:
    spans = spans_of(places)
    good, others = placed(spans, len(text))
    for index in others:
        span = spans[index]
        inside = sum(other.start <= span.start < other.end for other in good)
        assert not 0 <= span.start < span.end <= len(text) or inside >= DEPTH
    assert good == sorted(good, key=lambda span: (span.start, -span.end))


@given(st.text(ALPHABET, max_size=400), PLACES, st.integers(0, 6_000))
def test_never_larger_than_its_room(read: Callable[[str], Any], text: str, places: Any, room: int) -> None:
    good, _ = placed(spans_of(places), len(text))
    marked = mark(text, good, room)
    reader = read(marked.html)
    assert kit.safe(text).startswith(reader.bare)
    assert len(reader.bare) == marked.characters
    assert kit.size(marked.html) <= room


def test_a_mark_inside_another_closes_first() -> None:
    spans, _ = placed(spans_of([(0, 5), (2, 3)]), 5)
    html = mark("abcde", spans, 100_000).html
    assert html.count("<mark") == 2
    assert html.index("L2") < html.index("L0")


def test_an_overlap_goes_on_in_a_second_piece() -> None:
    spans, _ = placed(spans_of([(0, 3), (2, 5)]), 5)
    html = mark("abcde", spans, 100_000).html
    assert html.count("<mark") == 3
    assert html.count("L2") == 1


def test_spans_beyond_the_depth_are_named_not_drawn() -> None:
    good, others = placed(spans_of([(0, 5)] * 500), 5)
    assert len(good) == DEPTH
    assert len(others) == 500 - DEPTH
