"""Linear layers for few rows, as in each step of a text, where reading the weight is what takes the time.

Both forms multiply in float32. `Halves` reads half the bytes, of weights that float16 can hold: most checkpoints are
published in bfloat16 or float16, and stay so in whatever precision they are computed.
"""

import math
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nbpipes.layers.trial import faster

FEW = {torch.float32: 16, torch.bfloat16: 2}
"""Rows up to which halves are faster than reordered weights of a dtype."""
NARROW = 64
"""Rows of a weight that are not worth a thread of their own."""
EXACT = 2.0**-25
"""By how much a weight may change, relative to its root mean square: by less than float32 rounds a sum."""
PART = 1 << 22
"""Numbers of a weight that are looked at together: copies of large weights would not fit into the memory."""
HIGHEST = 15
"""The largest value of a scaled weight lies below two to the power of this, as float16 ends there."""


class Halves:
    """`x @ weight.T + bias` from a weight in float16, widened to float32 on the way from the memory.

    weight, bias: in float32. scale: a power of two that the weight is stored with. most: rows of x up to which it is to
    be used.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, most: int, scale: float = 1.0) -> None:
        self.scale, self.most = scale, most
        bias = bias if bias is None or scale == 1 else bias * scale
        self.packed: Any = torch.ops.quantized.linear_prepack_fp16(weight if scale == 1 else weight * scale, bias)
        multiply = torch.ops.quantized.linear_dynamic_fp16.default
        # What torch checks before it calls the operation itself is only of use to its tracers.
        self.multiply: Any = getattr(multiply, "_op", multiply)

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None, most: int) -> "Halves | None":
        """None where float16 cannot hold the weight, or would not be faster."""
        scale = scale_of(weight) if halves_pay() else None
        return None if scale is None else cls(weight, bias, scale=scale, most=most)

    def __call__(self, x: Tensor) -> Tensor:
        """x: `(…, in)`. Returns `(…, out)` in the same dtype."""
        y = self.multiply(x.float().contiguous(), self.packed)  # other orders of memory would be misread
        y = y if self.scale == 1 else y.mul_(1 / self.scale)
        return y.to(x.dtype)

    def dense(self) -> Tensor:
        """The weight, `(out, in)`, in float32."""
        weight, _ = torch.ops.quantized.linear_unpack_fp16(self.packed)
        return weight if self.scale == 1 else weight / self.scale


class Bands:
    """`x @ weight.T + bias` for one or two rows as columns: each thread multiplies a band of the weight by them, as
    fast as it can be read. oneDNN, which wants more rows, needs up to 1.6 times as long, and so does MKL with the
    weight as a whole."""

    most = 2

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.out, self.width = weight.shape
        self.bias = bias
        count = max(1, min(torch.get_num_threads(), self.out // NARROW))
        self.bands = F.pad(weight, (0, 0, 0, -self.out % count)).view(count, -1, self.width)
        """`(bands, out / bands, in)`; the last band may end in zeros."""

    def __call__(self, x: Tensor) -> Tensor:
        """x: `(…, in)`. Returns `(…, out)`."""
        width = self.width
        rows = x.numel() // width
        if not rows:
            return x.new_empty(*x.shape[:-1], self.out)
        # The strides of sides of length one matter too: by others torch multiplies number by number.
        y = torch.bmm(self.bands, x.contiguous().as_strided((len(self.bands), width, rows), (0, 1, width)))
        # Of a single row nothing needs to be moved: a view is cheaper than what says so.
        y = y.view(1, -1) if rows == 1 else y.permute(2, 0, 1).contiguous().view(rows, -1)
        y = y if y.shape[1] == self.out else y[:, : self.out].contiguous()
        y = y if self.bias is None else y.add_(self.bias)
        return y if x.dim() == 2 else y.view(*x.shape[:-1], -1)

    def dense(self) -> Tensor:
        """The weight, `(out, in)`."""
        return self.bands.view(-1, self.width)[: self.out]


def few_rows(weight: Tensor, bias: Tensor | None, most: int) -> Halves | Bands | None:
    """The fastest form of a weight, `(out, in)`, for up to `most` rows; None if that is the one it has."""
    plain = weight.dtype == torch.float32
    halves = Halves.of(weight.float(), None if bias is None else bias.float(), most)
    return halves or (Bands(weight, bias) if plain else None)


def scale_of(weight: Tensor) -> float | None:
    """The power of two with which float16 holds a weight, None if it cannot.

    Small values have fewer digits in float16; a scale lifts them as far as the largest one allows.
    """
    largest = weight.abs().max().item() if weight.numel() else 0.0
    if not 0 < largest < math.inf:
        return None
    lifted = 2.0 ** (HIGHEST - math.frexp(largest)[1])
    return next((scale for scale in (1.0, lifted) if _held(weight, scale)), None)


def _held(weight: Tensor, scale: float) -> bool:
    changed = whole = 0.0
    for rows in weight.split(max(1, PART // weight.shape[1])):
        scaled = rows * scale
        changed += (scaled - scaled.half().float()).square().sum().item()
        whole += scaled.square().sum().item()
    return changed <= EXACT**2 * whole


@lru_cache
def halves_pay() -> bool:
    """Whether this form is faster than bands here, by a trial of some milliseconds."""
    return halves_work() and _trial()


def halves_work() -> bool:
    """Whether torch has this form here, with the same numbers: it comes from FBGEMM, which is not a part of torch on
    every processor, by operations that torch may change."""
    draw = torch.Generator().manual_seed(0)
    weight, x = torch.randn(48, 40, generator=draw).half().float(), torch.randn(3, 40, generator=draw)
    try:
        return torch.allclose(Halves(weight, weight[:, 0], most=3)(x), F.linear(x, weight, weight[:, 0]), atol=1e-4)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False


def _trial() -> bool:
    weight, x = torch.ones(4096, 1024), torch.ones(1, 1024)  # 16 MiB: more than is left in a cache
    halves, bands = Halves(weight, None, most=1), Bands(weight, None)
    with torch.inference_mode():
        return faster(lambda: halves(x), lambda: bands(x))
