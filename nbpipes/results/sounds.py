"""The sounds that results are about: opened again to be drawn and played, and short copies that HTML can hold.

What a result plays is its source as the user gave it: files are opened again when the result is drawn. Only what was
downloaded is kept, because drawing a result must not go to the network.
"""

import base64
import binascii
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from nbpipes.errors import InputError

LONGEST = 60.0
"""Seconds of a copy at most."""
RATES = (8_000, 12_000, 16_000)
"""Samples a second that Opus takes; more are not needed for speech."""


class Level(NamedTuple):
    """A compression of Opus. size: bytes that a second of speech takes about. rate: samples a second, of which it
    keeps no more anyhow; more would take longer."""

    compression: float
    size: int
    rate: int


LEVELS = (Level(0.9, 4_000, 16_000), Level(0.95, 2_400, 12_000), Level(0.98, 1_400, 12_000))
"""Compressing takes time, so what is likely to be too large is not tried."""
KEPT = 64 << 20
"""Bytes of downloaded files that are kept, all together; the oldest ones are forgotten."""
LONGEST_WHOLE = 7 * 24 * 3600
"""Seconds that a file may claim to have: headers that were never completed claim any number."""


_kept: OrderedDict[str, bytes] = OrderedDict()
"""Downloaded files by their addresses."""
_lock = Lock()
Reader = Callable[[Path | bytes], tuple[NDArray[Any], int]]
_others: list[Reader] = []
"""What reads the files that soundfile cannot read; the last one does it."""


class Copy(NamedTuple):
    """The beginning of a sound. data: an OGG file. seconds: how long it is, and how long the whole."""

    data: bytes
    seconds: float
    whole: float

    @property
    def uri(self) -> str:
        """The data as an address that HTML can hold."""
        return f"data:audio/ogg;base64,{base64.b64encode(self.data).decode()}"


class Sound(NamedTuple):
    """A sound that is open. frames: how many samples of one channel it has. read: gives those from one number to before
    another, as one channel of finite numbers; fewer where the sound ends."""

    rate: int
    frames: int
    read: Callable[[int, int], NDArray[np.float32]]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def remember(url: str, data: bytes) -> None:
    """Keeps a file that was downloaded, for playing what results are about."""
    with _lock:
        _kept.pop(url, None)
        _kept[url] = data
        while sum(map(len, _kept.values())) > KEPT:
            _kept.popitem(last=False)


def read_others_by(reader: Reader) -> None:
    """Have files that soundfile cannot read be read otherwise. reader: gives their samples, and their rate."""
    _others.append(reader)


@contextmanager
def opened(source: Any, rate: int | None = None) -> Iterator[Sound]:
    """The sound that an item of a call stands for, to be read anywhere.

    source: a path, the bytes or base64 of a file, an open one, the URL of one that was downloaded, or a dict with these
    or with samples and their rate; an array or tensor of samples at `rate`. InputError, or whatever is wrong with the
    file, where it cannot be had any more.
    """
    if isinstance(source, Mapping):
        samples = next((source[name] for name in ("raw", "array") if source.get(name) is not None), None)
        if samples is not None:
            yield _of_array(samples, int(source["sampling_rate"]))
            return
        source = source.get("bytes") or source.get("path")
    if hasattr(source, "read") and hasattr(source, "seek"):  # an open file
        source.seek(0)
        source = source.read()
    if isinstance(source, str) and source in _kept:
        source = _kept[source]
    elif isinstance(source, str) and (len(source) >= 4096 or source.startswith("data:")):
        source = _decoded(source)
    if isinstance(source, str | os.PathLike) and Path(source).expanduser().is_file():
        source = Path(source).expanduser()
    if isinstance(source, bytes | bytearray | memoryview):
        source = bytes(source)
    if isinstance(source, bytes | Path):
        file = _file(source)
        if file is None:
            yield _of_array(*_others[-1](source))
            return
        with file:
            yield _of_file(file)
    elif rate is not None and hasattr(source, "shape"):
        yield _of_array(source, rate)
    else:
        raise InputError("a sound that cannot be opened again")


def copy_of(source: Any, room: int, rate: int | None = None) -> Copy | None:
    """A copy in at most `room` bytes, None where the sound cannot be had any more or no second of it fits."""
    try:
        with opened(source, rate) as sound:
            return _fitted(sound, room)
    except Exception:  # whatever is wrong with a source by now, its result can still be read
        return None


def rate_of(result: Any) -> int | None:
    """Samples a second of the arrays that a result is about."""
    rate = getattr(result, "meta", {}).get("sampling_rate")
    return rate if isinstance(rate, int) else None


def name_of(source: Any) -> str:
    """What a sound is called: the name of its file, else its kind."""
    if isinstance(source, Mapping):
        source = source.get("path")
    if isinstance(source, str | os.PathLike) and len(os.fspath(source)) < 4096:
        name = str(os.fspath(source))
        if not name.startswith("data:"):
            return name.rstrip("/").rpartition("/")[2] or name
    return "sound"


def _file(source: Path | bytes) -> soundfile.SoundFile | None:
    """A file that is open, None where it is to be read otherwise."""
    try:
        return soundfile.SoundFile(source if isinstance(source, Path) else BytesIO(source))
    except soundfile.LibsndfileError:
        if not _others:
            raise
        return None


def _fitted(sound: Sound, room: int) -> Copy | None:
    """The copy that sounds best of those that fit; where none does, less of the sound."""
    seconds = min(sound.seconds, LONGEST, room / LEVELS[-1].size)
    while seconds >= min(1, sound.seconds) > 0:
        size = room
        likely = [level for level in LEVELS if level.size * seconds <= 1.2 * room]
        for level in likely or LEVELS[-1:]:
            data = _compressed(sound, seconds, level)
            size = len(data)
            if size <= room:
                return Copy(data, seconds, sound.seconds)
        seconds *= 0.9 * room / size
    return None


def _compressed(sound: Sound, seconds: float, level: Level) -> bytes:
    samples = sound.read(0, round(seconds * sound.rate))
    rate = next(rate for rate in RATES if rate >= min(sound.rate, level.rate))
    if rate != sound.rate:
        samples = soxr.resample(samples, sound.rate, rate)
    file = BytesIO()
    clipped = np.clip(samples, -1, 1)
    soundfile.write(file, clipped, rate, format="OGG", subtype="OPUS", compression_level=level.compression)
    return file.getvalue()


def _of_array(samples: Any, rate: int) -> Sound:
    values = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    scale = float(np.iinfo(values.dtype).max) if values.dtype.kind in "iu" else 1.0
    channels = int(np.argmin(values.shape)) if values.ndim == 2 else None

    def read(first: int, last: int) -> NDArray[np.float32]:
        part = slice(max(first, 0), max(last, 0))
        chosen = values[:, part] if channels == 0 else values[part]
        mono = chosen if channels is None else chosen.mean(channels)
        return np.nan_to_num(mono.astype(np.float32) / scale)

    return Sound(rate, values.shape[0 if channels is None else 1 - channels], read)


def _of_file(file: soundfile.SoundFile) -> Sound:
    if file.frames > LONGEST_WHOLE * file.samplerate:
        raise InputError("a sound whose header is damaged")

    def read(first: int, last: int) -> NDArray[np.float32]:
        file.seek(min(max(first, 0), file.frames))
        values = file.read(max(min(last, file.frames) - file.tell(), 0), dtype="float32", always_2d=True)
        return np.nan_to_num(values.mean(1))

    return Sound(file.samplerate, file.frames, read)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("a sound that cannot be opened again") from None
