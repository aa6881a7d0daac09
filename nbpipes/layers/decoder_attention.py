"""Attention of decoders: to the tokens before, whose keys and values are kept, with heads that share them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.cache import Cache
from nbpipes.layers.layer import Layer
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.rope import Turn, paired


@dataclass(frozen=True, slots=True)
class Manner:
    """How scores are made. scale: of the products, None = 1/sqrt(head_dim). window: how many tokens, itself included,
    a token sees, None = all before it. cap: softly bounds scores to ±cap. slopes: `(heads,)` by how much a score grows
    with each position. bias: what to add for distances of keys from queries: `(…, …)` to `(heads, …, …)`."""

    scale: float | None = None
    window: int | None = None
    cap: float | None = None
    slopes: tuple[float, ...] | None = None
    bias: Callable[[Tensor], Tensor] | None = None

    @property
    def plain(self) -> bool:
        """Whether nothing is added to scores."""
        return self.slopes is None and self.bias is None


class Reading(Protocol):
    """One pass through a decoder: which tokens are read, and what each of them sees.

    positions: `(tokens,)` place of each token in its text. lengths: `(tokens,)` how long the text is after this pass.
    """

    @property
    def positions(self) -> Tensor: ...

    @property
    def lengths(self) -> Tensor: ...

    def attend(self, q: Tensor, both: Tensor, layer: int, manner: Manner) -> Tensor:
        """q: `(tokens, heads, head_dim)`. both: keys, then values, `(tokens, 2 * key heads, head_dim)`.

        Returns `(tokens, heads * head_dim)`.
        """
        ...


class Prompts:
    """Whole texts, packed one after the other; into the cache, if there is one. more: tokens that follow at once."""

    def __init__(self, layout: Layout, cache: Cache | None = None, more: int = 0) -> None:
        self.layout, self.cache = layout, cache
        self.positions = layout.positions
        sizes = torch.tensor(layout.lengths, device=layout.positions.device)
        self.lengths = (sizes + more).repeat_interleave(sizes, output_size=len(layout.positions))
        self._masks: dict[tuple[int, Manner], Tensor | None] = {}

    def attend(self, q: Tensor, both: Tensor, layer: int, manner: Manner) -> Tensor:
        parts, row = [], 0
        for tile in self.layout.tiles:
            query, kv = (x[tile.start : tile.stop].unflatten(0, (tile.rows, tile.length)) for x in (q, both))
            if self.cache is not None:
                self.cache.fill(layer, row, kv)
            row += tile.rows
            keys, values = kv.transpose(1, 2).chunk(2, 1)
            key = (tile.length, manner)
            if key not in self._masks:
                self._masks[key] = self._mask(tile.length, manner, q)
            mask = self._masks[key]
            if tile.mask is not None:
                mask = tile.mask + (self._ahead(tile.length, manner, q) if mask is None else mask)
            parts.append(_mix(query.transpose(1, 2), keys, values, mask, manner, causal=mask is None))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _mask(self, length: int, manner: Manner, like: Tensor) -> Tensor | None:
        """None where it is enough that nobody looks ahead."""
        narrow = manner.window is not None and manner.window < length
        if not narrow and manner.plain and manner.cap is None:
            return None
        return self._ahead(length, manner, like)

    def _ahead(self, length: int, manner: Manner, like: Tensor) -> Tensor:
        """Hides what lies ahead, or outside the window."""
        places = torch.arange(length, device=like.device)
        return _additive(places[:, None], places, manner, like)


class Step:
    """The next tokens of texts whose past is in the cache, as many for each."""

    def __init__(self, cache: Cache, count: int, device: torch.device) -> None:
        self.cache, self.count = cache, count
        places = torch.arange(cache.length, cache.length + count) - cache.starts[:, None]
        self.positions = places.flatten().to(device)
        self.lengths = (places[:, -1:] + 1).expand_as(places).flatten().to(device)
        hidden = cache.hidden()
        self.hidden = None if hidden is None else hidden.to(device)[:, None, None]
        self._masks: dict[Manner, Tensor | None] = {}

    def attend(self, q: Tensor, both: Tensor, layer: int, manner: Manner) -> Tensor:
        query, kv = self._by_row(q), self._by_row(both)
        keys, values = self.cache.append(layer, kv)
        try:
            mask = self._masks[manner]
        except KeyError:
            mask = self._masks[manner] = self._mask(manner, q)
        return _mix(query, keys, values, mask, manner)

    def _by_row(self, x: Tensor) -> Tensor:
        """From `(tokens, heads, head_dim)` to `(rows, heads, new tokens, head_dim)`."""
        return x.unsqueeze(2) if self.count == 1 else x.unflatten(0, (-1, self.count)).transpose(1, 2)

    def _mask(self, manner: Manner, like: Tensor) -> Tensor | None:
        """None where every new token sees all slots."""
        past, count = self.cache.length, self.count
        end = past + count
        narrow = manner.window is not None and manner.window < end
        mask = None
        if count > 1 or narrow or not manner.plain:
            places = torch.arange(end, device=like.device)
            mask = _additive(places[past:, None], places, manner, like)
        if self.hidden is None:
            return mask
        if mask is None:
            mask = like.new_zeros(1, 1, count, end)
        return mask.masked_fill(F.pad(self.hidden, (0, count)), torch.finfo(like.dtype).min)


def _additive(queries: Tensor, keys: Tensor, manner: Manner, like: Tensor) -> Tensor:
    """What to add to the scores of `(length, 1)` queries with `(keys,)` keys, by their slots: `(1, heads, …, …)`."""
    unseen = keys > queries
    if manner.window is not None:
        unseen |= keys <= queries - manner.window
    mask = like.new_zeros(1, 1, *unseen.shape)
    if manner.slopes is not None:
        mask = mask + keys.to(like.dtype) * like.new_tensor(manner.slopes)[:, None, None]
    if manner.bias is not None:
        mask = mask + manner.bias(keys - queries)
    return mask.masked_fill(unseen, torch.finfo(like.dtype).min)


def _mix(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, manner: Manner, *, causal: bool = False) -> Tensor:
    """q: `(rows, heads, new, head_dim)`, k, v: `(rows, key heads, length, head_dim)`; gives `(rows * new, width)`."""
    shared = q.shape[1] != k.shape[1]
    if shared and q.shape[2] == 1 and manner.cap is None and (mask is None or mask.shape[1] == 1):
        # Heads that share keys as queries of one head: each key is read once, which in bfloat16 takes a quarter.
        grouped = q.view(q.shape[0], k.shape[1], -1, q.shape[-1])
        mixed = F.scaled_dot_product_attention(grouped, k, v, attn_mask=mask, scale=manner.scale)
        return mixed.flatten(1)
    if manner.cap is None:
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal, scale=manner.scale, enable_gqa=shared
        )
    else:
        if shared:
            k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
        scores = q @ k.transpose(-1, -2) * (manner.scale or 1 / math.sqrt(q.shape[-1]))
        scores = torch.tanh(scores / manner.cap) * manner.cap
        scores = scores if mask is None else scores + mask
        mixed = scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ v
    return mixed.transpose(1, 2).flatten(2).flatten(0, 1)


class DecoderAttention(Layer):
    """Self-attention of a decoder.

    kv_heads: heads of keys and values, each shared by several of queries; None = as many. bias: of the projections of
    queries, keys and values; out_bias: of the one after them. turned: how many values of each head turn by position.
    norm: of each head's queries and keys. mixed: checkpoints hold one projection, with queries, keys and values of a
    head side by side.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        kv_heads: int | None = None,
        head_dim: int | None = None,
        bias: bool = False,
        out_bias: bool = False,
        turned: int = 0,
        manner: Manner = Manner(),
        norm: Callable[[int], nn.Module] | None = None,
        mixed: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads or heads
        if heads < 1 or self.kv_heads < 1 or heads % self.kv_heads:
            raise ValueError(f"{heads} heads of queries cannot share {self.kv_heads} heads of keys")
        self.width = head_dim or width // heads
        if self.width < 1 or not 0 <= turned <= self.width or turned % 2:
            raise ValueError(f"heads of {self.width} values, of which {turned} turn, are not possible")
        self.turned, self.manner, self.mixed = turned, manner, mixed
        inner, shared = self.heads * self.width, self.kv_heads * self.width
        self.q = Linear(width, inner, bias=bias)
        self.k, self.v = Linear(width, shared, bias=bias), Linear(width, shared, bias=bias)
        self.out = Linear(inner, width, bias=out_bias)
        self.q_norm, self.k_norm = (None, None) if norm is None else (norm(self.width), norm(self.width))
        self.joined: Linear | None = None
        self.paired = False
        """Whether the two values of each pair that turns lie side by side."""
        if mixed:
            self.join()

    def join(self) -> None:
        """Computes queries, keys and values by one layer from now on."""
        if self.joined is None:
            self.joined = Linear.joined((self.q, self.k, self.v))
            del self.q, self.k, self.v

    def fuse(self) -> None:
        """Joins, and brings the rows of the joined layer into the order that is the fastest to work with."""
        self.join()
        if self.paired or self.joined is None:
            return
        size = self.joined.out_features
        rows = torch.arange(size, device="cpu")
        if self.mixed:
            rows = rows.view(self.heads, 3, self.width).transpose(0, 1).flatten()
        turning = paired(self.heads + self.kv_heads, self.width, self.turned)
        rows[: len(turning)] = rows[turning]
        own = turning[: self.width]
        norms = [weight for norm in (self.q_norm, self.k_norm) if norm is not None for weight in norm.parameters()]
        for weight, order in ((self.joined.weight, rows), (self.joined.bias, rows), *((norm, own) for norm in norms)):
            if weight is not None:
                weight.data = weight.data[order.to(weight.device)]
        self.paired, self.mixed = True, False

    def forward(
        self, x: Tensor, reading: Reading, layer: int, *, turn: Turn | None = None, keep: Tensor | None = None
    ) -> Tensor:
        """x: `(tokens, width)`. layer: its number. keep: tokens whose output is wanted (None: all)."""
        parts = torch.cat((self.q(x), self.k(x), self.v(x)), -1) if self.joined is None else self.joined(x)
        if self.mixed:
            parts = parts.unflatten(-1, (self.heads, 3, -1)).transpose(1, 2).flatten(1)
        parts = parts.view(parts.shape[0], -1, self.width)
        turning = parts[:, : self.heads + self.kv_heads]
        if self.q_norm is not None and self.k_norm is not None:
            turning[:, : self.heads] = self.q_norm(turning[:, : self.heads])
            turning[:, self.heads :] = self.k_norm(turning[:, self.heads :])
        if turn is not None and self.paired:
            turn.pairs(turning)
        elif turn is not None:
            turning.copy_(turn.halves(turning))
        q, both = parts.split_with_sizes((self.heads, 2 * self.kv_heads), 1)
        mixed = reading.attend(q, both, layer, self.manner)
        return self.out(mixed if keep is None else mixed[keep])
