"""Log-mel spectrograms as Whisper hears them: of a window of fixed length, or of a sound of any length."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbpipes.errors import ConfigError
from nbpipes.processing.audio.features import FeatureExtractor
from nbpipes.processing.audio.mel import slaney_filters
from nbpipes.processing.audio.sound import Samples, Sound

HIGHEST = 8000.0
"""Hertz at which the last filter ends."""
HELD = 16 << 20
"""Bytes of a spectrogram that are held in memory; longer ones lie in a temporary file."""
SILENCE = -10.0
"""The logarithm of no energy at all."""
RANGE = 8.0
"""Powers of ten below the loudest that are heard."""


class Spectrogram:
    """A spectrogram that is read in windows. frames: its length. heard: how many of them are sound, not padding.

    Frames are kept as logarithms; `peak`, the greatest of all, decides what counts as silence.
    """

    def __init__(
        self, mels: int, blocks: Iterator[Samples], *, frames: int | None = None, heard: int | None = None
    ) -> None:
        """blocks: logarithms, `(frames, mels)` each. frames: of the whole, where there is silence behind the blocks."""
        self.mels, self.stored, self.peak = mels, 0, -float("inf")
        self._file = SpooledTemporaryFile(HELD)  # noqa: SIM115  it lives as long as the spectrogram
        for block in blocks:
            self._file.write(block.tobytes())
            self.stored += len(block)
            self.peak = max(self.peak, float(block.max(initial=self.peak)))
        self.frames = self.stored if frames is None else frames
        self.heard = self.frames if heard is None else heard

    def window(self, start: int, length: int) -> Tensor:
        """Frames from `start` on, `(mels, length)`, with zeros behind the end."""
        count, silent = (max(0, min(length, end - start)) for end in (self.stored, self.frames))
        self._file.seek(4 * self.mels * start)
        data = np.frombuffer(self._file.read(4 * self.mels * count), np.float32).reshape(count, self.mels)
        logs = np.full((self.mels, silent), SILENCE, np.float32)
        logs[:, :count] = data.T
        window = np.zeros((self.mels, length), np.float32)
        window[:, :silent] = (np.maximum(logs, np.float32(self.peak - RANGE)) + 4.0) / 4.0
        return torch.from_numpy(window)


class LogMel(FeatureExtractor):
    """The feature extractor of Whisper.

    samples: of a window of `chunk_length` seconds; frames: the length of its spectrogram. run: what torch's operations
    on samples are handed to; they use several threads, and should come from one thread of a process only.
    """

    run: Callable[[Callable[[], Tensor]], Tensor] = staticmethod(lambda work: work())

    def __init__(self, kind: str, raw: Mapping[str, Any]) -> None:
        super().__init__(kind, raw)
        self.mels, self.hop = _number(raw, "feature_size", 80), _number(raw, "hop_length", 160)
        self.n_fft, self.chunk_length = _number(raw, "n_fft", 400), _number(raw, "chunk_length", 30)
        self.samples = self.chunk_length * self.sampling_rate
        self.frames = self.samples // self.hop

    def prepare(self, samples: Samples) -> NDArray[np.float32]:
        """`(mels, frames)` of a window: what is longer is cut off, what is shorter padded."""
        return self.short(samples).window(0, self.frames).numpy()

    def short(self, samples: Samples) -> Spectrogram:
        """The spectrogram of a window."""
        own = samples[: self.samples]
        padded = np.zeros(self.samples, np.float32)
        padded[: len(own)] = own
        heard = -(-len(own) // self.hop)
        sounding = min(self.frames, heard + 2 + self.n_fft // (2 * self.hop))
        logs = self._logs(_mirrored(padded, self.n_fft // 2))[:sounding]
        return Spectrogram(self.mels, iter([logs]), frames=self.frames, heard=heard)

    def long(self, sound: Sound, begun: Samples) -> Spectrogram:
        """The spectrogram of a sound of any length, which is read to its end. begun: what was read of it before."""
        return Spectrogram(self.mels, self._blocks(sound, begun))

    def _blocks(self, sound: Sound, begun: Samples) -> Iterator[Samples]:
        half, total, done = self.n_fft // 2, len(begun), 0
        rest = np.concatenate([begun[half:0:-1], begun])
        while len(block := sound.read(self.samples)):
            total += len(block)
            yield (logs := self._logs(rest))
            done += len(logs)
            rest = np.concatenate([rest[len(logs) * self.hop :], block])
        yield self._logs(np.concatenate([rest, rest[-2 : -half - 2 : -1]]))[: total // self.hop - done]

    def _logs(self, samples: Samples) -> Samples:
        """Logarithms of the energies in `(samples,)` that have their edges, `(frames, mels)`."""
        return self.run(lambda: self._transformed(torch.from_numpy(samples))).numpy()

    def _transformed(self, samples: Tensor) -> Tensor:
        spectrum = torch.stft(samples, self.n_fft, self.hop, window=self._window, center=False, return_complex=True)
        return (self._filters @ spectrum.abs() ** 2).clamp(min=10**SILENCE).log10().T.contiguous()

    @cached_property
    def _window(self) -> Tensor:
        return torch.hann_window(self.n_fft)

    @cached_property
    def _filters(self) -> Tensor:
        bins = slaney_filters(1 + self.n_fft // 2, self.mels, 0.0, HIGHEST, self.sampling_rate)
        return torch.from_numpy(bins).float().T


def _mirrored(samples: Samples, half: int) -> Samples:
    """With `half` samples more at each end, as in a mirror."""
    return np.concatenate([samples[half:0:-1], samples, samples[-2 : -half - 2 : -1]])


def _number(raw: Mapping[str, Any], name: str, default: int) -> int:
    value = raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 100_000:
        raise ConfigError(f"{name} of a feature extractor must be a whole number above 0, not {value!r}")
    return value
