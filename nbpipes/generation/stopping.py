"""When a text is complete."""

import time
from collections.abc import Callable, Sequence

import torch

from nbpipes.generation.history import Row
from nbpipes.generation.settings import Settings

Decode = Callable[[Sequence[int]], str]
"""Gives the text of ids, special tokens included."""
UserCriterion = Callable[[torch.Tensor, None], object]
LENGTH = "length"


class Stops:
    """Says why a row is complete, or that it is not. The time that it may take counts from when this is made.

    decode: needed for stop strings. users: functions of the user's own, `(input_ids, scores)`, that say True.
    """

    def __init__(self, settings: Settings, decode: Decode | None = None, users: Sequence[UserCriterion] = ()) -> None:
        self.ends, self.texts = frozenset(settings.ends), settings.stops
        self.decode, self.users = decode, users
        self.until = None if settings.max_time is None else time.monotonic() + settings.max_time
        # A character may take up to four tokens that stand for its bytes.
        self.reach = max((len(text.encode()) for text in self.texts), default=0) + 4

    def why(self, row: Row) -> str | None:
        """The reason why the row ends with its last token ("end", "length", "text", "time", "user"), or None."""
        if row.tokens[-1] in self.ends:
            return "end"
        if row.length >= row.longest:
            return LENGTH
        if self.texts and self.decode is not None and self._ends_with_text(row, self.decode):
            return "text"
        if self.until is not None and time.monotonic() > self.until:
            return "time"
        return "user" if any(self._says(function, row) for function in self.users) else None

    def _ends_with_text(self, row: Row, decode: Decode) -> bool:
        """Whether the last token completes one of the texts; it may bring more characters after it."""
        tail = row.ids[-self.reach :]
        text = decode(tail)
        old = _shared(decode(tail[:-1]), text)
        return any(text.rfind(wanted) + len(wanted) > old for wanted in self.texts if wanted in text)

    @staticmethod
    def _says(function: UserCriterion, row: Row) -> bool:
        answer = function(torch.tensor([row.ids]), None)
        return bool(answer.any() if isinstance(answer, torch.Tensor) else answer)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    differ = (i for i, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differ, min(len(one), len(other)))
