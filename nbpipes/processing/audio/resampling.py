"""From one sampling rate to another: exactly as the reference does it, or well and in pieces."""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from nbpipes.processing.audio.sound import Samples

ZEROS, ROLLOFF = 6, 0.99
"""Zero crossings on each side of the window, and its cut-off as a part of the highest frequency."""
BLOCK = 1 << 14
"""Rows of samples that are filtered at once."""


def sinc_resampled(samples: Samples, source: int, target: int) -> Samples:
    """`samples` at the rate `target` instead of `source`, by the windowed sinc of torchaudio.functional.resample with
    its default settings (Hann window). The length is rounded up."""
    if source == target:
        return samples
    divisor = math.gcd(source, target)
    old, new = source // divisor, target // divisor
    kernels, width = _kernels(old, new)
    padded = np.concatenate([np.zeros(width, np.float32), samples, np.zeros(width + old, np.float32)])
    rows = sliding_window_view(padded, kernels.shape[1])[::old]
    parts = [rows[start : start + BLOCK] @ kernels.T for start in range(0, len(rows), BLOCK)]
    return np.concatenate(parts).reshape(-1)[: -(-new * len(samples) // old)]


@lru_cache(maxsize=8)
def _kernels(old: int, new: int) -> tuple[NDArray[np.float32], int]:
    """The filter of each output sample in a period, `(new, 2 * width + old)`, and how far it reaches out of it."""
    cutoff = min(old, new) * ROLLOFF
    width = math.ceil(ZEROS * old / cutoff)
    # In single precision, as the reference has it.
    places = np.arange(-width, width + old, dtype=np.float32) / np.float32(old)
    times = places - np.arange(new, dtype=np.float32)[:, None] / np.float32(new)
    times = np.clip(times * np.float32(cutoff), -ZEROS, ZEROS)
    window = np.cos(times * np.float32(math.pi / ZEROS / 2)) ** 2
    return (np.sinc(times) * window * np.float32(cutoff / old)).astype(np.float32), width


def resampled(blocks: Iterable[Samples], source: int, target: int) -> Iterator[Samples]:
    """The blocks at the rate `target` instead of `source`, by soxr in high quality."""
    if source == target:
        yield from blocks
        return
    stream = soxr.ResampleStream(source, target, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
