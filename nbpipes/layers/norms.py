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
        if self.shift:
            return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float() + self.shift, self.eps).to(x.dtype)
        if self.weight.dtype == torch.float32:
            return F.rms_norm(x.float(), (x.shape[-1],), self.weight, self.eps)
        return self.weight * F.rms_norm(x.float(), (x.shape[-1],), None, self.eps).to(self.weight.dtype)
