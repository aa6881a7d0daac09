"""How exactly numbers are computed on the way to a model's own dtype."""

import torch
from torch import Tensor


def fine(dtype: torch.dtype) -> torch.dtype:
    """What tables of places are computed and interpolated in for a model of `dtype`: float32 or finer."""
    return torch.promote_types(dtype, torch.float32)


def finest(x: Tensor) -> Tensor:
    """x in float64, so that a weight that is made of several others is rounded once. Apple's GPUs have float32 only."""
    return x.float() if x.device.type == "mps" else x.double()
