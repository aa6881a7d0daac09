"""Keys and values of the tokens that a decoder has read, so that each is computed once."""

from collections.abc import Sequence

import torch
from torch import Tensor

SPARE = 64
"""Slots that are made beyond those needed, when there are too few."""


class Cache:
    """The past of several rows (texts that grow together), for all layers of a decoder.

    Rows are aligned at their ends: the last token of each lies in slot `length - 1`, so a new token goes into the same
    slot of every row. Rows that began shorter have unused slots in front, which `hidden` tells attention to skip.
    """

    def __init__(self, lengths: Sequence[int], layers: int, room: int = 0) -> None:
        """lengths: tokens of each row to begin with. room: how many more tokens will probably come."""
        self.length = max(lengths)
        self.starts = torch.tensor([self.length - length for length in lengths])
        self.capacity = self.length + room
        self.layers: list[Tensor | None] = [None] * layers

    @property
    def rows(self) -> int:
        return len(self.starts)

    def hidden(self) -> Tensor | None:
        """Which of the slots in use belong to no token, `(rows, length)`, or None where all do."""
        if not self.starts.any():
            return None
        return torch.arange(self.length) < self.starts[:, None]

    def fill(self, layer: int, first: int, both: Tensor) -> None:
        """Puts in keys and values of rows from `first` on, `(rows, length of these rows, 2 * heads, head_dim)`."""
        rows, length, heads, width = both.shape
        slots = self.layers[layer]
        if slots is None:
            slots = both.new_zeros(self.rows, heads, self.capacity, width)  # zeros: even hidden slots are multiplied
            self.layers[layer] = slots
        slots[first : first + rows, :, self.length - length : self.length] = both.transpose(1, 2)

    def append(self, layer: int, both: Tensor) -> tuple[Tensor, Tensor]:
        """Adds keys and values of new tokens, `(rows, 2 * heads, new, head_dim)`.

        Returns all keys and all values, `(rows, heads, length + new, head_dim)`. The new tokens count as past after
        `advance`, when all layers have them.
        """
        slots = self.layers[layer]
        new = both.shape[2]
        end = self.length + new
        if slots is None or end > slots.shape[2]:
            slots = self._grown(slots, both, end)
            self.layers[layer] = slots
        slots.narrow(2, self.length, new).copy_(both)
        keys, values = slots.narrow(2, 0, end).chunk(2, 1)
        return keys, values

    def advance(self, count: int) -> None:
        """Counts `count` more tokens as past."""
        self.length += count

    def rewind(self, count: int) -> None:
        """Forgets the last `count` tokens of every row."""
        self.length -= count

    def replace(self, row: int, other: "Cache") -> None:
        """Takes keys and values of a row from another cache, which has this row alone and the same tokens."""
        for slots, new in zip(self.layers, other.layers, strict=True):
            if slots is not None and new is not None:
                slots[row, :, self.length - other.length : self.length] = new[0, :, : other.length]

    def select(self, rows: Tensor) -> None:
        """Keeps the rows with these numbers, `(rows,)`, in this order; a row may be kept more than once."""
        self.starts = self.starts[rows.to(self.starts.device)]
        for i, slots in enumerate(self.layers):
            if slots is not None:
                self.layers[i] = slots.index_select(0, rows.to(slots.device))

    def _grown(self, slots: Tensor | None, like: Tensor, end: int) -> Tensor:
        rows, heads, _, width = like.shape
        grown = like.new_zeros(rows, heads, max(end + SPARE, end * 5 // 4), width)
        if slots is not None:
            grown[:, :, : self.length] = slots[:, :, : self.length]
        return grown
