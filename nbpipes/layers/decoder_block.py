"""Blocks of decoders: attention and feed-forward, one after the other or side by side."""

from typing import Any

from torch import Tensor, nn

from nbpipes.layers.activations import activation, known
from nbpipes.layers.decoder_attention import Reading
from nbpipes.layers.layer import Layer
from nbpipes.layers.linear import Linear
from nbpipes.layers.rope import Turn


class GatedMLP(Layer):
    """Two linears side by side, of which one passes an activation and scales the other; then a third one."""

    def __init__(self, width: int, middle: int, act: str, *, bias: bool = False) -> None:
        super().__init__()
        self.gate, self.up = Linear(width, middle, bias=bias), Linear(width, middle, bias=bias)
        self.down = Linear(middle, width, bias=bias)
        self.act = known(act)
        self.joined: Linear | None = None

    def fuse(self) -> None:
        """Computes both linears by one layer from now on."""
        if self.joined is None:
            self.joined = Linear.joined((self.gate, self.up))
            del self.gate, self.up

    def forward(self, x: Tensor) -> Tensor:
        joined = self.joined
        if joined is None:
            return self.down(self.gate(x, self.act) * self.up(x))
        gate, up = joined(x).chunk(2, -1)
        return self.down(activation(self.act)(gate).mul_(up))


class Normed(Layer):
    """A layer with a norm after it."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.inner, self.after = layer, norm

    def forward(self, x: Tensor, *args: object, turn: Turn | None = None, keep: Tensor | None = None) -> Tensor:
        """The arguments are those of the layer."""
        return self.after(self.inner(x, *args, turn=turn, keep=keep) if args else self.inner(x))


class DecoderBlock(Layer):
    """Attention, then feed-forward, each with a norm and a way around both; both may also read the same input.

    pre: norms stand before the layers, else after the sums. parallel: feed-forward does not wait for attention.
    attn and mlp may be wrapped in a `Normed` for a further norm after each.
    """

    def __init__(
        self,
        attn: nn.Module,
        mlp: nn.Module,
        norms: tuple[nn.Module, nn.Module | None],
        *,
        pre: bool = True,
        parallel: bool = False,
    ) -> None:
        super().__init__()
        self.attn, self.mlp = attn, mlp
        self.attn_norm: Any
        self.mlp_norm: Any
        self.attn_norm, self.mlp_norm = norms
        self.pre, self.parallel = pre, parallel

    def forward(
        self, x: Tensor, reading: Reading, layer: int, *, turn: Turn | None = None, keep: Tensor | None = None
    ) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose final state is wanted (None: all)."""
        kept = x if keep is None else x[keep]
        if not self.pre:
            kept = self.attn_norm(kept + self.attn(x, reading, layer, turn=turn, keep=keep))
            return self.mlp_norm(kept + self.mlp(kept))
        normed = self.attn_norm(x)
        change = self.attn(normed, reading, layer, turn=turn, keep=keep)
        if not self.parallel:
            kept = kept + change
            return kept + self.mlp(self.mlp_norm(kept))
        if self.mlp_norm is not None:
            return kept + change + self.mlp(self.mlp_norm(kept))
        return kept + change + self.mlp(normed if keep is None else normed[keep])
