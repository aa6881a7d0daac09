"""Deformable attention (https://arxiv.org/abs/2010.04159): each query looks at a few spots of several maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.linear import Linear
from nbpipes.layers.placed import checked_heads

Size = tuple[int, int]
"""Height, width."""


def look(values: Tensor, sizes: Sequence[Size], spots: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of what lies at spots of maps, between whose places it is interpolated; zero outside.

    values: `(batch, tokens, heads, head_dim)`, the maps one after the other. sizes: of the maps. spots: `(batch,
    queries, heads, maps, points, 2)`, x and y from 0 to 1. weights: `(batch, queries, heads, maps * points)`.
    Returns `(batch, queries, heads * head_dim)`.
    """
    batch, queries, heads = spots.shape[:3]
    seen, grid = [], 2 * spots - 1
    parts = values.split([height * width for height, width in sizes], 1)
    for level, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        maps = part.permute(0, 2, 3, 1).flatten(0, 1).unflatten(-1, size)
        there = grid[:, :, :, level].transpose(1, 2).flatten(0, 1)
        seen.append(F.grid_sample(maps, there, mode="bilinear", padding_mode="zeros", align_corners=False))
    shares = weights.transpose(1, 2).flatten(0, 1)[:, None]
    mixed = (torch.stack(seen, -2).flatten(-2) * shares).sum(-1)
    return mixed.view(batch, heads, -1, queries).permute(0, 3, 1, 2).flatten(2)


class DeformableAttention(nn.Module):
    """Attention of queries to a few spots, which each chooses around one of its own. points: spots on each map."""

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = checked_heads(width, heads), levels, points
        self.offsets = Linear(width, heads * levels * points * 2)
        self.weights = Linear(width, heads * levels * points)
        self.values, self.out = Linear(width, width), Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, sizes: Sequence[Size], spots: Tensor, places: Tensor) -> Tensor:
        """x, places: `(batch, queries, width)`. memory: `(batch, tokens, width)`, maps of `sizes` one after the other.
        spots: `(batch or 1, queries, maps or 1, 2)`, x and y from 0 to 1, around which offsets count in places of a
        map; or with width and height besides, in whose halves they count then. Returns `(batch, queries, width)`."""
        placed = x + places
        values = self.values(memory).unflatten(-1, (self.heads, -1))
        offsets = self.offsets(placed).unflatten(-1, (self.heads, self.levels, self.points, 2))
        weights = self.weights(placed).unflatten(-1, (self.heads, -1)).softmax(-1)
        around = spots[:, :, None, :, None]
        if spots.shape[-1] == 2:
            steps = torch.tensor([(width, height) for height, width in sizes], device=x.device)
            there = around + offsets / steps[:, None]
        else:
            there = around[..., :2] + offsets / self.points * around[..., 2:] * 0.5
        return self.out(look(values, sizes, there, weights))
