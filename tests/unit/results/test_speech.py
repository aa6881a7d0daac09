"""The pieces of a transcript, and the lines and subtitles that they make."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.results.speech import CUE, LINE, chunks_of, cues, lines, pieces_of


def said(text: str, *words: str, step: float = 0.5) -> dict[str, Any]:
    chunks = [{"text": word, "timestamp": (step * i, step * (i + 1))} for i, word in enumerate(words)]
    return {"text": text, "chunks": chunks}


@pytest.mark.parametrize(
    "value",
    [
        said(" Hello there. You", " Hello", " there.", " You"),
        said("HELLO WORLD AND", "HELLO", "WORLD", "AND"),  # as CTC gives words
        said("AB C", "A", "B", " ", "C"),
        said("今日は。天気", "今日", "は。", "天気"),
        said("a a a", "a", "a", "a"),
        said(" one <b> two", " one", " <b>", " two"),
    ],
)
def test_pieces_read_as_the_text(value: dict[str, Any]) -> None:
    pieces = pieces_of(value)
    assert "".join(piece.text for piece in pieces) == value["text"]
    for grouped in (lines(pieces), cues(pieces)):
        assert [number for group in grouped for number in group] == list(range(len(pieces)))


def test_words_that_the_text_does_not_have_stay_apart() -> None:
    assert "".join(piece.text for piece in pieces_of(said("other", "one", "two"))) == "one two"


def test_sentences_are_lines() -> None:
    pieces = pieces_of(said(" Mr. Who? It is 3.5 now", " Mr.", " Who?", " It", " is", " 3", ".5", " now"))
    assert [len(line) for line in lines(pieces)] == [1, 1, 5]


def test_pauses_and_languages_part_lines() -> None:
    words = [("a", 0, 1, "english"), (" b", 1.5, 2, "english"), (" c", 3.5, 4, "english"), (" d", 4, 5, "french")]
    chunks = [{"text": text, "timestamp": (start, end), "language": own} for text, start, end, own in words]
    assert [len(line) for line in lines(pieces_of({"text": "a b c d", "chunks": chunks}))] == [2, 1, 1]


def test_segments_stay_as_they_are() -> None:
    pieces = pieces_of(said(" One. Two three. And four", " One. Two", " three. And", " four"))
    assert [len(line) for line in lines(pieces)] == [1, 1, 1]


def test_long_sentences_are_cut_into_equal_parts() -> None:
    words = [" word"] * 100
    pieces = pieces_of(said("".join(words), *words, step=0.1))
    for grouped, most in ((lines(pieces), LINE), (cues(pieces), CUE)):
        lengths = [sum(len(pieces[i].text) for i in group) for group in grouped]
        assert max(lengths) <= most + 5
        assert max(lengths) - min(lengths) <= 5


@given(st.lists(st.tuples(st.text(max_size=5), st.floats() | st.none(), st.floats() | st.none()), max_size=9))
def test_odd_chunks_are_read(words: list[tuple[str, float | None, float | None]]) -> None:
    chunks = [{"text": text, "timestamp": (start, end)} for text, start, end in words]
    pieces = pieces_of({"text": "".join(text for text, *_ in words), "chunks": chunks})
    assert len(pieces) == len(words)
    assert all(time is None or 0 <= time < float("inf") for piece in pieces for time in (piece.start, piece.end))
    assert sum(map(len, lines(pieces))) == len(words)


@pytest.mark.parametrize("value", [None, [], {}, {"chunks": None}, {"chunks": ["x"]}, {"text": "a"}])
def test_what_has_no_chunks(value: Any) -> None:
    assert chunks_of(value) == []
    assert pieces_of({"text": 5, "chunks": [{"text": None}]})[0].text == "None"


def test_repaired_times_are_told() -> None:
    chunks = [{"text": "a", "timestamp": (0, 1), "timestamp_ok": False}]
    assert pieces_of({"text": "a", "chunks": chunks})[0].repaired
