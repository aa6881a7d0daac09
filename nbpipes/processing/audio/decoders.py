"""Decoding sound files: by soundfile, else by PyAV, else by the program ffmpeg. Each gives blocks of one channel.

Several channels become one by their mean.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from nbpipes.errors import InputError, NbpipesError, need
from nbpipes.processing.audio.resampling import resampled
from nbpipes.processing.audio.sound import Samples, Sound

FRAMES = 1 << 16
"""Read from a file at once."""
RATES = range(1_000, 1_000_001)
"""Samples per second that a file may have: a damaged header must not fill the memory."""
MAX_CHANNELS = 64

File = Path | bytes
"""Where the encoded sound lies."""


@dataclass(slots=True)
class Decoded:
    """A file that a decoder has opened. frames: how many its header promises, if that can be relied on."""

    blocks: Iterator[Samples]
    rate: int
    seconds: float | None
    close: Callable[[], None]


class Unsuitable(Exception):
    """A decoder cannot open this file."""


def decoded(file: File, name: str, rate: int) -> Sound:
    """The sound of a file at `rate`. name: what messages call it. InputError with what each decoder said where none
    can read it; where it turns out to be damaged later, the sound's `read` raises it."""
    reasons = []
    for decoder, opened in (("soundfile", _soundfile), ("PyAV", _pyav), ("ffmpeg", _ffmpeg)):
        try:
            found = opened(file, name, rate)
        except Unsuitable as error:
            reasons.append(f"{decoder}: {error}")
            continue
        if found.rate not in RATES:
            found.close()
            raise InputError(f"{name} claims to have {found.rate:,} samples per second")
        blocks = resampled(found.blocks, found.rate, rate)
        return Sound(blocks, rate, name=name, seconds=found.seconds, close=found.close)
    raise InputError(f"{name} cannot be read as sound. {'; '.join(reasons)}")


def mono(frames: NDArray[np.float32]) -> Samples:
    """The mean of the channels of `(frames, channels)`."""
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)


# ---------------------------------------------------------------------- soundfile


def _soundfile(file: File, name: str, rate: int) -> Decoded:
    try:
        opened = soundfile.SoundFile(file if isinstance(file, Path) else BytesIO(file))
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: raw samples, which have no header
        raise Unsuitable(_said(error)) from None
    if not 1 <= opened.channels <= MAX_CHANNELS:
        opened.close()
        raise InputError(f"{name} claims to have {opened.channels} channels")
    seconds = opened.frames / opened.samplerate if opened.samplerate else None
    return Decoded(_soundfile_blocks(opened, name), opened.samplerate, seconds, opened.close)


def _soundfile_blocks(opened: soundfile.SoundFile, name: str) -> Iterator[Samples]:
    promised, count = opened.frames, 0
    try:
        while len(frames := opened.read(FRAMES, dtype="float32", always_2d=True)):
            count += len(frames)
            yield mono(frames.astype(np.float32, copy=False))
    except soundfile.SoundFileError as error:
        raise _damaged(name, count / opened.samplerate, _said(error)) from None
    if opened.format == "FLAC" and count < promised:  # other headers are less reliable, and are repaired by libsndfile
        raise _damaged(name, count / opened.samplerate, f"its header promises {promised / opened.samplerate:.1f} s")


def _said(error: Exception) -> str:
    return (getattr(error, "error_string", "") or str(error))[:200].strip().rstrip(".")


def _damaged(name: str, seconds: float, reason: str) -> InputError:
    return InputError(f"{name} is damaged at {seconds:.1f} s or a little later: {reason}")


# ---------------------------------------------------------------------- PyAV


def _pyav(file: File, name: str, rate: int) -> Decoded:
    try:
        av = need("av", "video")
    except NbpipesError as error:
        raise Unsuitable(str(error)) from None
    try:
        # A playlist must not lead to other files or to the network.
        source = str(file) if isinstance(file, Path) else BytesIO(file)
        container = av.open(source, options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise Unsuitable(_said(error)) from None
    if not container.streams.audio:
        container.close()
        raise Unsuitable("the file has no sound")
    stream = container.streams.audio[0]
    seconds = container.duration / av.time_base if container.duration else None
    return Decoded(_pyav_blocks(av, container, name), stream.codec_context.sample_rate, seconds, container.close)


def _pyav_blocks(av: Any, container: Any, name: str) -> Iterator[Samples]:
    converter = av.AudioResampler(format="fltp")
    seconds = 0.0
    try:
        for frame in container.decode(audio=0):
            seconds = frame.time or seconds
            for converted in converter.resample(frame):
                yield mono(converted.to_ndarray().T)
    except av.FFmpegError as error:
        raise _damaged(name, seconds, _said(error)) from None


# ---------------------------------------------------------------------- ffmpeg


def _ffmpeg(file: File, name: str, rate: int) -> Decoded:
    """By the program, which is asked for the wanted rate at once."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise Unsuitable("there is no program of that name")
    path, remove = (file, lambda: None) if isinstance(file, Path) else _stored(file)
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-ac", "1", "-rematrix_maxval", "1", "-ar", str(rate), "-f", "f32le", "pipe:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def close() -> None:
        process.kill()
        process.communicate()
        remove()

    assert process.stdout is not None
    first = process.stdout.read(4 * FRAMES)
    if not first:
        _, errors = process.communicate()
        remove()
        raise Unsuitable(errors.decode(errors="replace").strip().rpartition("\n")[2][:200] or "it gave nothing")
    return Decoded(_piped(process.stdout, first), rate, None, close)


def _piped(pipe: Any, first: bytes) -> Iterator[Samples]:
    block = first
    while block:
        yield np.frombuffer(block[: len(block) // 4 * 4], dtype="<f4")
        block = pipe.read(4 * FRAMES)


def _stored(data: bytes) -> tuple[Path, Callable[[], None]]:
    """A file of these bytes: some formats have their index at the end, so a pipe does not do."""
    handle, path = tempfile.mkstemp(suffix=".nbpipes")
    with closing(os.fdopen(handle, "wb")) as file:
        file.write(data)

    def remove() -> None:
        with suppress(OSError):
            os.unlink(path)

    return Path(path), remove
