"""Convolutions, prepared for the processor they run on, with the norm and the activation that follow them.

On a CPU, oneDNN computes a convolution faster from weights that were reordered once, on maps whose channels lie
together, and applies activation and sum while the result is still in the cache. As with linear layers, these private
operations are used only after a trial has shown that they are there, right and faster.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.activations import activation, known
from nbpipes.layers.precision import finest
from nbpipes.layers.trial import faster


class Conv(nn.Conv2d):
    """`act(conv(x) + beside)`."""

    packed: Tensor | None = None
    """The reordered weight. While it is there, `weight` is a placeholder without memory."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, act: str | None = None, beside: Tensor | None = None
    ) -> Tensor:
        """x: `(batch, channels, height, width)`. act: the name of an activation. beside: what is added before it."""
        if self.packed is None:
            y = super().forward(x)
            y = y if beside is None else y + beside
            return y if act is None else activation(act)(y)
        x = x.contiguous(memory_format=torch.channels_last)
        beside = None if beside is None else beside.contiguous(memory_format=torch.channels_last)
        compute = self._of_points if self.points else self._of_squares
        y = compute(x, "relu" if act == "relu" else None, beside)
        return y if act in (None, "relu") else activation(act)(y)

    def _of_squares(self, x: Tensor, act: str | None, beside: Tensor | None) -> Tensor:
        shape = (self.packed, self.bias, self.padding, self.stride, self.dilation, self.groups)
        if beside is None:
            return torch.ops.mkldnn._convolution_pointwise(x, *shape, act or "none", [], "")
        return torch.ops.mkldnn._convolution_pointwise.binary(x, beside, *shape, "add", 1.0, act, [], None)

    def _of_points(self, x: Tensor, act: str | None, beside: Tensor | None) -> Tensor:
        """As a linear layer: the order of a convolution's weights fits one size of maps, for others oneDNN reorders
        them each time, which takes several times as long as the convolution."""
        places = x[:, :, :: self.stride[0], :: self.stride[1]].permute(0, 2, 3, 1)
        shape, rows = places.shape[:3], places.reshape(-1, self.in_channels)
        first = act if beside is None else None
        y = torch.ops.mkldnn._linear_pointwise(rows, self.packed, self.bias, first or "none", [], "")
        y = y.view(*shape, self.out_channels).permute(0, 3, 1, 2)
        if beside is None:
            return y
        y += beside  # oneDNN's own sum copies what is beside, which takes longer
        return y if act is None else y.relu_()

    @property
    def points(self) -> bool:
        """Whether it looks at single points."""
        return self.kernel_size == (1, 1) and self.groups == 1 and self.padding == (0, 0)

    @property
    def pays(self) -> bool:
        """Whether packing makes it faster where it is."""
        return self.weight.device.type == "cpu" and packing_pays(self.weight.dtype)

    def pack(self) -> None:
        """Reorders the weight and frees the original."""
        if self.points:
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self.weight.data.flatten(1))
        else:
            shape: Any = (self.padding, self.stride, self.dilation, self.groups)
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(self.weight.data, *shape)
        # Still on its device: a model is where its first weight is, which a convolution often has.
        self.weight = nn.Parameter(self.weight.new_empty(1).expand(self.weight.shape), requires_grad=False)

    def unpack(self) -> None:
        """Brings the original weight back."""
        if self.packed is not None:
            self.weight = nn.Parameter(self.packed.to_dense().view(self.weight.shape), requires_grad=False)
            self.packed = None

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.unpack()  # another device or dtype needs the plain weight
        return super()._apply(fn, recurse)


@lru_cache
def packing_pays(dtype: torch.dtype) -> bool:
    """Whether reordered weights are there for `dtype`, give the same numbers and are faster, by a trial of a few ms."""
    try:
        return _trial(dtype)
    except (RuntimeError, AttributeError, NotImplementedError):  # a build of torch without these operations
        return False


def _trial(dtype: torch.dtype) -> bool:
    draw = torch.Generator().manual_seed(0)
    plain, packed = (Conv(64, 256, 1, device="meta") for _ in range(2))
    weight, bias = torch.randn(256, 64, 1, 1, generator=draw) / 8, torch.randn(256, generator=draw)
    for layer in (plain, packed):
        layer.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
        layer.bias = nn.Parameter(bias.to(dtype), requires_grad=False)
    packed.pack()
    x = torch.randn(1, 64, 32, 32, generator=draw).to(dtype)
    beside = torch.randn(1, 256, 32, 32, generator=draw).to(dtype).contiguous(memory_format=torch.channels_last)
    there = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        tolerance = 1e-5 if dtype == torch.float32 else 5e-2
        if not torch.allclose(plain(x, "relu", beside), packed(there, "relu", beside), atol=tolerance):
            return False
        return faster(lambda: packed(there, "relu", beside), lambda: plain(x, "relu", beside))


