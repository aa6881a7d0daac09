"""Layer scale (https://arxiv.org/abs/2103.17239): a learned factor for each channel of a layer's output."""

import torch
from torch import Tensor, nn

from nbpipes.layers.precision import finest


class Scaled(nn.Module):
    """A layer and the factors of its channels.

    last: the name of the linear in it that makes the output. scaled: False for models without factors.
    """

    def __init__(self, layer: nn.Module, width: int, last: str, *, scaled: bool = True) -> None:
        super().__init__()
        self.layer, self.last = layer, last
        self.scale: nn.Parameter | None = nn.Parameter(torch.empty(width)) if scaled else None

    def fuse(self) -> None:
        """Computes the factors by the weights of the last linear from now on."""
        if self.scale is None:
            return
        linear, scale = self.layer.get_submodule(self.last), finest(self.scale)
        weight, bias = linear.get_parameter("weight"), linear.get_parameter("bias")
        linear.weight = nn.Parameter((finest(weight) * scale[:, None]).to(weight.dtype), requires_grad=False)
        linear.bias = nn.Parameter((finest(bias) * scale).to(bias.dtype), requires_grad=False)
        self.scale = None

    def forward(self, x: Tensor, *args: object, **extras: object) -> Tensor:
        y = self.layer(x, *args, **extras)
        return y if self.scale is None else y * self.scale
