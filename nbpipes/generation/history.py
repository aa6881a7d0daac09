"""The ids of texts that are being written, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor


@dataclass(slots=True)
class Row:
    """One text. item: the number of its prompt. place: which of the texts for this prompt it is.

    prompt: ids before the first new one. longest: ids that it may have in all. source: ids that the model has read:
    the prompt itself, or what an encoder was given. likelihood: sum of the log-probabilities of the new ids, where
    somebody asked for it. chances: by which each of them was chosen, where somebody asked.
    """

    item: int
    prompt: Sequence[int]
    longest: int
    source: Sequence[int] = ()
    place: int = 0
    tokens: list[int] = field(default_factory=list)
    likelihood: float = 0.0
    chances: list[float] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        return [*self.prompt, *self.tokens]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tokens)

    def copy(self) -> "Row":
        return replace(self, tokens=list(self.tokens), chances=list(self.chances))


@dataclass(slots=True)
class History:
    """The rows of one batch, and the same as a tensor when somebody asks for it."""

    rows: list[Row]
    device: torch.device

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> list[int]:
        """Ids of each row, those of the prompt included."""
        return [row.length for row in self.rows]

    def where(self, flags: Sequence[bool]) -> Tensor:
        """The numbers of the rows that are flagged."""
        return torch.tensor([i for i, flag in enumerate(flags) if flag], dtype=torch.long, device=self.device)

    def ids(self) -> Tensor:
        """`(rows, longest)`; shorter rows begin with copies of their first id, so no foreign id gets in."""
        return _even([row.ids for row in self.rows], self.device)

    def sources(self) -> Tensor:
        """What the model has read, `(rows, longest)`, filled up in the same way."""
        return _even([row.source for row in self.rows], self.device)


def _even(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    longest = max(map(len, rows))
    filled = [[row[0]] * (longest - len(row)) + list(row) if row else [0] * longest for row in rows]
    return torch.tensor(filled, device=device)
