"""Where a token stands: as an id into a table, counted in its sequence or seen from another token, or as waves."""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from nbpipes.layers.packing import Layout, ScoreBias


def counted_positions(input_ids: Tensor, layout: Layout, padding: int) -> Tensor:
    """Positions as RoBERTa counts them: from `padding` + 1 on. The padding token itself does not count."""
    seen = input_ids != padding  # a text may hold the padding token too
    return layout.running_count(seen) * seen + padding


def buckets(distances: Tensor, count: int, reach: int) -> Tensor:
    """Sorts distances of keys from their query into `count` buckets, as T5 does (https://arxiv.org/abs/1910.10683).

    The first half is for keys before the query, the other for those after it. Near ones have a bucket each, farther
    ones share it with more and more others, and from `reach` on all are in the last.
    """
    half = count // 2
    near = half // 2
    size = distances.abs()
    far = near + (torch.log(size.float() / near) / math.log(reach / near) * (half - near)).long()
    return (distances > 0) * half + torch.where(size < near, size, far.clamp(max=half - 1))


def distances(length: int, device: torch.device | str = "cpu") -> Tensor:
    """All the distances in a sequence: `(2 * length - 1,)` from 1 - length to length - 1."""
    return torch.arange(1 - length, length, device=device)


def spread(values: Tensor) -> Tensor:
    """From values of distances to values of pairs.

    values: `(..., 2 * length - 1)`, for each distance from 1 - length on. Returns `(..., length, length)`: row i,
    column j has the value of the distance j - i.
    """
    length = (values.shape[-1] + 1) // 2
    return values.unfold(-1, length, 1).flip(-2)


def places_apart(rows: int, columns: int, device: torch.device | str = "cpu") -> Tensor:
    """How far apart two places of a grid lie, in rows and columns, as one number: `(places, places)` from 0 on."""
    row = torch.arange(rows, device=device).repeat_interleave(columns)
    column = torch.arange(columns, device=device).repeat(rows)
    return (row[:, None] - row + rows - 1) * (2 * columns - 1) + column[:, None] - column + columns - 1


def bias_by_length(make: Callable[[int], Tensor | None]) -> ScoreBias:
    """A score bias that only the length of a tile decides. Each is made once: good for all blocks of one forward."""
    made = cache(make)
    return lambda tile: made(tile.length)


class Waves(nn.Module):
    """Places as sines, then cosines, of ever longer waves (https://arxiv.org/abs/1706.03762).

    closed: the last wave is 10,000 times as long as the first one, as M2M100 has it; else the one after it would be.
    nothing: a place without waves, where padding is put.
    """

    def __init__(self, width: int, *, closed: bool = False, nothing: int | None = None) -> None:
        super().__init__()
        if width < 4 or width % 2:
            raise ValueError(f"positions in waves need an even width from 4 on, not {width}")
        self.width, self.closed, self.nothing = width, closed, nothing

    def forward(self, places: Tensor) -> Tensor:
        """places: `(tokens,)`. Returns `(tokens, width)` in float32."""
        half = torch.arange(self.width // 2, device=places.device)
        if self.closed:  # in single precision, as the reference has made its tables
            lengths = torch.exp(half.float() * -(math.log(10000) / (self.width // 2 - 1)))
        else:
            lengths = 10000 ** (-2 * half.double() / self.width)
        angles = places.to(lengths.dtype)[:, None] * lengths
        waves = torch.cat((angles.sin(), angles.cos()), -1).float()
        return waves if self.nothing is None else waves * (places != self.nothing)[:, None]
