"""When each token was said: by what the decoder looks at while it writes, along the best way through a sound."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

SECONDS = 0.02
"""Of one state of the encoder."""


def token_times(looks: Tensor, width: int) -> list[float]:
    """When each token began to be said, in seconds from the beginning of the window.

    looks: `(heads, tokens, states)`, the shares of its attention that each head gives to the states of the sound.
    width: of the median filter, states.
    """
    mean = looks.mean(-2, keepdim=True)
    spread = (looks - mean).square().mean(-2, keepdim=True).sqrt()
    # Head by head: the neighbours of all of them would take a hundred megabytes.
    smooth = torch.stack([median(head, width) for head in (looks - mean) / spread]).mean(0)
    rows, columns = best_way(-smooth.double().cpu().numpy())
    firsts = np.diff(rows, prepend=-1) > 0
    return (columns[firsts] * SECONDS).astype(np.float32).tolist()


def median(values: Tensor, width: int) -> Tensor:
    """The median of `width` neighbours along the last dimension, which is mirrored at its ends."""
    half = width // 2
    if values.shape[-1] <= half:
        return values
    return F.pad(values, (half, half), mode="reflect").unfold(-1, width, 1).sort().values[..., half]


def best_way(costs: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cheapest way through `(rows, columns)` from the first to the last entry, by dynamic time warping.

    A step goes to the next row, the next column or both. Returns the rows and the columns on the way.
    """
    rows, columns = costs.shape
    came = _steps(costs)
    row, column = rows, columns
    way = []
    while row > 0 or column > 0:
        way.append((row - 1, column - 1))
        step = 2 if row == 0 else 1 if column == 0 else came[row, column]
        row, column = row - (step != 2), column - (step != 1)
    found = np.array(way[::-1], dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _steps(costs: NDArray[np.float64]) -> NDArray[np.int8]:
    """How each entry is best reached: 0 from row and column before, 1 from the row, 2 from the column before.

    All entries of a diagonal at a time: they depend on the two diagonals before it alone. Sums are in single precision,
    and equal ones decide for the column, as in the reference.
    """
    rows, columns = costs.shape
    came = np.zeros((rows + 1, columns + 1), dtype=np.int8)
    older, old = (np.full(rows + 1, np.inf, dtype=np.float32) for _ in range(2))
    older[0] = 0.0
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        both, up, left = older[row - 1], old[row - 1], old[row]
        by_both, by_up = (both < up) & (both < left), (up < both) & (up < left)
        came[row, diagonal - row] = np.where(by_both, 0, np.where(by_up, 1, 2))
        sums = np.where(by_both, both, np.where(by_up, up, left)) + costs[row - 1, diagonal - row - 1]
        older, old = old, np.full(rows + 1, np.inf, dtype=np.float32)
        old[row] = sums
    return came
