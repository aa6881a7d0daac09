"""Norms that divide by the root mean square (https://arxiv.org/abs/1910.07467)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """`x / rms(x) * (weight + shift)`, computed in float32. shift: 1 where checkpoints store what is added to one."""

    def __init__(self, width: int, eps: float, *, shift: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps, self.shift = eps, shift

    def forward(self, x: Tensor) -> Tensor:
        normed = _normed(x.float(), self.eps)
        if self.shift:
            return (normed * (self.weight.float() + self.shift)).to(x.dtype)
        return normed.to(self.weight.dtype) * self.weight


def _normed(x: Tensor, eps: float) -> Tensor:
    """x: `(…, width)`. Of a single row, as there is one in each step of a text, with half as many operations."""
    width = x.shape[-1]
    if x.numel() != width or x.device.type != "cpu":
        return F.rms_norm(x, (width,), None, eps)
    flat = x.reshape(-1)
    return x * (torch.dot(flat, flat).item() / width + eps) ** -0.5
