"""Muon (https://kellerjordan.github.io/posts/muon): steps of matrices that go as far in every direction."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """For weights of two dimensions and more; those of a convolution count as one row for each channel it makes."""

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Change the weights by their gradients; closure is there because torch calls it so."""
        for group in self.param_groups:
            for weight in group["params"]:
                gradient = weight.grad.flatten(1)
                mean = self.state[weight].setdefault("mean", torch.zeros_like(gradient))
                mean.lerp_(gradient, 1 - group["momentum"])
                change = even(gradient.lerp(mean, group["momentum"]))
                scale = max(1, change.shape[0] / change.shape[1]) ** 0.5
                weight.sub_(change.view_as(weight), alpha=group["lr"] * scale)


def even(x: Tensor) -> Tensor:
    """The matrix with singular values of about 1, by five steps of a Newton-Schulz iteration."""
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = (x / (x.norm() + 1e-7)).bfloat16()
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x
