"""What was said in a sound, as its result tells: the pieces of the text with their times, and the lines they make."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ENDS = tuple(".?!…。?!؟।")
PAUSE = 1.0
"""Seconds of silence that end a sentence."""
LINE, LINE_SECONDS = 240, 20.0
"""Characters and seconds of a line of a transcript, at most."""
CUE, CUE_SECONDS = 84, 7.0
"""The same of a subtitle: what its two lines hold, and how long they stay."""
NUMBER = int | float


class Piece(NamedTuple):
    """A part of a text that has a time: a segment, a word or a letter. text: with the white space before it. start,
    end: seconds, None where they are not known. repaired: whether the model gave times that could not be."""

    text: str
    start: float | None
    end: float | None
    language: str = ""
    repaired: bool = False


def chunks_of(value: Any) -> list[Mapping[str, Any]]:
    """The parts of a transcript that have times, as the result has them; none if nobody asked for times."""
    chunks = value.get("chunks") if isinstance(value, Mapping) else None
    return [chunk for chunk in chunks if isinstance(chunk, Mapping)] if isinstance(chunks, list) else []


def times_of(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    """From when to when something is heard, in seconds; None where that is not known."""
    times = entry.get("timestamp")
    return (times[0], times[1]) if isinstance(times, tuple | list) and len(times) == 2 else (None, None)


def pieces_of(value: Any) -> list[Piece]:
    """The chunks of a transcript. Put one after the other, their texts read as the whole text does."""
    whole = value.get("text") if isinstance(value, Mapping) else None
    whole = whole if isinstance(whole, str) else ""
    found, position = [], 0
    for chunk in chunks_of(value):
        text = str(chunk.get("text", ""))
        word = text.strip()
        at = whole.find(word, position) if word else -1
        if at >= 0 and not whole[position:at].strip():
            text, position = whole[position : at + len(word)], at + len(word)
        elif not word and whole.startswith(text, position):
            position += len(text)
        elif word and text[0] == word[0] and found:
            text = f" {text}"
        start, end = (_seconds(time) for time in times_of(chunk))
        language = chunk.get("language")
        repaired = chunk.get("timestamp_ok") is False
        found.append(Piece(text, start, end, language if isinstance(language, str) else "", repaired))
    return found


def lines(pieces: Sequence[Piece]) -> list[range]:
    """The numbers of the pieces that are read together: each segment alone, words and letters as sentences.

    A sentence ends after its mark, and before a pause or another language; a long one is cut into equal parts.
    """
    return _grouped(pieces, LINE, LINE_SECONDS)


def cues(pieces: Sequence[Piece]) -> list[range]:
    """The same for subtitles, which are shorter."""
    return _grouped(pieces, CUE, CUE_SECONDS)


def _grouped(pieces: Sequence[Piece], longest: int, seconds: float) -> list[range]:
    if sum(len(piece.text.split()) for piece in pieces) > 1.5 * len(pieces):
        return [range(number, number + 1) for number in range(len(pieces))]
    found, begin = [], 0
    for number, piece in enumerate(pieces):
        if number + 1 == len(pieces) or _ends(piece, pieces[number + 1]):
            found += _cut(pieces, range(begin, number + 1), longest, seconds)
            begin = number + 1
    return found


def _ends(piece: Piece, after: Piece) -> bool:
    """Whether a sentence ends between two pieces."""
    if after.language != piece.language:
        return True
    if piece.end is not None and after.start is not None and after.start - piece.end > PAUSE:
        return True
    return piece.text.rstrip().endswith(ENDS) and _apart(piece, after)


def _apart(piece: Piece, after: Piece) -> bool:
    """Whether no word goes from one piece to the next."""
    return after.text[:1].isspace() or piece.text[-1:].isspace() or not (piece.text + after.text).isascii()


def _cut(pieces: Sequence[Piece], sentence: range, longest: int, seconds: float) -> list[range]:
    """A sentence as parts of about the same length, none much longer than it may be."""
    first, last = pieces[sentence[0]], pieces[sentence[-1]]
    length = sum(len(pieces[number].text) for number in sentence)
    time = last.end - first.start if last.end is not None and first.start is not None else 0.0
    wanted = max(math.ceil(length / longest), math.ceil(time / seconds), 1)
    found, begin, read = [], sentence.start, 0
    for number in sentence[:-1]:
        read += len(pieces[number].text)
        if read >= length * (len(found) + 1) / wanted and _apart(pieces[number], pieces[number + 1]):
            found.append(range(begin, number + 1))
            begin = number + 1
    return [*found, range(begin, sentence.stop)]


def _seconds(time: Any) -> float | None:
    known = isinstance(time, NUMBER) and not isinstance(time, bool) and math.isfinite(time) and time >= 0
    return float(time) if known else None
