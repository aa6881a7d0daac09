"""Filters of the mel scale, which is finer for low tones, as hearing is."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BREAK, STEP = 1000.0, 27.0 / math.log(6.4)
"""Slaney's scale is linear up to this frequency, then it has this many mels for each factor of e."""


def to_mels(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequencies on Slaney's mel scale."""
    above = 15.0 + np.log(np.maximum(hertz, BREAK) / BREAK) * STEP
    return np.where(hertz >= BREAK, above, 3.0 * hertz / 200.0)


def to_hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The frequencies of places on Slaney's mel scale."""
    above = BREAK * np.exp((np.maximum(mels, 15.0) - 15.0) / STEP)
    return np.where(mels >= 15.0, above, 200.0 * mels / 3.0)


def slaney_filters(bins: int, mels: int, low: float, high: float, rate: int) -> NDArray[np.float64]:
    """Triangles that overlap by half, equal in area, `(bins, mels)`.

    bins: of the spectrum, from 0 to half of the sampling rate. low, high: hertz where the first begins, the last ends.
    """
    lowest, highest = to_mels(np.array([low, high]))
    edges = to_hertz(np.linspace(lowest, highest, mels + 2))
    return _triangles(np.linspace(0, rate // 2, bins), edges) * (2.0 / (edges[2:] - edges[:-2]))


def kaldi_filters(bins: int, mels: int, low: float, high: float, rate: int) -> NDArray[np.float64]:
    """Triangles on Kaldi's mel scale that overlap by half, equal in height, `(bins, mels)`; parameters as above."""
    lowest, highest = _kaldi(np.array([low, high]))
    places = _kaldi(rate / (2 * (bins - 1)) * np.arange(bins))
    return _triangles(places, np.linspace(lowest, highest, mels + 2))


def _kaldi(hertz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return 1127.0 * np.log(1.0 + hertz / 700.0)


def _triangles(places: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """At each place the heights of the triangles between every three neighbouring edges, `(places, edges - 2)`."""
    apart = edges - places[:, None]
    widths = np.diff(edges)
    rising, falling = -apart[:, :-2] / widths[:-1], apart[:, 2:] / widths[1:]
    return np.maximum(0, np.minimum(rising, falling))
