"""Sounds that the golden cases are about, made the same way wherever they are needed."""

from collections.abc import Mapping
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
LENGTHS: Mapping[str, float] = {"short": 0.11, "tone": 0.5, "speech": 1.3, "long": 3.07}
"""Seconds of each sound."""


def sound(name: str, rate: int = RATE) -> NDArray[np.float32]:
    """A sound by its name: syllables of changing pitch and loudness, and some noise."""
    draw = np.random.default_rng(crc32(name.encode()))
    times = np.arange(round(LENGTHS[name] * rate)) / rate
    pitch = 120 + 60 * np.sin(2 * np.pi * 1.7 * times) + 20 * draw.random()
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(phase * overtone) / overtone for overtone in (1, 2, 3, 5, 8, 13))
    loudness = 0.15 + 0.85 * np.sin(2 * np.pi * 2.3 * times) ** 2
    return (0.3 * loudness * voice + 0.05 * draw.standard_normal(len(times))).astype(np.float32)


def given(name: str) -> NDArray[np.float32] | dict[str, object]:
    """The input of a case: a sound, "dict:name" for one in a dict with a stride and a value of the user's, or
    "again:3:name" for one that is there three times."""
    if name.startswith("again:"):
        _, times, name = name.split(":")
        return np.tile(sound(name), int(times))
    if not name.startswith("dict:"):
        return sound(name)
    samples = sound(name.removeprefix("dict:"))
    return {"raw": samples, "sampling_rate": RATE, "stride": (3200, 1600), "partial": False}
