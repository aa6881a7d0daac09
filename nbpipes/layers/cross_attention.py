"""Attention of a decoder to a source: a text, an image or a sound that an encoder has read."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.attention import attend
from nbpipes.layers.decoder_attention import Manner, Reading
from nbpipes.layers.layer import Layer
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.rope import Turn

Projection = Callable[[Tensor], Tensor]
"""From states of an encoder, `(tokens, width)`, to keys, then values, `(tokens, 2 * heads, head_dim)`."""


class Source(Protocol):
    """What is read about."""

    def attend(self, q: Tensor, layer: int, project: Projection, scale: float | None) -> Tensor:
        """q: `(tokens, heads, head_dim)`, those of every row alike in number. Returns `(tokens, heads * head_dim)`."""
        ...


class Alongside:
    """Sources that lie in the same layout as the texts about them."""

    def __init__(self, states: Tensor, layout: Layout) -> None:
        self.states, self.layout = states, layout

    def attend(self, q: Tensor, layer: int, project: Projection, scale: float | None) -> Tensor:
        keys, values = project(self.states).chunk(2, 1)
        return attend(q, keys, values, self.layout, scale=scale)


class Memory:
    """Sources of texts that grow: their keys and values are made once for each layer.

    Texts about one source lie side by side and share its keys and values, so that choosing among them moves nothing.
    """

    def __init__(self, states: Tensor, layout: Layout, layers: int) -> None:
        """states: of the encoder, packed by `layout`."""
        self.states, self.layout = states, layout
        self.layers: list[Tensor | None] = [None] * layers
        self.count, self.longest = len(layout.lengths), max(layout.lengths)
        self.owners = list(range(self.count))
        """The source of each row."""
        self.mask: Tensor | None = None
        if min(layout.lengths) < self.longest:
            sizes = torch.tensor(layout.lengths, device=states.device)
            hidden = torch.arange(self.longest, device=states.device) >= sizes[:, None]
            mask = states.new_zeros(hidden.shape).masked_fill(hidden, torch.finfo(states.dtype).min)
            self.mask = mask[:, None, None]

    def attend(self, q: Tensor, layer: int, project: Projection, scale: float | None) -> Tensor:
        keys, values = self.both(layer, project).chunk(2, 1)
        query = q.unflatten(0, (self.count, -1)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(query, keys, values, attn_mask=self.mask, scale=scale)
        return mixed.transpose(1, 2).flatten(2).flatten(0, 1)

    def both(self, layer: int, project: Projection) -> Tensor:
        """Keys, then values, of a layer: `(sources, 2 * heads, longest, head_dim)`."""
        both = self.layers[layer]
        if both is None:
            both = self.layers[layer] = self._spread(project(self.states))
        return both

    def pick(self, sources: Sequence[int]) -> "Memory":
        """The same of some sources, for texts of their own; keys and values that are there are shared."""
        picked = copy(self)
        picked.layers, picked.owners = list(self.layers), list(range(self.count))
        picked.select(torch.tensor(sources))
        return picked

    def select(self, rows: Tensor) -> None:
        """Keeps the rows with these numbers, in this order; a row may be kept more than once."""
        self.owners = [self.owners[row] for row in rows.tolist()]
        groups = [(owner, len(list(group))) for owner, group in groupby(self.owners)]
        alike = len({size for _, size in groups}) == 1
        kept = [owner for owner, _ in groups] if alike else self.owners
        if kept == list(range(self.count)):
            return
        index = torch.tensor(kept, device=self.states.device)
        self.layers = [None if both is None else both.index_select(0, index) for both in self.layers]
        self.mask = None if self.mask is None else self.mask.index_select(0, index)
        copies = len(self.owners) // len(kept)
        self.owners = [i for i in range(len(kept)) for _ in range(copies)]
        self.count = len(kept)

    def _spread(self, both: Tensor) -> Tensor:
        """From packed keys and values to `(sources, 2 * heads, longest, head_dim)`."""
        slots = both.new_zeros(self.count * self.longest, *both.shape[1:])
        slots[_slots(self.layout)] = both
        return slots.unflatten(0, (self.count, self.longest)).transpose(1, 2).contiguous()


class Uneven:
    """The sources of texts that are read at once and have several lengths. layout: of the texts."""

    def __init__(self, memory: Memory, layout: Layout) -> None:
        self.memory, self.slots = memory, _slots(layout)
        self.count = len(layout.lengths) * max(layout.lengths)

    def attend(self, q: Tensor, layer: int, project: Projection, scale: float | None) -> Tensor:
        even = q.new_zeros(self.count, *q.shape[1:])
        even[self.slots] = q
        return self.memory.attend(even, layer, project, scale)[self.slots]


def _slots(layout: Layout) -> Tensor:
    """The place of each token where all sequences are as long as the longest of them."""
    sizes = torch.tensor(layout.lengths, device=layout.positions.device)
    rows = torch.arange(len(layout.lengths), device=sizes.device) * max(layout.lengths)
    return rows.repeat_interleave(sizes, output_size=len(layout.positions)) + layout.positions


class Watched:
    """A single source, of which some heads are watched. heads: number of the layer, and of the head in it."""

    def __init__(self, memory: Memory, heads: Sequence[tuple[int, int]]) -> None:
        self.memory, self.heads = memory, heads
        self.seen: dict[tuple[int, int], Tensor] = {}
        """What each head looked at, `(tokens, source)`: shares that sum to one for each token."""

    def attend(self, q: Tensor, layer: int, project: Projection, scale: float | None) -> Tensor:
        for one, head in self.heads:
            if one == layer:
                keys = self.memory.both(layer, project)[0, head]
                scores = q[:, head] * (scale or q.shape[-1] ** -0.5) @ keys.T
                self.seen[one, head] = scores.softmax(-1)
        return self.memory.attend(q, layer, project, scale)


@dataclass(frozen=True, slots=True)
class About:
    """A pass through a decoder whose texts are about sources."""

    reading: Reading
    source: Source

    @property
    def positions(self) -> Tensor:
        return self.reading.positions

    @property
    def lengths(self) -> Tensor:
        return self.reading.lengths

    def attend(self, q: Tensor, both: Tensor, layer: int, manner: Manner) -> Tensor:
        """To the text itself; see `Reading`."""
        return self.reading.attend(q, both, layer, manner)


class CrossAttention(Layer):
    """Attention of the tokens of a text to those of its source. scale: of the scores, None = 1/sqrt(head_dim)."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        head_dim: int | None = None,
        source: int | None = None,
        bias: bool = True,
        scale: float | None = None,
    ) -> None:
        """source: width of the encoder's states, if it is another."""
        super().__init__()
        if heads < 1 or (head_dim is None and width % heads):
            raise ValueError(f"a width of {width} cannot be split among {heads} heads")
        self.heads, self.scale = heads, scale
        inner = heads * (head_dim or width // heads)
        self.q = Linear(width, inner, bias=bias)
        self.k, self.v = (Linear(source or width, inner, bias=bias) for _ in range(2))
        self.out = Linear(inner, width, bias=bias)
        self.joined: Linear | None = None

    def fuse(self) -> None:
        """Computes keys and values by one layer from now on."""
        if self.joined is None:
            self.joined = Linear.joined((self.k, self.v))
            del self.k, self.v

    def forward(self, x: Tensor, reading: About, layer: int, *, keep: Tensor | None = None) -> Tensor:
        """x: `(tokens, width)`. layer: its number. keep: tokens whose output is wanted (None: all)."""
        q = self.q(x).unflatten(-1, (self.heads, -1))
        mixed = reading.source.attend(q, layer, self.keys_and_values, self.scale)
        return self.out(mixed if keep is None else mixed[keep])

    def keys_and_values(self, states: Tensor) -> Tensor:
        """From states of an encoder, `(tokens, width)`, to `(tokens, 2 * heads, head_dim)`."""
        both = torch.cat((self.k(states), self.v(states)), -1) if self.joined is None else self.joined(states)
        return both.unflatten(-1, (2 * self.heads, -1))


class CrossBlock(Layer):
    """Attention to the text so far, attention to its source, feed-forward: each with a norm and a way around both.

    norms: of the three, before the layers (`pre`) or after the sums.
    """

    def __init__(
        self,
        attn: nn.Module,
        cross: nn.Module,
        mlp: nn.Module,
        norms: tuple[nn.Module, nn.Module, nn.Module],
        *,
        pre: bool,
    ) -> None:
        super().__init__()
        self.attn, self.cross, self.mlp = attn, cross, mlp
        self.attn_norm, self.cross_norm, self.mlp_norm = norms
        self.pre = pre

    def forward(
        self, x: Tensor, reading: About, layer: int, *, turn: Turn | None = None, keep: Tensor | None = None
    ) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose final state is wanted (None: all)."""
        if not self.pre:
            x = self.attn_norm(x + self.attn(x, reading, layer, turn=turn))
            x = self.cross_norm(_kept(x, keep) + self.cross(x, reading, layer, keep=keep))
            return self.mlp_norm(x + self.mlp(x))
        x = x + self.attn(self.attn_norm(x), reading, layer, turn=turn)
        x = _kept(x, keep) + self.cross(self.cross_norm(x), reading, layer, keep=keep)
        return x + self.mlp(self.mlp_norm(x))


def _kept(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x[keep]
