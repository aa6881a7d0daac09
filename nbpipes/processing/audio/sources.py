"""Opening a sound from whatever a user has: a path, a URL, base64, bytes, an open file, an array, a tensor, a dict or a
decoder.

Downloads are bounded in time and size. What cannot be read is an InputError that says why.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbpipes.errors import InputError
from nbpipes.processing.audio.decoders import MAX_CHANNELS, RATES, decoded
from nbpipes.processing.audio.resampling import sinc_resampled
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.files import Kind, Source, from_bytes, from_path, from_text, is_file, read_file

MAX_BYTES = 512 << 20
"""Of a sound that is downloaded or given as bytes or base64; files on disk are read piece by piece."""
TIMEOUT = 60.0
"""Seconds that a download may take, unless the user says otherwise."""

WANTED = (
    "a path, an http(s) URL, base64, bytes, an open file, an array or a tensor of samples, "
    'or a dict with "array" (or "raw") and "sampling_rate"'
)
SOUND = Kind("sound", "a sound", "audio", WANTED)
SAMPLES, RATE, STRIDE = ("raw", "array"), "sampling_rate", "stride"
FILES = ("bytes", "path")
"""What a dict of a data set may hold instead of samples."""


def is_audio(value: Any) -> bool:
    """Whether `value` stands for one sound: by its type alone, nothing is opened."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim in (1, 2)
    if isinstance(value, str | bytes | bytearray | memoryview | os.PathLike | Mapping):
        return True
    return is_file(value) or _is_decoder(value)


def _is_decoder(value: Any) -> bool:
    """Whether it is a decoder of torchcodec, or like one."""
    return callable(getattr(value, "get_all_samples", None))


def open_audio(source: Any, rate: int, timeout: float | None = None) -> Sound:
    """The sound that `source` stands for, as mono at `rate`, to be read piece by piece; use it in a `with`.

    source: a path, an http(s) URL, base64 (also as a data: URL), the bytes of a sound file, of any rate, or one that is
    open for reading bytes (it is read from its start); an array or tensor of samples at `rate`, `(samples,)`,
    `(channels, samples)` or `(samples, channels)`, floats or whole numbers on the scale of their type; a dict of
    samples ("raw" or "array") and "sampling_rate", maybe with "stride", two numbers of samples; a decoder of
    torchcodec. Several channels become one by their mean.
    timeout: seconds for a download, None = TIMEOUT. InputError for what is none of these or damaged.
    """
    match source:
        case np.ndarray() | torch.Tensor():
            return _sound(_from_array(source), rate)
        case Mapping():
            return _from_dict(source, rate, timeout)
        case bytes() | bytearray() | memoryview():
            return _from_file(from_bytes(bytes(source), "these bytes", SOUND, MAX_BYTES), rate)
        case os.PathLike():
            return _from_file(from_path(Path(source), SOUND), rate)
        case str():
            seconds = TIMEOUT if timeout is None else timeout
            return _from_file(from_text(source, SOUND, seconds, MAX_BYTES), rate)
    if is_file(source):
        return _from_file(from_bytes(read_file(source, MAX_BYTES), "the open file", SOUND, MAX_BYTES), rate)
    if _is_decoder(source):
        found = source.get_all_samples()
        return _from_dict({"array": found.data, RATE: found.sample_rate}, rate, timeout)
    raise InputError(f"a sound must be {WANTED}, not {type(source).__name__}")


def read_audio(source: Any, rate: int, timeout: float | None = None, limit: float | None = None) -> Samples:
    """All samples of a sound at once; see open_audio. limit: seconds; InputError for more."""
    with open_audio(source, rate, timeout) as sound:
        return sound.all(limit)


def _sound(
    samples: Samples, rate: int, stride: tuple[int, int] | None = None, extras: Mapping[str, Any] | None = None
) -> Sound:
    return Sound([samples], rate, name="the array", seconds=len(samples) / rate, stride=stride, extras=extras)


def _from_file(file: Source, rate: int) -> Sound:
    sound = decoded(file.content, file.name, rate)
    if file.downloaded and isinstance(file.content, bytes):
        sound.downloaded = file.content
    return sound


# ---------------------------------------------------------------------- samples


def _from_dict(source: Mapping[str, Any], rate: int, timeout: float | None) -> Sound:
    """The dict stays as it was. Samples at another rate are resampled as the reference does it."""
    extras = {name: value for name, value in source.items() if name not in (*SAMPLES, RATE, STRIDE, *FILES)}
    samples = next((source[name] for name in SAMPLES if source.get(name) is not None), None)
    if samples is None:
        return _from_stored(source, rate, timeout, extras)
    own = source.get(RATE)
    if isinstance(own, bool) or not isinstance(own, int | float | np.integer | np.floating) or own != int(own):
        raise InputError(f'a dict of samples must say their rate as "{RATE}", a whole number, not {own!r}')
    if int(own) not in RATES:
        raise InputError(f'"{RATE}" must lie in {RATES.start:,}…{RATES.stop - 1:,}, not {own!r}')
    values = sinc_resampled(_from_array(samples), int(own), rate)
    return _sound(values, rate, _stride(source.get(STRIDE), rate / int(own), len(values)), extras)


def _from_stored(source: Mapping[str, Any], rate: int, timeout: float | None, extras: Mapping[str, Any]) -> Sound:
    """A sound file that a data set has not decoded."""
    file = next((source[name] for name in FILES if source.get(name)), None)
    if file is None or source.get(STRIDE) is not None:
        raise InputError(f'a dict of a sound must hold "array" (or "raw") and "{RATE}", not only {sorted(source)}')
    sound = open_audio(file, rate, timeout)
    sound.extras.update(extras)
    return sound


def _stride(given: Any, ratio: float, length: int) -> tuple[int, int] | None:
    if given is None:
        return None
    try:
        left, right = (round(float(part) * ratio) for part in given)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"stride must be two numbers of samples, left and right, not {given!r}") from None
    if left < 0 or right < 0 or left + right > length:
        raise InputError(f"a stride of {left} + {right} samples does not fit into a sound of {length}")
    return left, right


def _from_array(given: Any) -> Samples:
    """One channel of floats. The shorter side of two is that of the channels."""
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu()
        given = given.float().numpy() if given.is_floating_point() else given.numpy()
    array = np.asarray(given)
    if array.dtype == object or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise InputError(f"samples must be numbers, not {array.dtype}")
    if array.ndim not in (1, 2):
        raise InputError(f"samples must be (samples,), (channels, samples) or (samples, channels), not {array.shape}")
    values = _scaled(array)
    if array.ndim == 1 or not array.size:
        return values.reshape(-1)
    if min(array.shape) > MAX_CHANNELS:
        raise InputError(f"a sound has at most {MAX_CHANNELS} channels; this array is {array.shape}")
    return values.mean(axis=int(np.argmin(array.shape)), dtype=np.float32)


def _scaled(array: NDArray[Any]) -> Samples:
    """As float32: whole numbers on the scale of their type, from -1 to 1, as sound files hold them."""
    if np.issubdtype(array.dtype, np.floating):
        return array.astype(np.float32)
    info = np.iinfo(array.dtype)
    middle = (info.max + 1) // 2 if info.min == 0 else 0
    return ((array.astype(np.float64) - middle) / (-info.min or middle)).astype(np.float32)
