"""Two transcripts of one sound, or one and the right text: where they differ by the word."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from nbpipes.display.transcript import clock
from nbpipes.results.speech import pieces_of
from nbpipes.results.wording import Run, Word, WordErrors, runs, words_of
from nbpipes.widgets.view import TEXT, text

ROWS = 500
"""Differences that are listed."""


def transcripts(left: Any, right: Any, errors: WordErrors | None) -> dict[str, Any]:
    """What differs: rows with both wordings and when they are said, and both texts as one, in pieces.

    errors: those of the left text, where the right one is its reference. wording: pairs of texts, which are one where
    they are the same. time: seconds, None where that is not known.
    """
    whole = [str(side.get("text", "")) for side in (left, right)]
    words = [words_of(one) for one in whole]
    found = runs(*([word.plain for word in side] for side in words))
    same = sum(len(run.left) for run in found if run.same)
    times = Times(left)
    rows = [_row(run, words, times) for run in found if not run.same]
    return {
        "head": "at",
        "rows": rows[:ROWS],
        "summary": summary(same, max(map(len, words)), errors),
        "wording": [_wording(run, whole, words) for run in found],
    }


def summary(same: int, most: int, errors: WordErrors | None) -> str:
    """How much of two texts is the same, in words."""
    if errors is None:
        return f"{same:,} of {most:,} words agree"
    counts = f"{errors.substituted:,} other, {errors.deleted:,} missing, {errors.inserted:,} too many"
    return f"Word error rate {100 * errors.rate:.1f} %: {counts}, of {errors.words:,} words"


class Times:
    """When the words of a transcript are said."""

    def __init__(self, value: Any) -> None:
        pieces = pieces_of(value)
        self._times = [piece.start for piece in pieces]
        self._starts = [0]
        for piece in pieces:
            self._starts.append(self._starts[-1] + len(piece.text))

    def at(self, character: int) -> float | None:
        """When the character is said that has this number in the text."""
        piece = bisect_right(self._starts, character) - 1
        return self._times[piece] if 0 <= piece < len(self._times) else None


def _row(run: Run, words: Sequence[Sequence[Word]], times: Times) -> dict[str, Any]:
    first = run.left.start
    time = times.at(words[0][first].start) if first < len(words[0]) else None
    sides = [" ".join(side[i].text for i in part) for side, part in zip(words, (run.left, run.right), strict=True)]
    return {
        "what": f"word {first + 1:,}" if time is None else clock(time),
        "left": text(sides[0]) or None,
        "right": text(sides[1]) or None,
        "same": False,
        "time": time,
    }


def _wording(run: Run, whole: Sequence[str], words: Sequence[Sequence[Word]]) -> list[str]:
    """The words of a run in both texts, with what stands between them; once where they are the same."""
    left, right = (_quoted(*side) for side in zip(whole, words, (run.left, run.right), strict=True))
    return [text(left, TEXT)] if run.same else [text(left, TEXT), text(right, TEXT)]


def _quoted(whole: str, words: Sequence[Word], part: range) -> str:
    if not part:
        return ""
    last = words[part[-1]]
    return whole[words[part[0]].start : last.start + len(last.text)]
