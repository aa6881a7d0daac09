"""Feed-forward, residual step and transformer block."""

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from nbpipes.layers.activations import known
from nbpipes.layers.layer import Layer
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout


class MLP(Layer):
    """Two linears with an activation between; gated, the activation of a third one scales the middle."""

    def __init__(self, width: int, middle: int, act: str, *, bias: bool = True, gated: bool = False) -> None:
        super().__init__()
        self.up = Linear(width, middle, bias=bias)
        self.gate = Linear(width, middle, bias=bias) if gated else None
        self.down = Linear(middle, width, bias=bias)
        self.act = known(act)

    def forward(self, x: Tensor) -> Tensor:
        middle = self.up(x, self.act) if self.gate is None else self.gate(x, self.act) * self.up(x)
        return self.down(middle.to(self.down.weight.dtype))  # T5 keeps this layer in float32


class Residual(nn.Module):
    """A layer, its norm, and the way around both: `x + layer(norm(x))`, or `norm(x + layer(x))` with the norm after."""

    def __init__(self, layer: nn.Module, norm: nn.Module, *, pre: bool) -> None:
        super().__init__()
        self.layer, self.norm, self.pre = layer, norm, pre

    def forward(self, x: Tensor, *args: object, keep: Tensor | None = None, **extras: object) -> Tensor:
        """keep: rows of x that go on; the layer is told, and answers for these rows only."""
        if keep is not None:
            extras["keep"] = keep
        change = self.layer(self.norm(x) if self.pre else x, *args, **extras)
        kept = x if keep is None else x[keep]
        return kept + change if self.pre else self.norm(kept + change)


class Block(nn.Module):
    """Attention, then feed-forward, each with its residual step."""

    def __init__(self, attn: nn.Module, mlp: nn.Module, norm: Callable[[], nn.Module], *, pre: bool) -> None:
        super().__init__()
        self.attn = Residual(attn, norm(), pre=pre)
        self.mlp = Residual(mlp, norm(), pre=pre)

    def forward(self, x: Tensor, layout: Layout, *, keep: Tensor | None = None, **extras: object) -> Tensor:
        """extras: what the family's attention takes besides (bias, rotate, ...)."""
        return self.mlp(self.attn(x, layout, keep=keep, **extras))


class Blocks(nn.ModuleList):
    """A stack of blocks. Only the last one may leave out tokens: the others need all of them as keys and values."""

    def __init__(self, blocks: Iterable[nn.Module]) -> None:
        super().__init__(blocks)
        if not len(self):
            raise ValueError("a model needs at least one layer")

    def forward(self, x: Tensor, layout: Layout, *, keep: Tensor | None = None, **extras: object) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose final state is wanted (None: all)."""
        *body, last = self
        for block in body:
            x = block(x, layout, **extras)
        return last(x, layout, keep=keep, **extras)
