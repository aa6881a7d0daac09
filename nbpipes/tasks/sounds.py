"""What the tasks that hear sounds share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbpipes.errors import InputError
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.audio.sources import open_audio
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.results.sounds import read_others_by, remember

WANTED = "a sound (a path, URL, base64, bytes, array, tensor or dict)"
"""What one item is, for error messages."""
PLAYED, PLAYED_RATE = 1_800, 16_000
"""Seconds that are kept of a sound that no file of a common kind has, for playing it, and samples of each."""


def named(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments of a call, where sounds may be given as `audio=`."""
    if "audio" not in options:
        return args
    if args:
        raise TypeError("sounds are given twice, as an argument and as audio=")
    return (options.pop("audio"),)


def sampled(extractor: Any) -> dict[str, int]:
    """What results know of the arrays that they are about, so that they can be played."""
    return {} if extractor is None else {"sampling_rate": extractor.sampling_rate}


@contextmanager
def listened(item: Any, rate: int, timeout: float | None) -> Iterator[Sound]:
    """An item as a sound, see open_audio. What is downloaded is kept for playing it."""
    with open_audio(item, rate, timeout) as sound:
        address = item.get("path") if isinstance(item, Mapping) else item
        if sound.downloaded is not None and isinstance(address, str):
            remember(address, sound.downloaded)
        yield sound


def check_seconds(name: str, value: Any) -> None:
    """InputError unless a value is a number of seconds from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(f"{name} must be seconds from 0 on, not {value!r}")


def collated(chunks: Sequence[Chunk], device: torch.device) -> Batch:
    """The features of sounds as one batch: samples one after the other, or spectrograms of one size."""
    features = [torch.from_numpy(chunk.inputs["features"]) for chunk in chunks]
    if features[0].ndim == 1:
        inputs = {"samples": torch.cat(features).to(device), "lengths": [len(one) for one in features]}
    else:
        inputs = {"features": torch.stack(features).to(device)}
    return Batch(inputs, tuple(chunk.size for chunk in chunks))


def _decoded(file: Path | bytes) -> tuple[NDArray[np.int16], int]:
    """The samples of a file that PyAV or ffmpeg reads, and their rate, for playing what results are about."""
    return _samples(file, file.stat().st_mtime_ns if isinstance(file, Path) else 0), PLAYED_RATE


@lru_cache(maxsize=2)
def _samples(file: Path | bytes, _changed: int) -> NDArray[np.int16]:
    with open_audio(file, PLAYED_RATE) as sound:
        return (32_767 * sound.read(PLAYED * PLAYED_RATE).clip(-1, 1)).round().astype(np.int16)


read_others_by(_decoded)
