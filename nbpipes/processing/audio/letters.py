"""From the letter of each frame to text: how models trained with CTC spell (Graves et al. 2006)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbpipes.processing.text import Tokenizer, tidied


@dataclass(frozen=True, slots=True)
class Run:
    """A letter or word, from the frame `start` to before the frame `end`."""

    text: str
    start: int
    end: int


class Letters:
    """The letters of a tokenizer: frames of the same one in a row are one letter, blanks keep two of them apart."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        settings = tokenizer.settings
        self.blank = tokenizer.pad_token
        self.delimiter = settings.get("word_delimiter_token", "|")
        self.space: str = settings.get("replace_word_delimiter_char", " ")
        self.lower = bool(settings.get("do_lower_case", False))
        self.tidy = tokenizer.clean_up_tokenization_spaces
        self.tokens = {number: token for token, number in tokenizer.get_vocab().items()}
        self.unknown = tokenizer.unk_token or ""

    def runs(self, ids: NDArray[np.integer]) -> list[Run]:
        """The letters that the ids of frames, `(frames,)`, spell; the end of a word is the letter `space`."""
        if not len(ids):
            return []
        starts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1)).tolist()
        found: list[tuple[str, int]] = []  # several ids may be one letter
        for start in starts:
            token = self.tokens.get(int(ids[start]), self.unknown)
            if not found or found[-1][0] != token:
                found.append((token, start))
        ends = [start for _, start in found[1:]] + [len(ids)]
        return [
            Run(self.space if token == self.delimiter else token, start, end)
            for (token, start), end in zip(found, ends, strict=True)
            if token != self.blank
        ]

    def text(self, runs: Sequence[Run]) -> str:
        """The text of letters."""
        text = "".join(run.text for run in runs).strip()
        text = text.lower() if self.lower else text
        return tidied(text) if self.tidy else text

    def words(self, runs: Sequence[Run]) -> Iterator[Run]:
        """The words of letters."""
        word: list[Run] = []
        for run in runs:
            if run.text != self.space:
                word.append(run)
            elif word:
                yield _joined(word)
                word = []
        if word:
            yield _joined(word)


def _joined(runs: Sequence[Run]) -> Run:
    return Run("".join(run.text for run in runs), runs[0].start, runs[-1].end)