class BatchNorm(nn.Module):
    """Batch normalisation by the statistics of training."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))
        self.register_buffer("running_mean", torch.empty(channels))
        self.register_buffer("running_var", torch.empty(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift()
        return x * scale.to(x.dtype)[:, None, None] + shift.to(x.dtype)[:, None, None]

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """What each channel is multiplied by and what is added to it, as exactly as the device can say it."""
        mean, variance = finest(self.get_buffer("running_mean")), finest(self.get_buffer("running_var"))
        scale = finest(self.weight) * torch.rsqrt(variance + self.eps)
        return scale, finest(self.bias) - mean * scale


class ConvNorm(nn.Module):
    """Convolution, batch norm, activation.

    padding: pixels on each side, or (left, right, top, bottom), or None for TensorFlow's "same", which depends on the
    size of the input. act: None for no activation.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int | tuple[int, int, int, int] | None = 0,
        dilation: int = 1,
        groups: int = 1,
        act: str | None = None,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        even = padding if isinstance(padding, int) else 0
        self.pad = None if isinstance(padding, int) else padding
        self.same = padding is None
        self.conv = Conv(inner, outer, kernel, stride, even, dilation, groups, bias=False)
        self.norm: BatchNorm | None = BatchNorm(outer, eps)
        self.act = None if act is None else known(act)

    def fuse(self) -> None:
        """Computes the norm by the weights of the convolution from now on."""
        if self.norm is None:
            return
        scale, shift = self.norm.scale_and_shift()
        weight = self.conv.weight
        fused = finest(weight) * scale[:, None, None, None]
        self.conv.weight = nn.Parameter(fused.to(weight.dtype), requires_grad=False)
        self.conv.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)
        self.norm = None

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        """beside: what is added before the activation."""
        conv = self.conv
        pad = same_padding(x, conv.kernel_size[0], conv.stride[0], conv.dilation[0]) if self.same else self.pad
        x = x if pad is None else F.pad(x, pad)
        if self.norm is None:
            return self.conv(x, self.act, beside)
        x = self.norm(self.conv(x))
        x = x if beside is None else x + beside
        return x if self.act is None else activation(self.act)(x)


def same_padding(x: Tensor, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int, int, int]:
    """TensorFlow's "same" padding of maps, (left, right, top, bottom): each stride begins one output, and an odd pixel
    goes to the right and below."""
    pads = []
    for side in x.shape[-2:]:
        whole = max(kernel - (side % stride or stride), 0)
        pads.append((whole // 2 * dilation, (whole - whole // 2) * dilation))
    (top, bottom), (left, right) = pads
    return left, right, top, bottom


class Inside:
    """Where the images of a batch are: smaller ones have zeros to their right and below.

    Convolutions bring values into the zeros and back from there into the image, so that its neighbours in a batch
    would change an image's maps. Cleared before each convolution with a kernel, they change nothing.

    sizes: height and width of each image. whole: those of the batch.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], whole: tuple[int, int]) -> None:
        self.images, self.whole = sizes, whole
        self.masks: dict[tuple[int, int], Tensor] = {}

    def sizes(self, maps: Tensor) -> list[tuple[int, int]]:
        """Height and width of each image on maps of the batch, whose strides are powers of two, rounded up."""
        strides = [_stride(whole, side) for whole, side in zip(self.whole, maps.shape[-2:], strict=True)]
        return [(-(-height // strides[0]), -(-width // strides[1])) for height, width in self.images]

    def clear(self, maps: Tensor) -> Tensor:
        """The maps, `(batch, channels, height, width)`, with zeros where there is no image."""
        height, width = maps.shape[-2:]
        mask = self.masks.get((height, width))
        if mask is None:
            mask = maps.new_zeros(len(maps), 1, height, width)
            for row, (high, wide) in enumerate(self.sizes(maps)):
                mask[row, :, :high, :wide] = 1
            self.masks[height, width] = mask
        return maps * mask


def _stride(whole: int, side: int) -> int:
    stride = 1
    while -(-whole // stride) > side:
        stride *= 2
    return stride
