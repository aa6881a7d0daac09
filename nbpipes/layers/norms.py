"""Norms that divide by the root mean square (https://arxiv.org/abs/1910.07467)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.layers.layer import Layer

ZERO = torch.zeros((), device="cpu")


class RMSNorm(Layer):
    """`x / rms(x) * (weight + shift)`, computed in float32. shift: 1 where checkpoints store what is added to one."""

    def __init__(self, width: int, eps: float, *, shift: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps, self.shift = eps, shift

    def forward(self, x: Tensor) -> Tensor:
        weight: Any = self._parameters["weight"]  # found sooner than `self.weight`
        width = x.shape[-1]
        if not x.is_cpu:
            normed = F.rms_norm(x.float(), (width,), None, self.eps)
        elif x.numel() == width:  # one row, as in each step of a text: there the number of operations counts
            row = x.float().view(-1)
            factor = (torch.dot(row, row).item() / width + self.eps) ** -0.5
            if x.dtype is weight.dtype is torch.float32 and not self.shift:
                return torch.addcmul(ZERO, x, weight, value=factor)
            normed = x.float() * factor
        else:  # torch's own takes up to 18 times as long, as it squares and divides whole tensors
            wide = x.float()
            means = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_().div_(width)
            normed = wide * means.add_(self.eps).rsqrt_()
        if self.shift:
            return normed.mul_(weight.float() + self.shift).to(x.dtype)
        normed = normed.to(weight.dtype)
        return normed.mul_(weight)
