"""Joining what was heard in windows that overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Words:
    """Ids of a text, and when each was said, where that is known."""

    tokens: list[int]
    times: list[Span] | None = None

    def put(self, token: int, time: Span | None) -> None:
        """Adds an id at the end."""
        self.tokens.append(token)
        if self.times is not None and time is not None:
            self.times.append(time)

    def __getitem__(self, part: slice) -> "Words":
        return Words(self.tokens[part], None if self.times is None else self.times[part])

    def __add__(self, other: Self) -> "Words":
        times = None if self.times is None or other.times is None else [*self.times, *other.times]
        return Words([*self.tokens, *other.tokens], times)


def joined(parts: Sequence[Words]) -> Words:
    """One text of several, each of which begins with what the one before it ends with, or about that.

    Neighbours are joined in the middle of where they agree best: left of it the first one is taken, right of it the
    second. Where words have times, those that agree must come in order.
    """
    whole, last = parts[0][:0], parts[0]
    for following in parts[1:]:
        left, right = _middles(last, following)
        whole, last = whole + last[:left], following[right:]
    return whole + last


def _middles(left: Words, right: Words) -> tuple[int, int]:
    """Where to cut two neighbours. Where they agree in no more than one place: behind the first, before the second."""
    sizes, best, found = (len(left.tokens), len(right.tokens)), 0.0, (len(left.tokens), 0)
    alike = _alike(left, right)
    for shift in range(1, sum(sizes)):
        start, stop = max(0, sizes[0] - shift), min(sizes[0], sum(sizes) - shift)
        begin, end = max(0, shift - sizes[0]), min(sizes[1], shift)
        matches = int(alike.diagonal(begin - start).sum()) if alike.size else 0
        quality = matches / shift + shift / 10_000.0  # the longer one of two that agree perfectly
        if matches > 1 and quality > best:
            best, found = quality, ((start + stop) // 2, (begin + end) // 2)
    return found


def _alike(left: Words, right: Words) -> np.ndarray:
    """Which ids are equal, and not said before those they are compared with: `(left, right)`."""
    alike = np.equal.outer(np.asarray(left.tokens), np.asarray(right.tokens))
    if left.times is not None and right.times is not None and alike.size:
        for i, j in np.argwhere(alike):
            alike[i, j] = left.times[i] <= right.times[j]
    return alike
