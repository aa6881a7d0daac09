"""Pieces of sounds as files that every browser plays, and their outlines."""

from io import BytesIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from nbpipes.results.sounds import Sound

RATE = 24_000
"""Samples a second of a piece at most."""
BLOCK = 1 << 20
"""Samples that are read at a time for an outline."""


def piece(sound: Sound, start: float, stop: float) -> bytes:
    """The sound from `start` to before `stop`, in seconds, as a FLAC file: without a loss, and made at once."""
    samples = sound.read(round(start * sound.rate), round(stop * sound.rate))
    rate = sound.rate
    if rate > RATE:
        samples, rate = soxr.resample(samples, rate, RATE), RATE
    file = BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def outline(sound: Sound, start: float, stop: float, count: int) -> bytes:
    """The least and the largest sample of each of `count` equal parts of the time from `start` to `stop`, in seconds.

    A signed byte for each, from -127 to 127, one pair after the other; 0, 0 where there is no sound.
    """
    edges = np.linspace(start * sound.rate, stop * sound.rate, count + 1).round().astype(np.int64)
    pairs = np.zeros((count, 2), np.int8)
    at = 0
    while at < count:
        last = max(int(np.searchsorted(edges, edges[at] + BLOCK, "right")) - 1, at + 1)
        pairs[at:last] = _extremes(sound.read(int(edges[at]), int(edges[last])), edges[at : last + 1] - edges[at])
        at = last
    return pairs.tobytes()


def _extremes(samples: NDArray[np.float32], edges: NDArray[np.int64]) -> NDArray[np.int8]:
    """The same of samples, which may be fewer than the last edge says."""
    found = np.zeros((len(edges) - 1, 2), np.float32)
    starts = np.minimum(edges[:-1], len(samples) - 1)
    if len(samples):
        filled = edges[:-1] < len(samples)
        found[:, 0] = np.where(filled, np.minimum.reduceat(samples, starts), 0)
        found[:, 1] = np.where(filled, np.maximum.reduceat(samples, starts), 0)
    return np.round(np.clip(found, -1, 1) * 127).astype(np.int8)
