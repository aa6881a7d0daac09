"""Multi-head attention over packed sequences ("Attention Is All You Need", https://arxiv.org/abs/1706.03762)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias, Tile

Rotate = Callable[[Tensor], Tensor]
"""Turns queries or keys, `(tokens, heads, head_dim)`, by their position."""


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    layout: Layout,
    *,
    scale: float | None = None,
    bias: ScoreBias | None = None,
) -> Tensor:
    """Mixes values within each sequence of a packed batch.

    q, k, v: `(tokens, heads, head_dim)`. scale: of the scores, 1/sqrt(head_dim) unless given. bias: what to add to the
    scores of each tile. Returns `(tokens, heads * head_dim)`.
    """
    # Each operation lets other Python threads run, and beside a busy one gets its turn back late: one split, not a
    # slice for every tile.
    sizes = [tile.rows * tile.length for tile in layout.tiles]
    split = (x.unsqueeze(0).transpose(1, 2).split_with_sizes(sizes, 2) for x in (q, k, v))
    parts = [
        _attend_tile(query, key, value, tile, scale, bias)
        for tile, query, key, value in zip(layout.tiles, *split, strict=True)
    ]
    return (parts[0] if len(parts) == 1 else torch.cat(parts, 1)).reshape(len(q), -1)


def _attend_tile(q: Tensor, k: Tensor, v: Tensor, tile: Tile, scale: float | None, bias: ScoreBias | None) -> Tensor:
    """q, k, v: `(1, heads, tokens of the tile, head_dim)`. Returns `(1, tokens of the tile, heads, head_dim)`."""
    if tile.rows > 1:
        q, k, v = (x.view(-1, tile.rows, tile.length, x.shape[-1]).transpose(0, 1) for x in (q, k, v))
    mask = tile.mask
    if bias is not None and (extra := bias(tile)) is not None:
        mask = extra if mask is None else mask + extra
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale).transpose(1, 2)
    return mixed if tile.rows == 1 else mixed.reshape(1, -1, *mixed.shape[2:])


class Attention(nn.Module):
    """Self-attention with separate projections of queries, keys and values.

    head_dim: width of each head, None = an equal part of the whole. scale: of the scores, None = 1/sqrt(head_dim).
    """

    def __init__(
        self, width: int, heads: int, *, bias: bool = True, head_dim: int | None = None, scale: float | None = None
    ) -> None:
        super().__init__()
        if heads < 1 or (head_dim is None and width % heads):
            raise ValueError(f"a width of {width} cannot be split among {heads} heads")
        self.heads, self.scale = heads, scale
        inner = heads * (head_dim or width // heads)
        self.q, self.k, self.v = (Linear(width, inner, bias=bias) for _ in range(3))
        self.out = Linear(inner, width, bias=bias)
        self.joined: Linear | None = None

    def fuse(self) -> None:
        """Computes queries, keys and values by one layer from now on."""
        if self.joined is None:
            self.joined = Linear.joined((self.q, self.k, self.v))
            del self.q, self.k, self.v

    def forward(
        self,
        x: Tensor,
        layout: Layout,
        *,
        keep: Tensor | None = None,
        bias: ScoreBias | None = None,
        rotate: Rotate | None = None,
    ) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose output is wanted (None: all). Returns `(tokens or kept, width)`."""
        parts = (self.q(x), self.k(x), self.v(x)) if self.joined is None else self.joined(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        if rotate is not None:
            q, k = rotate(q), rotate(k)
        mixed = attend(q, k, v, layout, scale=self.scale, bias=bias)
        return self.out(mixed if keep is None else mixed[keep])
