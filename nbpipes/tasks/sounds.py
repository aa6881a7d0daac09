"""What the tasks that hear sounds share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from nbpipes.engine.inputs import Given
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.audio.sources import is_audio, open_audio
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.results.sounds import read_others_by, remember

OptionsT = TypeVar("OptionsT", bound=Options)
PLAYED, PLAYED_RATE = 1_800, 16_000
"""Seconds that are kept of a sound that no file of a common kind has, for playing it, and samples of each."""


class HearsSounds(Pipeline[OptionsT]):
    """The base of tasks whose items are sounds. They are given as the first argument or as `inputs=` or `audio=`."""

    wanted = "a sound (a path, URL, base64, bytes, open file, array, tensor or dict)"

    @property
    def meta(self) -> dict[str, Any]:
        """As of every pipeline, and the rate of the arrays that results are about, so that they can be played."""
        extractor = self.feature_extractor
        return super().meta | ({} if extractor is None else {"sampling_rate": extractor.sampling_rate})

    def is_item(self, value: Any) -> bool:
        return is_audio(value)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        if "audio" in options:
            if args:
                raise TypeError("sounds are given twice, as an argument and as audio=")
            args = (options.pop("audio"),)
        return super().arguments(args, options)


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
