"""Where a token stands, as an id into a table: counted in its sequence, or seen from another token."""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

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


def bias_by_length(make: Callable[[int], Tensor | None]) -> ScoreBias:
    """A score bias that only the length of a tile decides. Each is made once: good for all blocks of one forward."""
    made = cache(make)
    return lambda tile: made(tile.length)
