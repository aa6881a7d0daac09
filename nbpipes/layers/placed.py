"""Attention whose queries and keys are made of states with their places added to them, as in DETR."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.attention import attend
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout


def attend_across(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """Mixes values of each source for the queries about it.

    q: `(sources * queries, heads, head_dim)`, equally many for each source. k, v: `(tokens, heads, head_dim)` of the
    sources, packed as `layout` says. Returns `(sources * queries, heads * head_dim)`.
    """
    count, first, parts = len(q) // len(layout.lengths), 0, []
    for tile in layout.tiles:
        query = q[first : first + tile.rows * count].unflatten(0, (tile.rows, count)).transpose(1, 2)
        key, value = (x[tile.start : tile.stop].unflatten(0, (tile.rows, tile.length)).transpose(1, 2) for x in (k, v))
        parts.append(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2).flatten(0, 1))
        first += tile.rows * count
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class PlacedAttention(nn.Module):
    """Self-attention of states that have places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.q, self.k, self.v, self.out = (Linear(width, width) for _ in range(4))
        self.joined: Linear | None = None

    def fuse(self) -> None:
        """Computes queries and keys by one layer from now on."""
        if self.joined is None:
            self.joined = Linear.joined((self.q, self.k))
            del self.q, self.k

    def forward(self, x: Tensor, layout: Layout, *, places: Tensor) -> Tensor:
        """x, places: `(tokens, width)`. Returns `(tokens, width)`."""
        seen = x + places
        q, k = (self.q(seen), self.k(seen)) if self.joined is None else self.joined(seen).chunk(2, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in (q, k, self.v(x)))
        return self.out(attend(q, k, v, layout))


class PlacedCross(nn.Module):
    """Attention of queries that have places to sources that have places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.q, self.k, self.v, self.out = (Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor, placed: Tensor, layout: Layout, *, places: Tensor) -> Tensor:
        """x, places: `(sources * queries, width)`. memory: states of the sources, `(tokens, width)`, packed as `layout`
        says; placed: the same with their places added."""
        parts = (self.q(x + places), self.k(placed), self.v(memory))
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        return self.out(attend_across(q, k, v, layout))


def checked_heads(width: int, heads: int) -> int:
    """The number of heads; ValueError where they cannot share the width."""
    if heads < 1 or width % heads:
        raise ValueError(f"a width of {width} cannot be split among {heads} heads")
    return heads
