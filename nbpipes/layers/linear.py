"""Linear layers, prepared for the processor they run on.

On a CPU, oneDNN computes a linear layer faster from weights that were reordered once, and applies bias and activation
while the result is still in the cache. The torch operations for this are private, so they are used only after a trial
in this process has shown that they exist, give the same numbers, and are faster; everywhere else `F.linear` computes.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.activations import activation

TWICE = 2 << 30
"""Bytes of weights up to which a model may hold them in two forms."""
NARROW = 64
"""Rows of a weight that are not worth a thread of their own."""
TRIALS = 3
"""Times that reordered weights may be the slower ones before they are not used."""
FUSED = {"gelu": ("gelu", "none"), "relu": ("relu", "none"), "tanh": ("tanh", "none")}
"""Activations that oneDNN applies itself with the same numbers, and what it calls them."""


class Linear(nn.Linear):
    """`act(x @ weight.T + bias)`."""

    packed: Tensor | None = None
    """The reordered weight. While it is there, `weight` is a placeholder without memory."""
    turns = False
    """Whether one or two rows are computed as columns while it is packed."""
    bands: Tensor | None = None
    """The weight as it was, `(bands, out / bands, in)`, once columns were computed. The last band may end in zeros."""

    def forward(self, x: Tensor, act: str | None = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """x: `(…, in)`. act: the name of an activation. Returns `(…, out)`."""
        if self.packed is None:
            y = F.linear(x, self.weight, self.bias)
            return y if act is None else activation(act)(y)
        if self.turns and 0 < x.numel() <= 2 * x.shape[-1]:
            y = self._columns(x, self.packed)
            return y if act is None else activation(act)(y)
        name, algorithm = FUSED.get(act or "", ("none", ""))
        y = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, name, [], algorithm)
        return y if act is None or act in FUSED else activation(act)(y)

    def _columns(self, x: Tensor, packed: Tensor) -> Tensor:
        """The same for one or two rows: each thread multiplies a band of the weight by them, as fast as it can be read.
        oneDNN, which wants more rows, needs up to 1.6 times as long, and so does MKL with the weight as a whole."""
        bands = self.bands
        if bands is None:
            self.bands = bands = _banded(packed.to_dense())
        width = x.shape[-1]
        rows = x.numel() // width
        # The strides of sides of length one matter too: by others torch multiplies number by number.
        y = torch.bmm(bands, x.contiguous().as_strided((len(bands), width, rows), (0, 1, width)))
        # Of a single row nothing needs to be moved: a view is cheaper than what says so.
        y = y.view(1, -1) if rows == 1 else y.permute(2, 0, 1).contiguous().view(rows, -1)
        y = y if y.shape[1] == self.out_features else y[:, : self.out_features].contiguous()
        bias = self.bias
        y = y if bias is None else y.add_(bias)
        return y if x.dim() == 2 else y.view(*x.shape[:-1], -1)

    @property
    def pays(self) -> bool:
        """Whether packing makes it faster where it is."""
        return self.weight.device.type == "cpu" and packing_pays(self.weight.dtype)

    def pack(self) -> None:
        """Reorders the weight and frees the original."""
        self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.data)
        self.weight = nn.Parameter(self.weight.data.to("meta"), requires_grad=False)

    def unpack(self) -> None:
        """Brings the original weight back."""
        if self.packed is not None:
            self.weight = nn.Parameter(self.packed.to_dense(), requires_grad=False)
            self.packed = self.bands = None
            self.turns = False

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
    layers = [module for module in packable if isinstance(module, Linear)]
    if steps and sum(layer.weight.nbytes for layer in layers) <= TWICE and torch.backends.mkl.is_available():
        for layer in layers:
            layer.turns = layer.weight.dtype == torch.float32
    for module in packable:
        module.pack()


def _banded(weight: Tensor) -> Tensor:
    """`(out, in)` as `(bands, out / bands, in)`: a band for each thread, unless it would be narrow."""
    count = max(1, min(torch.get_num_threads(), len(weight) // NARROW))
    return F.pad(weight, (0, 0, 0, -len(weight) % count)).view(count, -1, weight.shape[1])


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
        # Something else may run just then, and a wrong answer would slow everything down from here on.
        return any(seconds(lambda: packed(x, "gelu")) < seconds(lambda: plain(x, "gelu")) for _ in range(TRIALS))


def seconds(work: Callable[[], Any]) -> float:
    """The shortest of a few runs: what disturbs a run only makes it longer."""
    found = []
    for _ in range(8):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)
