"""What the reference's layers give without its rounding: its answers in double precision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Answers = dict[str, Tensor]
ROUNDING = 5e-6
"""How far rounding may move answers, beside one and of themselves: half of what tests allow."""
PIXELS = 5e-5
"""The same for boxes, in pixels of the image."""


@contextmanager
def in_double() -> Iterator[None]:
    """Single precision is double in here: the reference makes tables of places in float32, whatever a model's dtype."""
    single, to_single, default = torch.float32, Tensor.float, torch.get_default_dtype()
    torch.float32, Tensor.float = torch.float64, Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, Tensor.float = single, to_single
        torch.set_default_dtype(default)


def exactly(model: Any, answers: Callable[[], Answers]) -> Answers:
    """What `answers` gives where the model computes in float64.

    ValueError where rounding moves them far: in single precision, or with weights that are off by what rounding takes
    from them. To be near the answers of such a model would be luck.
    """
    rounded = answers()
    with in_double():
        model.double()
        exact = answers()
        shaken = [answers() for _ in shakes(model)]
    model.float()
    for others in (rounded, *shaken):
        check(model.config.model_type, exact, others)
    return exact


@torch.no_grad()
def shakes(model: Any, count: int = 6) -> Iterator[None]:
    """Brings the weights of a model into as many states next to their own; at the end they are as they were."""
    weights = [one for one in (*model.parameters(), *model.buffers()) if one.is_floating_point()]
    own, noise = [one.clone() for one in weights], torch.Generator().manual_seed(0)
    for _ in range(count):
        for weight, value in zip(weights, own, strict=True):
            weight.copy_(value * (1 + 2**-24 * torch.randn(value.shape, generator=noise, dtype=torch.float64)))
        yield
    for weight, value in zip(weights, own, strict=True):
        weight.copy_(value)


def check(name: str, exact: Answers, others: Answers) -> None:
    for key, value in exact.items():
        if value.dtype != torch.float64:
            continue
        error = (others[key] - value).abs()
        case, _, field = key.rpartition(".")
        if field == "boxes":
            height, width = exact[f"{case}.size"].tolist()
            worst = float((error * torch.tensor([width, height, width, height])).max()) / PIXELS
        else:
            worst = float((error / (1 + value.abs())).max()) / ROUNDING
        if worst > 1:
            raise ValueError(f"{name}: {key} amplifies rounding, to {worst:.1f} times of what it may be")
