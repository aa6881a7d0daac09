"""Where two texts differ by the word, and how many errors one has if the other is right."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbpipes.errors import InputError

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
"""What stands between spaces; Chinese and Japanese have none, so that each of their letters is a word."""
CELLS = 300_000_000
"""Pairs of words that are looked at: 1 byte each."""
BAND = 64
"""Words by which one text may run ahead of the other at first; more are allowed if these are too few."""
BOTH, LEFT, RIGHT = range(3)


class Word(NamedTuple):
    """A word, and at which character of its text it begins. plain: as it is compared."""

    text: str
    start: int
    plain: str


class Run(NamedTuple):
    """Words of two texts, by their numbers, that are the same or stand in each other's place."""

    left: range
    right: range
    same: bool


class WordErrors(NamedTuple):
    """How a text differs from the right one, which has `words` words: so many are others, missing, or too many."""

    words: int
    substituted: int
    deleted: int
    inserted: int

    @property
    def rate(self) -> float:
        """The word error rate: errors for each word of the right text. It may be more than 1."""
        return (self.substituted + self.deleted + self.inserted) / self.words


def words_of(text: str) -> list[Word]:
    """The words of a text. What has neither a letter nor a digit is none."""
    found = (Word(match[0], match.start(), plain(match[0])) for match in WORD.finditer(text))
    return [word for word in found if word.plain]


def plain(word: str) -> str:
    """A word as it is compared: in lower case, without marks at its ends, and with one kind of letters."""
    same = unicodedata.normalize("NFKC", word).casefold().replace("’", "'")
    return re.sub(r"^[\W_]+|[\W_]+$", "", same)


def word_errors(text: str, reference: str) -> WordErrors:
    """Count the errors of a transcript by the least number of words that have to be changed to get the right text.

    Case and punctuation do not count; numbers in digits and in letters are different words. InputError for a reference
    without words.
    """
    right = [word.plain for word in words_of(reference)]
    if not right:
        raise InputError("the reference has no words, so that nothing can be wrong or right")
    steps = _steps([word.plain for word in words_of(text)], right)
    counts = [sum(step == kind for step, _ in steps) for kind in range(3)]
    same = sum(equal for _, equal in steps)
    return WordErrors(len(right), counts[BOTH] - same, counts[RIGHT], counts[LEFT])


def runs(left: Sequence[str], right: Sequence[str]) -> list[Run]:
    """Where two texts have the same words, and where others, from their beginnings to their ends.

    left, right: the words as they are compared.
    """
    found: list[Run] = []
    i = j = 0
    for step, same in _steps(left, right):
        if not found or found[-1].same != same:
            found.append(Run(range(i, i), range(j, j), same))
        i, j = i + (step != RIGHT), j + (step != LEFT)
        found[-1] = Run(range(found[-1].left.start, i), range(found[-1].right.start, j), same)
    return found


def _steps(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, bool]]:
    """The shortest way from one text to the other: which of them has the next word, and whether both have the same."""
    first = _shared(left, right)
    last = _shared(left[first:][::-1], right[first:][::-1])
    numbers = {word: number for number, word in enumerate({*left, *right})}
    middle = [np.array([numbers[word] for word in text[first : len(text) - last]]) for text in (left, right)]
    return [(BOTH, True)] * first + _way(*middle) + [(BOTH, True)] * last


def _shared(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words both begin with."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _way(left: NDArray[np.int64], right: NDArray[np.int64]) -> list[tuple[int, bool]]:
    band = abs(len(left) - len(right)) + BAND
    while True:
        if (len(left) + 1) * (2 * band + 1) > CELLS:
            raise InputError("the texts are too long, and too different, to be compared by the word")
        cost, choices = _table(left, right, band)
        if cost <= band or band >= max(len(left), len(right)):
            break
        band *= 2
    found: list[tuple[int, bool]] = []
    i, j = len(left), len(right)
    while i or j:
        step = int(choices[i, j - i + band])
        i, j = i - (step != RIGHT), j - (step != LEFT)
        found.append((step, step == BOTH and bool(left[i] == right[j])))
    return found[::-1]


def _table(left: NDArray[np.int64], right: NDArray[np.int64], band: int) -> tuple[int, NDArray[np.uint8]]:
    """The least number of changes, and for each place in both texts, by rows of `left`, which step leads to it.

    Only places where one text is at most `band` words ahead: column `band` is where none is. Of ways with as many
    changes the one that keeps more words is taken.
    """
    one = len(left) + len(right) + 1  # cost of a word too many or missing; that of another word is larger by 1
    far = one * one
    shift = np.arange(2 * band + 1)
    row = np.where((shift >= band) & (shift - band <= len(right)), one * (shift - band), far)
    choices = np.full((len(left) + 1, len(shift)), RIGHT, np.uint8)
    for i in range(1, len(left) + 1):
        j = i + shift - band
        inside = (j >= 1) & (j <= len(right))
        other = np.full(len(shift), one + 1)
        other[inside] *= right[j[inside] - 1] != left[i - 1]
        both = np.where(j >= 1, row + other, far)
        alone = np.append(row[1:], far) + one
        best = np.minimum(both, alone)
        best[(j < 0) | (j > len(right))] = far
        new = np.minimum.accumulate(best - one * shift) + one * shift
        choices[i] = np.where(new < best, RIGHT, np.where(both <= alone, BOTH, LEFT))
        new[(j < 0) | (j > len(right))] = far
        row = new
    return int(row[len(right) - len(left) + band]) // one, choices
