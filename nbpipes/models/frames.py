"""From samples to frames: the convolutions that models of plain samples begin with, computed by matrix products."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.layers.activations import activation, known
from nbpipes.layers.linear import Linear

SPAN = 112
"""Frames that are made of samples at once, as `even` leaves them: enough work for two threads, and what lies between
the convolutions stays in the processor's cache."""

LONG_SPAN = 3000
"""The same on other devices, which have no such cache and want long work."""


def even(count: int) -> int:
    """The count, rounded up to some rows more: oneDNN keeps what it compiles for each number of rows that it sees,
    and compiling takes as long as computing a few of them."""
    step = 8 if count < 256 else 16
    return -(-count // step) * step


def windows(x: Tensor, kernel: int, stride: int) -> Tensor:
    """x: `(steps, inner)`. Returns a view, `(windows, kernel * inner)`."""
    count, inner = (len(x) - kernel) // stride + 1, x.shape[1]
    return x.contiguous().as_strided((count, kernel * inner), (stride * inner, 1))


class Taps(Linear):
    """`act(conv(x))`: a convolution over time without padding, as a linear layer on windows of its input."""

    pairs: tuple[Tensor, ...] = ()
    """The reordered weights of `_by_pairs`: first and middle tap, first plus last, middle and last."""

    def __init__(self, inner: int, outer: int, kernel: int, stride: int, *, bias: bool) -> None:
        super().__init__(kernel * inner, outer, bias=bias)
        self.inner, self.kernel, self.stride = inner, kernel, stride

    def forward(self, x: Tensor, act: str | None = None) -> Tensor:
        """x: `(steps, inner)`. act: the name of an activation. Returns `(windows, outer)`."""
        if not self.pairs:
            return super().forward(windows(x, self.kernel, self.stride), act)
        y = self._by_pairs(x, *self.pairs)
        if act == "gelu":
            return torch.ops.aten.gelu_(y)  # in place: another tensor of this size would not fit into the cache
        return y if act is None else activation(act)(y)

    def _by_pairs(self, x: Tensor, early: Tensor, both: Tensor, late: Tensor) -> Tensor:
        """Three taps a, b, c and steps of two by five products for two outputs, not six. With five inputs 0 … 4

            a·x0 + b·x1 + c·x2 = a·(x0 - x2) + b·x1 + (a + c)·x2
            a·x2 + b·x3 + c·x4 = b·x3 + c·(x4 - x2) + (a + c)·x2

        which is F(2, 2) of Winograd's minimal filters (https://arxiv.org/abs/1509.09308) on the even inputs. The
        weights are summed beforehand; rounding grows no larger, since the factors are all 1.
        """
        count, inner = (len(x) - 3) // 2 + 1, self.inner
        first, second = (count + 1) // 2, count // 2
        middle = x[2::4][:first]
        left, right = x.new_empty(first, 2 * inner), x.new_empty(second, 2 * inner)
        torch.sub(x[0::4][:first], middle, out=left[:, :inner])
        left[:, inner:] = x[1::4][:first]
        right[:, :inner] = x[3::4][:second]
        torch.sub(x[4::4][:second], middle[:second], out=right[:, inner:])
        shared, left, right = (
            torch.ops.mkldnn._linear_pointwise(part, weight, bias, "none", [], "")
            for part, weight, bias in ((middle, both, self.bias), (left, early, None), (right, late, None))
        )
        y = x.new_empty(count, self.out_features)
        torch.add(left, shared, out=y[0::2])
        torch.add(right, shared[:second], out=y[1::2])
        return y

    def pack(self) -> None:
        if (self.kernel, self.stride, self.weight.dtype) != (3, 2, torch.float32):
            return super().pack()
        first, middle, last = self.weight.data.unflatten(1, (3, -1)).unbind(1)
        taps = torch.cat([first, middle], 1), first + last, torch.cat([middle, last], 1)
        self.pairs = tuple(torch.ops.mkldnn._reorder_linear_weight(one) for one in taps)
        self.weight = nn.Parameter(self.weight.data.to("meta"), requires_grad=False)

    def unpack(self) -> None:
        if self.pairs:
            early, _, late = (weight.to_dense() for weight in self.pairs)
            self.weight = nn.Parameter(torch.cat([early, late[:, self.inner :]], 1), requires_grad=False)
            self.pairs = ()
        super().unpack()


class Strided(nn.Module):
    """A convolution over time; a norm may follow, then `act`."""

    def __init__(
        self, inner: int, outer: int, kernel: int, stride: int, act: str, *, bias: bool, norm: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.act = kernel, stride, known(act)
        self.linear = Taps(inner, outer, kernel, stride, bias=bias)
        self.norm: nn.Module | None = nn.LayerNorm(outer) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """x: `(steps, inner)`. Returns `(windows, outer)`."""
        if self.norm is None:
            return self.linear(x, self.act)
        return activation(self.act)(self.norm(self.linear(x)))


class NormedOverTime(nn.Module):
    """The first convolution, whose channels are normed by their mean and variance over the whole sound.

    Both follow from mean and covariance of the few samples in a window. So the norm becomes part of the weights, for
    each sound its own, and nothing has to be computed twice.
    """

    def __init__(self, outer: int, kernel: int, stride: int, act: str, *, bias: bool) -> None:
        super().__init__()
        self.kernel, self.stride, self.act = kernel, stride, known(act)
        self.linear = nn.Linear(kernel, outer, bias=bias)
        self.norm = nn.GroupNorm(outer, outer)

    def fitted(self, samples: Tensor) -> Callable[[Tensor], Tensor]:
        """samples: `(samples,)` of a sound. Returns what computes it or parts of it, `(steps, 1)`."""
        seen, weight = windows(samples[:, None], self.kernel, self.stride).double(), self.linear.weight.double()
        mean = seen.mean(0)
        centred = seen - mean
        variance = (weight @ (centred.T @ centred / len(seen)) * weight).sum(1)
        fitted = weight * (self.norm.weight.double() * torch.rsqrt(variance + self.norm.eps))[:, None]
        bias = self.norm.bias.double() - fitted @ mean  # the mean takes off whatever bias the convolution has
        own = Linear(self.kernel, len(weight), device="meta")
        own.weight, own.bias = (nn.Parameter(one.to(samples.dtype), requires_grad=False) for one in (fitted, bias))
        if own.pays:
            own.pack()
        return lambda x: own(windows(x, self.kernel, self.stride), self.act)


class FrameMaker(nn.Module):
    """Convolutions one after the other, from samples to frames."""

    def __init__(self, layers: Iterable[Strided | NormedOverTime]) -> None:
        super().__init__()
        given = list(layers)
        if not given:
            raise ValueError("a model of sounds needs at least one convolution")
        self.layers = nn.ModuleList(given)
        self.shape = [(layer.kernel, layer.stride) for layer in given]

    def frames(self, samples: int) -> int:
        """How many frames there are in so many samples."""
        for kernel, stride in self.shape:
            samples = max(0, (samples - kernel) // stride + 1)
        return samples

    def samples(self, frames: int) -> int:
        """How many samples so many frames are made of."""
        for kernel, stride in reversed(self.shape):
            frames = (frames - 1) * stride + kernel
        return frames

    def forward(self, samples: Tensor) -> Tensor:
        """samples: `(samples,)` of one sound. Returns `(frames, channels)`."""
        count = self.frames(len(samples))
        if not count:
            raise InputError(f"a sound of {len(samples)} samples is too short: the model needs {self.samples(1)}")
        first, *others = self.layers
        layers = [first.fitted(samples) if isinstance(first, NormedOverTime) else first, *others]
        ratio = self.samples(2) - self.samples(1)
        parts = []
        span = SPAN if samples.device.type == "cpu" else LONG_SPAN
        for start in range(0, count, span):
            wanted = min(span, count - start)
            x = samples[start * ratio :][: self.samples(wanted)]
            x = F.pad(x, (0, self.samples(even(wanted)) - len(x)))[:, None]
            for layer in layers:
                x = layer(x)
            parts.append(x[:wanted])
        return torch.cat(parts)
