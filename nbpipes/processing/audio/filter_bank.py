"""Spectrograms as Kaldi makes them, for the Audio Spectrogram Transformer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from nbpipes.errors import ConfigError, InputError
from nbpipes.processing.audio.features import FeatureExtractor
from nbpipes.processing.audio.mel import kaldi_filters
from nbpipes.processing.audio.sound import Samples

FRAME, HOP, POINTS = 400, 160, 512
"""Samples of a frame, from one to the next, and of the transform that it is padded for."""
EMPHASIS = 0.97
"""How much of its neighbour is taken off each sample: it lifts high tones, which are weak in speech."""
FLOOR = 1.1920929e-07
"""Below it logarithms would be of rounding errors."""


class FilterBank(FeatureExtractor):
    """Logarithms of the energy in mel bands; as many frames as the model wants, cut or filled with zeros."""

    def __init__(self, kind: str, raw: Mapping[str, Any]) -> None:
        super().__init__(kind, raw)
        self.mels, self.length = (_count(raw, *pair) for pair in (("num_mel_bins", 128), ("max_length", 1024)))
        self.do_normalize = bool(raw.get("do_normalize", True))
        self.mean, self.std = float(raw.get("mean", -4.2677393)), float(raw.get("std", 4.5689974))
        self.reach, self.least = (self.length - 1) * HOP + FRAME, FRAME
        rate = self.sampling_rate
        self.filters = kaldi_filters(POINTS // 2 + 1, self.mels, 20, rate // 2, rate)
        self.window = np.hanning(FRAME)

    def prepare(self, samples: Samples) -> NDArray[np.float32]:
        """Returns `(max_length, num_mel_bins)`."""
        if len(samples) < self.least:
            raise InputError(f"a sound of {len(samples)} samples is too short: the model needs {self.least}")
        frames = sliding_window_view(samples[: self.reach], FRAME)[::HOP].astype(np.float64)
        frames = frames - frames.mean(1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], 1)
        frames = (frames - EMPHASIS * before) * self.window
        spectrum = np.fft.rfft(frames, POINTS).astype(np.complex64)  # the reference rounds here too
        energies = np.abs(spectrum, dtype=np.float64) ** 2 @ self.filters
        found = np.zeros((self.length, self.mels), np.float32)
        found[: len(frames)] = np.log(np.maximum(energies, FLOOR))
        return (found - self.mean) / (self.std * 2) if self.do_normalize else found


def _count(raw: Mapping[str, Any], name: str, default: int) -> int:
    value = raw.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise ConfigError(f"{name} of a feature extractor must be a count, not {value!r}")
    return value
