"""From the ids that Whisper wrote for the windows of a sound to its text, and to chunks with their times."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nbpipes.processing.text import Tokenizer
from nbpipes.tasks.transcribing.overlap import Span, Words, joined
from nbpipes.tasks.transcribing.words import words_of

log = logging.getLogger(__name__)

STATES = 1500
"""Timestamps in a window of a text that was written window by window."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was written for one window. times: when each id was said, in seconds from its beginning.

    stride: seconds of the window, and how many of them on the left and on the right only give context; None where the
    sound was no window of a longer one. language: the English name.
    """

    tokens: Sequence[int]
    times: Sequence[float] | None = None
    stride: tuple[float, float, float] | None = None
    language: str | None = None


@dataclass(slots=True)
class Piece:
    """A chunk of the result. parts: what several windows say there."""

    language: str | None
    start: float | None = None
    end: float | None = None
    parts: list[Words] = field(default_factory=list)


@dataclass(slots=True)
class Clock:
    """Times by the timestamps of one window, which may be a long text: there they begin anew with each of its windows.

    offset: seconds at which the window begins. step: seconds between neighbouring timestamps.
    """

    offset: float
    step: float
    base: float = 0.0
    latest: float = 0.0
    before: float = 0.0

    def time(self, count: int, *, single: bool) -> float:
        """The time of the timestamp with this number. single: whether a text ended singly right before it."""
        own = float(count * self.step)
        if own < self.latest:
            if single:
                self.base += self.step * STATES
            else:
                self.latest = self.before
                self.base += self.before
        self.before, self.latest = self.latest, own
        return round(count * self.step + self.offset + self.base, 2)


class Assembly:
    """Puts windows together, in order.

    step: seconds between neighbouring timestamps. wanted: what gets times, as in the options. languages: whether chunks
    tell their language; one that changes begins a chunk.
    """

    def __init__(
        self, tokenizer: Tokenizer, step: float, wanted: bool | Literal["word"] | None, *, languages: bool
    ) -> None:
        self.tokenizer, self.step, self.wanted, self.languages = tokenizer, step, wanted, languages
        self.first: int = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
        self.special = frozenset(tokenizer.all_special_ids)
        self.language: str | None = None
        self.pieces: list[Piece] = []
        self.piece = Piece(None)
        self.offset, self.skipping = 0.0, False

    def add(self, window: Window) -> None:
        """One more window."""
        self._hear(window.language)
        length, left, right = window.stride or (0.0, 0.0, 0.0)
        self.offset -= left
        clock = Clock(self.offset, self.step)
        lowest = left / self.step + self.first if left else self.first
        highest = self._highest(window.tokens, length - right) if right else None
        part = self._empty()
        for i, token in enumerate(window.tokens):
            if token in self.special:
                continue
            if token < self.first:
                part.put(token, self._span(window, i))
                continue
            before = window.tokens[max(0, i - 2) : i]
            single = len(before) == 2 and not all(one >= self.first for one in before)
            time = clock.time(token - self.first, single=single)
            if highest is not None and token >= highest:
                self.skipping = True  # timestamps come in pairs: the other one is left out too
            elif self.skipping or (self.piece.parts and token < lowest):
                self.skipping = False
            elif self.piece.start is None:
                self.piece.start = time
            elif time != self.piece.start:
                self.piece.end = time
                self._close(part)
                part = self._empty()
        self.offset += length - right
        if part.tokens:
            self.piece.parts.append(part)
        elif not any(one.tokens for one in self.piece.parts):
            self.piece = Piece(self.language)

    def result(self) -> dict[str, Any]:
        """The text, and its chunks if something about them is wanted."""
        if self.piece.parts:
            if self.wanted:
                log.warning("The last timestamp is missing: the sound may end in the middle of a word.")
            self._close()
        chunks = [(piece, joined(piece.parts)) for piece in self.pieces]
        texts = [self.tokenizer.decode(words.tokens) for _, words in chunks]
        found: dict[str, Any] = {"text": "".join(texts)}
        if self.wanted == "word":
            found["chunks"] = [word for piece, words in chunks for word in self._words(piece, words)]
        elif self.wanted or self.languages:
            found["chunks"] = [self._chunk(piece, text) for (piece, _), text in zip(chunks, texts, strict=True)]
        return found

    def _hear(self, language: str | None) -> None:
        changed = language is not None and self.language is not None and language != self.language
        if changed and self.languages and not self.wanted:
            self._close()
        self.language = self.piece.language = language

    def _highest(self, tokens: Sequence[int], end: float) -> int | None:
        """The first timestamp in the right stride, or the last one of all."""
        found = None
        for token in reversed(tokens):
            if token >= self.first:
                if found is not None and (token - self.first) * self.step < end:
                    break
                found = token
        return found

    def _span(self, window: Window, i: int) -> Span | None:
        """When an id was said: from the time of the one before it to its own."""
        if window.times is None:
            return None
        start = window.times[i - 1] if i else 0.0
        return round(start + self.offset, 2), round(window.times[i] + self.offset, 2)

    def _empty(self) -> Words:
        return Words([], [] if self.wanted == "word" else None)

    def _close(self, part: Words | None = None) -> None:
        self.piece.parts += [] if part is None else [part]
        self.pieces.append(self.piece)
        self.piece = Piece(self.language)

    def _chunk(self, piece: Piece, text: str) -> dict[str, Any]:
        chunk: dict[str, Any] = {"language": piece.language} if self.languages else {}
        return chunk | ({"timestamp": (piece.start, piece.end)} if self.wanted else {}) | {"text": text}

    def _words(self, piece: Piece, words: Words) -> list[dict[str, Any]]:
        language = {"language": piece.language} if self.languages else {}
        return [
            {"text": text, "timestamp": span} | language
            for text, span in words_of(self.tokenizer, words, piece.language or "english")
        ]
