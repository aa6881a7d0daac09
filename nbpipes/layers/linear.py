"""Linear layers, prepared for the processor they run on.

On a CPU, oneDNN computes a linear layer faster from weights that were reordered once, and applies bias and activation
while the result is still in the cache. The torch operations for this are private, so they are used only after a trial
in this process has shown that they exist, give the same numbers, and are faster; everywhere else `F.linear` computes.
"""

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.activations import activation
from nbpipes.layers.few_rows import FEW, Bands, Halves, few_rows
from nbpipes.layers.layer import Layer
from nbpipes.layers.trial import faster

TWICE = 2 << 30
"""Bytes of weights up to which a model may hold them in two forms; a larger one has them in the smallest."""
FUSED = {"gelu": ("gelu", "none"), "relu": ("relu", "none"), "tanh": ("tanh", "none")}
"""Activations that oneDNN applies itself with the same numbers, and what it calls them."""


class Linear(Layer, nn.Linear):
    """`act(x @ weight.T + bias)`."""

    packed: Tensor | None = None
    """The reordered weight."""
    few: Halves | Bands | None = None
    """The weight in a form for few rows. While it is there, or the one above, `weight` may be a placeholder without
    memory."""
    steps = 0
    """Rows up to which the form for few rows is made, when they come."""

    def forward(self, x: Tensor, act: str | None = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """x: `(…, in)`. act: the name of an activation. Returns `(…, out)`."""
        few = self.few
        if few is None and 0 < x.numel() <= self.steps * x.shape[-1]:
            few = self._made_for_few()
        if few is not None and x.numel() <= few.most * x.shape[-1]:
            y = few(x)
        elif self.packed is None:
            y = F.linear(x, self.weight, self.bias)
        else:
            name, algorithm = FUSED.get(act or "", ("none", ""))
            y = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, name, [], algorithm)
            return y if act is None or act in FUSED else activation(act)(y)
        return y if act is None else activation(act)(y)

    def _made_for_few(self) -> Halves | Bands | None:
        self.few = few_rows(self.dense(), self.bias, self.steps)
        if self.few is None:
            self.steps = 0
        return self.few

    def dense(self) -> Tensor:
        """The weight, `(out, in)`, whatever form it has."""
        if self.packed is not None:
            return self.packed.to_dense()
        return self.weight if self.few is None else self.few.dense()

    @property
    def pays(self) -> bool:
        """Whether packing makes it faster where it is."""
        return self.weight.device.type == "cpu" and packing_pays(self.weight.dtype)

    def pack(self) -> None:
        """Reorders the weight and frees the original."""
        self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.data)
        self._free()

    def halve(self) -> bool:
        """Keeps the weight in half the memory, if that changes no answer. Returns whether it does."""
        self.few = Halves.of(self.weight.data, self.bias, sys.maxsize)
        if self.few is not None:
            self._free()
        return self.few is not None

    def unpack(self) -> None:
        """Brings the original weight back."""
        if self.weight.device.type == "meta" and (self.packed is not None or self.few is not None):
            self.weight = nn.Parameter(self.dense(), requires_grad=False)
        self.packed = self.few = None
        self.steps = 0

    def _free(self) -> None:
        self.weight = nn.Parameter(self.weight.data.to("meta"), requires_grad=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.unpack()  # another device or dtype needs the plain weight
        return super()._apply(fn, recurse)

    @classmethod
    def joined(cls, parts: Sequence[nn.Linear]) -> "Linear":
        """One layer that gives the outputs of several ones on the same input, side by side."""
        out = sum(part.out_features for part in parts)
        whole = cls(parts[0].in_features, out, bias=parts[0].bias is not None, device="meta")
        whole.weight = nn.Parameter(torch.cat([part.weight for part in parts]), requires_grad=False)
        if whole.bias is not None:
            whole.bias = nn.Parameter(torch.cat([part.bias for part in parts]), requires_grad=False)
        return whole


def prepare(model: nn.Module, *, steps: bool = False) -> None:
    """Makes a loaded model fast on the device it is on; its answers stay the same to rounding.

    steps: whether it goes on token by token, so that its layers often see few rows.
    """
    for module in list(model.modules()):
        if callable(fuse := getattr(module, "fuse", None)):
            fuse()
    packable: list[Any] = [one for one in model.modules() if callable(getattr(one, "pack", None)) and one.pays]
    layers = [one for one in packable if isinstance(one, Linear)]
    halved: set[nn.Module] = set()
    if steps and torch.backends.mkl.is_available():
        if sum(layer.weight.nbytes for layer in layers) <= TWICE:
            for layer in layers:
                layer.steps = FEW.get(layer.weight.dtype, 0)
        else:
            halved = {layer for layer in layers if layer.weight.dtype == torch.float32 and layer.halve()}
    for module in packable:
        if module not in halved:
            module.pack()


def device_of(model: nn.Module) -> torch.device:
    """Where a model is: the device of its first weight that is no placeholder."""
    devices = (weight.device for weight in model.parameters())
    return next((device for device in devices if device.type != "meta"), torch.device("cpu"))


@lru_cache
def packing_pays(dtype: torch.dtype) -> bool:
    """Whether reordered weights are there for `dtype`, give the same numbers and are faster, by a trial of a few ms."""
    try:
        return _trial(dtype)
    except (RuntimeError, AttributeError, NotImplementedError):  # a build of torch without these operations
        return False


def _trial(dtype: torch.dtype) -> bool:
    draw = torch.Generator().manual_seed(0)
    plain = Linear(256, 1024, device="meta")
    plain.weight = nn.Parameter((torch.randn(1024, 256, generator=draw) / 16).to(dtype), requires_grad=False)
    plain.bias = nn.Parameter(torch.randn(1024, generator=draw).to(dtype), requires_grad=False)
    packed = Linear.joined([plain])
    packed.pack()
    x = torch.randn(128, 256, generator=draw).to(dtype)
    with torch.inference_mode():
        tolerance = 1e-5 if dtype == torch.float32 else 5e-2
        if not torch.allclose(plain(x, "gelu"), packed(x, "gelu"), atol=tolerance):
            return False
        return faster(lambda: packed(x, "gelu"), lambda: plain(x, "gelu"))
