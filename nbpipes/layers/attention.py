"""Multi-head attention over packed sequences ("Attention Is All You Need", https://arxiv.org/abs/1706.03762)."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias, Tile

Rotate = Callable[[Tensor], Tensor]
"""Turns queries or keys, `(tokens, heads, head_dim)`, by their position."""


MANY = 4
"""Sequences of one length from which on they may be computed by plain products of matrices."""
SCORES = 1 << 18
"""Scores that stay in the processor's cache: 1 MiB of them."""


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
    if mask is None and _many_short(q):
        mixed = _by_products(q, k, v, scale).transpose(1, 2)
    else:
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale).transpose(1, 2)
    return mixed if tile.rows == 1 else mixed.reshape(1, -1, *mixed.shape[2:])


def _many_short(q: Tensor) -> bool:
    """Whether torch's fused attention, which takes microseconds for each head of each sequence, is the slower way."""
    rows, heads, length, _ = q.shape
    return rows >= MANY and heads * length**2 <= SCORES and q.device.type == "cpu"


def _by_products(q: Tensor, k: Tensor, v: Tensor, scale: float | None) -> Tensor:
    """q, k, v: `(rows, heads, length, head_dim)`; so many rows at once that their scores stay in the cache."""
    rows, heads, length, width = q.shape
    step = SCORES // (heads * length**2)
    wide = torch.promote_types(q.dtype, torch.float32)  # in bfloat16 such products are slow
    parts = []
    for query, key, value in zip(*(x.split(step) for x in (q, k, v)), strict=True):
        query, key, value = (x.to(wide).reshape(-1, length, x.shape[-1]) for x in (query, key, value))
        factor = width**-0.5 if scale is None else scale
        scores = torch.baddbmm(query.new_zeros(()), query, key.transpose(1, 2), beta=0, alpha=factor)
        parts.append(torch.bmm(scores.softmax(-1), value))
    whole = parts[0] if len(parts) == 1 else torch.cat(parts)
    return whole.view(rows, heads, length, -1).to(q.dtype)


class Projections(NamedTuple):
    """Plain weights. q: `(heads * head_dim, width)`; k, v: `(heads, head_dim, width)`; the biases are flat."""

    q: Tensor
    k: Tensor
    v: Tensor
    q_bias: Tensor | None
    v_bias: Tensor | None


LONG = 16
"""Tokens from which on a sequence's first token is computed without the keys and values of the others."""


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
        self.plain: Projections | None = None

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
        if keep is layout.starts and bias is None and rotate is None and _apart(x, layout):
            return self.out(self._first_tokens(x, layout))
        parts = (self.q(x), self.k(x), self.v(x)) if self.joined is None else self.joined(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        if rotate is not None:
            q, k = rotate(q), rotate(k)
        mixed = attend(q, k, v, layout, scale=self.scale, bias=bias)
        return self.out(mixed if keep is None else mixed[keep])

    def _first_tokens(self, x: Tensor, layout: Layout) -> Tensor:
        """What the first token of each sequence sees, `(sequences, heads * head_dim)`.

        One query asks the states themselves, `(q Wk) · x` for `q · (Wk x)`, and of what it sees one value is made, so
        that no other token needs a key or a value. The bias of keys adds the same to all scores: it changes nothing.
        """
        if self.plain is None:
            self.plain = self._projections()
        own = self.plain
        q = F.linear(x[layout.starts], own.q, own.q_bias).unflatten(-1, (self.heads, -1))
        asked = torch.einsum("nhd,hdw->nhw", q, own.k) * (q.shape[-1] ** -0.5 if self.scale is None else self.scale)
        seen, first = [], 0
        for tile in layout.tiles:
            states = x[tile.start : tile.stop].view(tile.rows, tile.length, -1)
            scores = asked[first : first + tile.rows] @ states.transpose(1, 2)
            seen.append(scores.softmax(-1) @ states)
            first += tile.rows
        values = torch.einsum("nhw,hdw->nhd", torch.cat(seen), own.v).flatten(1)
        return values if own.v_bias is None else values + own.v_bias

    def _projections(self) -> Projections:
        if self.joined is None:
            q, k, v = (layer.dense() for layer in (self.q, self.k, self.v))
            q_bias, v_bias = self.q.bias, self.v.bias
        else:
            q, k, v = self.joined.dense().chunk(3)
            q_bias, _, v_bias = (None,) * 3 if self.joined.bias is None else self.joined.bias.chunk(3)
        return Projections(q, k.unflatten(0, (self.heads, -1)), v.unflatten(0, (self.heads, -1)), q_bias, v_bias)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.plain = None  # another device or dtype
        return super()._apply(fn, recurse)


def _apart(x: Tensor, layout: Layout) -> bool:
    """Whether first tokens can be computed by themselves, and it pays."""
    return x.dtype == torch.float32 and all(tile.mask is None and tile.length >= LONG for tile in layout.tiles)
