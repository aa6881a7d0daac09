"""Convolutions with the norm and the activation that follow them."""

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
