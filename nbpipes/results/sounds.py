"""Short copies of the sounds that results are about, as bytes that HTML can hold.

What a result plays is its source as the user gave it: files are opened again when the result is drawn. Nothing is
downloaded for that.
"""

import base64
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from nbpipes.errors import InputError

RATE = 16_000
"""Samples a second of a copy: enough for speech."""
LONGEST = 60.0
"""Seconds of a copy at most."""
LEVELS = (0.9, 0.95, 0.98)
"""Of Opus' compression, tried in this order until the data is small enough."""
LEAST = 1_000
"""Bytes that a second of speech takes about, at the last of these levels."""
MAX_FILE = 64 << 20
"""Bytes of a file that is held in memory."""


class Copy(NamedTuple):
    """The beginning of a sound. data: an OGG file. seconds: how long it is, and how long the whole."""

    data: bytes
    seconds: float
    whole: float

    @property
    def uri(self) -> str:
        """The data as an address that HTML can hold."""
        return f"data:audio/ogg;base64,{base64.b64encode(self.data).decode()}"


def copy_of(source: Any, room: int) -> Copy | None:
    """A copy in at most `room` bytes, None where the sound cannot be had any more or no second of it fits."""
    try:
        samples, rate, whole = _read(source)
        if not len(samples):
            return None
        mono = samples if rate == RATE else soxr.resample(samples, rate, RATE)
        return _fitted(np.clip(mono, -1, 1), whole, room)
    except Exception:  # whatever is wrong with a source by now, its result can still be read
        return None


def name_of(source: Any) -> str:
    """What a sound is called: the name of its file, else its kind."""
    if isinstance(source, Mapping):
        source = source.get("path")
    if isinstance(source, str | os.PathLike) and len(os.fspath(source)) < 4096:
        name = str(os.fspath(source))
        if not name.startswith("data:"):
            return name.rstrip("/").rpartition("/")[2] or name
    return "sound"


def _fitted(samples: NDArray[np.float32], whole: float, room: int) -> Copy | None:
    """The copy that sounds best of those that fit; where none does, less of the sound."""
    samples = samples[: int(RATE * room / LEAST)]
    while len(samples) >= RATE:
        size = room
        for level in LEVELS:
            file = BytesIO()
            soundfile.write(file, samples, RATE, format="OGG", subtype="OPUS", compression_level=level)
            size = len(file.getvalue())
            if size <= room:
                return Copy(file.getvalue(), len(samples) / RATE, whole)
        samples = samples[: int(len(samples) * 0.9 * room / size)]
    return None


def _read(source: Any) -> tuple[NDArray[np.float32], int, float]:
    """The beginning of a sound as mono, its rate, and how many seconds the whole has."""
    if isinstance(source, Mapping):
        samples = next((source[name] for name in ("raw", "array") if source.get(name) is not None), None)
        if samples is None:
            return _read(source.get("bytes") or source.get("path"))
        return _from_array(samples, int(source["sampling_rate"]))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(BytesIO(bytes(source)))
    if isinstance(source, str | os.PathLike) and Path(source).expanduser().is_file():
        return _from_file(Path(source).expanduser())
    raise InputError("a sound that cannot be opened again")


def _from_array(samples: Any, rate: int) -> tuple[NDArray[np.float32], int, float]:
    values = np.asarray(samples)
    scale = float(np.iinfo(values.dtype).max) if values.dtype.kind in "iu" else 1.0
    if values.ndim == 2:
        values = values.mean(int(np.argmin(values.shape)))
    mono = np.nan_to_num(values[: int(LONGEST * rate)].astype(np.float32) / scale)
    return mono, rate, len(values) / rate


def _from_file(file: BytesIO | Path) -> tuple[NDArray[np.float32], int, float]:
    size = file.stat().st_size if isinstance(file, Path) else len(file.getvalue())
    if size > MAX_FILE and not isinstance(file, Path):
        raise InputError("too large")
    with soundfile.SoundFile(file) as opened:
        values = opened.read(int(LONGEST * opened.samplerate), dtype="float32", always_2d=True)
        return np.nan_to_num(values.mean(1)), opened.samplerate, opened.frames / opened.samplerate
