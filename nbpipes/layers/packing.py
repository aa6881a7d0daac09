"""Sequences of different lengths in one batch without padding.

A packed batch is one long row of tokens, sequence after sequence. Linears, norms and embeddings see `(tokens, width)`
and never a pad; only attention needs to know where sequences begin and end, and a `Layout` tells it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

BIASES = 1 << 24
"""How many scores get their bias at once: those of minutes of sound would not fit into the memory."""


@dataclass(frozen=True, slots=True)
class Tile:
    """`rows` rows of `length` tokens each, lying one after the other from token `start` on.

    Without a mask every row is one sequence, all of it visible to itself. With one (additive, broadcastable to
    `(rows, heads, length, length)`) a row may hold several sequences, or positions that nobody may look at.
    """

    start: int
    rows: int
    length: int
    mask: Tensor | None = None

    @property
    def stop(self) -> int:
        return self.start + self.rows * self.length

    def parts(self, heads: int) -> Iterator[slice]:
        """The queries of the rows, cut so that the biases of a part's scores fit into the memory."""
        step = max(1, BIASES // (self.rows * heads * self.length))
        for start in range(0, self.length, step):
            yield slice(start, min(start + step, self.length))


ScoreBias = Callable[[Tile], Tensor | None]
"""Gives what a family adds to the attention scores of a tile: relative positions, local windows."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the sequences of a packed batch lie.

    lengths: tokens of each sequence, in packed order. tiles: the same tokens as attention computes them.
    starts: `(sequences,)` the first token of each. positions: `(tokens,)` place of each token in its sequence.
    rows: tokens whose output the head needs, or None for all of them.
    """

    lengths: tuple[int, ...]
    tiles: tuple[Tile, ...]
    starts: Tensor
    positions: Tensor
    rows: Tensor | None = None

    @classmethod
    def of(
        cls, lengths: Sequence[int], device: torch.device | str = "cpu", rows: Sequence[int] | None = None
    ) -> "Layout":
        """Packs sequences in the given order; neighbours of equal length share a tile, so callers sort by length."""
        tiles, start = [], 0
        for length, group in groupby(lengths):
            count = len(list(group))
            tiles.append(Tile(start, count, length))
            start += count * length
        sizes = torch.tensor(lengths)
        starts = sizes.cumsum(0) - sizes
        positions = torch.arange(start) - starts.repeat_interleave(sizes, output_size=start)
        picked = None if rows is None else torch.tensor(rows, dtype=torch.long, device=device)
        return cls(tuple(lengths), tuple(tiles), starts.to(device), positions.to(device), picked)

    @property
    def ends(self) -> Tensor:
        """The last token of each sequence, `(sequences,)`."""
        return self.starts + torch.tensor(self.lengths, device=self.starts.device) - 1

    def running_count(self, flags: Tensor) -> Tensor:
        """How many flags, `(tokens,)` bool, are set from the start of each token's sequence up to the token itself."""
        total = flags.long().cumsum(0)
        before = total[self.starts] - flags[self.starts].long()
        sizes = torch.tensor(self.lengths, device=flags.device)
        return total - before.repeat_interleave(sizes, output_size=len(flags))
