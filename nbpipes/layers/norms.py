"""Norms that divide by the root mean square (https://arxiv.org/abs/1910.07467)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ZERO = torch.zeros((), device="cpu")


class RMSNorm(nn.Module):
    """`x / rms(x) * (weight + shift)`, computed in float32. shift: 1 where checkpoints store what is added to one."""

    def __init__(self, width: int, eps: float, *, shift: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.eps, self.shift = eps, shift

    def forward(self, x: Tensor) -> Tensor:
        weight, width = self.weight, x.shape[-1]
        if x.numel() != width or x.device.type != "cpu":
            normed = F.rms_norm(x.float(), (width,), None, self.eps)
        else:  # one row, as in each step of a text: there the number of operations counts
            row = x.float().reshape(-1)
            factor = (torch.dot(row, row).item() / width + self.eps) ** -0.5
            if x.dtype == weight.dtype == torch.float32 and not self.shift:
                return torch.addcmul(ZERO, x, weight, value=factor)
            normed = x.float() * factor
        if self.shift:
            return (normed * (weight.float() + self.shift)).to(x.dtype)
        return normed.to(weight.dtype) * weight
