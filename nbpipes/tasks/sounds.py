"""What the tasks that hear sounds share."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from nbpipes.errors import InputError
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.audio.sources import open_audio
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.results.sounds import remember

WANTED = "a sound (a path, URL, base64, bytes, array, tensor or dict)"
"""What one item is, for error messages."""


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
