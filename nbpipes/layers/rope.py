"""Rotary positions (https://arxiv.org/abs/2104.09864)."""

import torch
from torch import Tensor

from nbpipes.layers.attention import Rotate


def rotation(positions: Tensor, width: int, base: float, dtype: torch.dtype) -> Rotate:
    """Turns `(tokens, heads, width)` by `positions`, `(tokens,)`; pairs are one value of each half of the width.

    base: the higher, the slower the slowest pairs turn. Angles are computed in float32, whatever the dtype.
    """
    speeds = 1.0 / base ** (torch.arange(0, width, 2, device=positions.device).float() / width)
    angles = positions.float()[:, None, None] * speeds
    angles = torch.cat((angles, angles), -1)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)

    def rotate(x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat((-second, first), -1) * sin

    return rotate
