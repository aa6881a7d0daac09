"""Convolutions with the norm and the activation that follow them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.activations import activation


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
        """What each channel is multiplied by and what is added to it, in float32."""
        mean, variance = self.get_buffer("running_mean").float(), self.get_buffer("running_var").float()
        scale = self.weight.float() * torch.rsqrt(variance + self.eps)
        return scale, self.bias.float() - mean * scale


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
        self.conv = nn.Conv2d(inner, outer, kernel, stride, even, dilation, groups, bias=False)
        self.norm: BatchNorm | None = BatchNorm(outer, eps)
        self.act = None if act is None else activation(act)

    def fuse(self) -> None:
        """Computes the norm by the weights of the convolution from now on."""
        if self.norm is None:
            return
        scale, shift = self.norm.scale_and_shift()
        weight = self.conv.weight
        fused = weight.float() * scale[:, None, None, None]
        self.conv.weight = nn.Parameter(fused.to(weight.dtype), requires_grad=False)
        self.conv.bias = nn.Parameter(shift.to(weight.dtype), requires_grad=False)
        self.norm = None

    def forward(self, x: Tensor) -> Tensor:
        pad = self._same(x) if self.same else self.pad
        x = self.conv(x if pad is None else F.pad(x, pad))
        x = x if self.norm is None else self.norm(x)
        return x if self.act is None else self.act(x)

    def _same(self, x: Tensor) -> tuple[int, int, int, int]:
        """The padding with which each stride begins one output; an odd pixel goes to the right and below."""
        pads = []
        for side, kernel, stride, dilation in zip(
            x.shape[-2:], self.conv.kernel_size, self.conv.stride, self.conv.dilation, strict=True
        ):
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
