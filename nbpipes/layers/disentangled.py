"""Disentangled attention (DeBERTa, https://arxiv.org/abs/2006.03654): contents look at contents and at distances."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbpipes.layers.attention import attend
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias, Tile


def log_buckets(distances: Tensor, count: int, reach: int) -> Tensor:
    """Leaves distances up to half of `count` as they are; from there to `reach`, more and more share a bucket."""
    middle = count // 2
    size = distances.abs()
    far = torch.log(size / middle) / torch.log(torch.tensor((reach - 1) / middle)) * (middle - 1)
    bucket = (torch.ceil(far) + middle) * distances.sign()
    return torch.where(size <= middle, distances, bucket.long())


def skew(scores: Tensor) -> Tensor:
    """From scores of tokens and distances to scores of pairs of tokens.

    scores: `(..., length, 2 * length - 1)`, for each token and each distance from 1 - length on. Returns
    `(..., length, length)`: row i, column j has what row i has for the distance j - i. A view: nothing is moved.
    """
    scores = scores.contiguous()
    *outer, length, width = scores.shape
    strides = (*scores.stride()[:-2], width - 1, 1)  # one row on is one distance back
    return scores.as_strided((*outer, length, length), strides, scores.storage_offset() + length - 1)


@dataclass(frozen=True, slots=True)
class Distances:
    """Embeddings of the distances of queries from keys in a batch.

    rows: `(rows, width)`. places: `(2 * longest - 1,)` the row of each distance, from 1 - longest on.
    """

    rows: Tensor
    places: Tensor


class DisentangledAttention(nn.Module, ABC):
    """Attention that adds scores for distances to those for contents.

    kinds: "c2p" adds scores of queries with the distance from the key, "p2c" of keys with the distance from the query.
    parts: how many kinds of scores the scale takes into account, that for contents included.
    """

    def __init__(self, width: int, heads: int, *, kinds: Collection[str], parts: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, 1 / math.sqrt(width // heads * parts)
        self.c2p, self.p2c = "c2p" in kinds, "p2c" in kinds
        self.out = Linear(width, width)

    @abstractmethod
    def contents(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of tokens, each `(tokens, heads, head_dim)`."""

    @abstractmethod
    def distance_keys(self, rows: Tensor) -> Tensor:
        """What queries see of distances, `(rows, width)`."""

    @abstractmethod
    def distance_queries(self, rows: Tensor) -> Tensor:
        """What keys are seen with by distances, `(rows, width)`."""

    def forward(
        self, x: Tensor, layout: Layout, *, keep: Tensor | None = None, distances: Distances | None = None
    ) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose output is wanted (None: all). Returns `(tokens or kept, width)`."""
        q, k, v = self.contents(x)
        bias = None if distances is None else self._bias(q, k, distances)
        mixed = attend(q, k, v, layout, scale=self.scale, bias=bias)
        return self.out(mixed if keep is None else mixed[keep])

    def split_heads(self, x: Tensor) -> Tensor:
        """From `(..., width)` to `(..., heads, head_dim)`."""
        return x.unflatten(-1, (self.heads, -1))

    def _bias(self, q: Tensor, k: Tensor, distances: Distances) -> ScoreBias:
        rows, places = distances.rows, distances.places
        # Scores are skewed by the distance of the column from the row. Where rows are keys, that is the distance of
        # the query from the key, as in the table; where rows are queries, it is the other way round.
        keys = self._table(self.distance_keys(rows), places.flip(0)) if self.c2p else None
        queries = self._table(self.distance_queries(rows), places) if self.p2c else None

        def bias(tile: Tile) -> Tensor | None:
            scores = None
            if keys is not None:
                scores = _scores(q, tile, keys)
            if queries is not None:
                others = _scores(k, tile, queries).transpose(-1, -2)
                scores = others if scores is None else scores + others
            return None if scores is None else scores.contiguous()

        return bias

    def _table(self, rows: Tensor, places: Tensor) -> Tensor:
        """Scaled heads of all distances, `(heads, head_dim, distances)`."""
        return self.split_heads(rows * self.scale)[places].permute(1, 2, 0)


def _scores(x: Tensor, tile: Tile, table: Tensor) -> Tensor:
    """Scores of the tokens of a tile with the distances in it, by pairs: `(rows, heads, length, length)`."""
    own = x[tile.start : tile.stop].view(tile.rows, tile.length, *x.shape[1:]).transpose(1, 2)
    middle = table.shape[-1] // 2
    return skew(own @ table[..., middle - tile.length + 1 : middle + tile.length])


class SeparateAttention(DisentangledAttention):
    """Disentangled attention with a projection for each part (DeBERTa 2 and 3).

    shared: distances go through the projections of contents.
    """

    def __init__(self, width: int, heads: int, *, kinds: Collection[str], parts: int, shared: bool) -> None:
        super().__init__(width, heads, kinds=kinds, parts=parts)
        self.q, self.k, self.v = (Linear(width, width) for _ in range(3))
        self.pos_k = Linear(width, width) if self.c2p and not shared else None
        self.pos_q = Linear(width, width) if self.p2c and not shared else None

    def contents(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.split_heads(self.q(x)), self.split_heads(self.k(x)), self.split_heads(self.v(x))

    def distance_keys(self, rows: Tensor) -> Tensor:
        return self.k(rows) if self.pos_k is None else self.pos_k(rows)

    def distance_queries(self, rows: Tensor) -> Tensor:
        return self.q(rows) if self.pos_q is None else self.pos_q(rows)


class FusedAttention(DisentangledAttention):
    """Disentangled attention with one projection for queries, keys and values, head by head (DeBERTa 1)."""

    def __init__(self, width: int, heads: int, *, kinds: Collection[str], parts: int) -> None:
        super().__init__(width, heads, kinds=kinds, parts=parts)
        self.qkv = Linear(width, 3 * width, bias=False)
        self.q_bias, self.v_bias = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))
        if self.c2p:
            self.pos_k = Linear(width, width, bias=False)
        if self.p2c:
            self.pos_q = Linear(width, width)

    def contents(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.split_heads(self.qkv(x)).chunk(3, -1)
        return q + self.split_heads(self.q_bias), k, v + self.split_heads(self.v_bias)

    def distance_keys(self, rows: Tensor) -> Tensor:
        return self.pos_k(rows)

    def distance_queries(self, rows: Tensor) -> Tensor:
        return self.pos_q(rows)
