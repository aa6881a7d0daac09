"""Feature extractors: from samples to what a model hears, by the recipe of its preprocessor_config.json."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nbpipes.errors import ConfigError, nearest
from nbpipes.hub.repo import Repo
from nbpipes.processing.audio.sound import Samples

FILE, NEWER_FILE = "preprocessor_config.json", "processor_config.json"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "ASTFeatureExtractor": "filter_bank:FilterBank",
        "Wav2Vec2FeatureExtractor": "waves:WaveExtractor",
        "WhisperFeatureExtractor": "log_mel:LogMel",
    }
)
"""The class for each `feature_extractor_type`."""
USUAL: Mapping[str, str] = MappingProxyType(
    {"audio-spectrogram-transformer": "ASTFeatureExtractor", "whisper": "WhisperFeatureExtractor"}
)
"""The type for each `model_type` whose files may not say, if it is not wav2vec 2.0's."""


class FeatureExtractor(ABC):
    """Makes features of sounds. kind: the `feature_extractor_type`. raw: the content of the file. reach: samples that
    it hears at most, from the beginning of a sound, None where there is no limit. least: samples that it needs."""

    sampling_rate: int
    reach: int | None = None
    least: int = 1
    own_rate: ClassVar[int] = 16_000

    def __init__(self, kind: str, raw: Mapping[str, Any]) -> None:
        self.kind, self.raw = kind, dict(raw)
        rate = raw.get("sampling_rate", self.own_rate)
        if isinstance(rate, bool) or not isinstance(rate, int) or not 1000 <= rate <= 1_000_000:
            raise ConfigError(f"sampling_rate of a feature extractor must be samples per second, not {rate!r}")
        self.sampling_rate = rate

    def __repr__(self) -> str:
        return f"{self.kind}({self.sampling_rate} Hz)"

    @abstractmethod
    def prepare(self, samples: Samples) -> NDArray[np.float32]:
        """The features of one sound at `sampling_rate`, `(samples,)`."""

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes preprocessor_config.json."""
        raw = {"feature_extractor_type": self.kind} | self.raw
        (Path(folder) / FILE).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def load_feature_extractor(repo: Repo) -> FeatureExtractor:
    """The feature extractor of a repository. RepoError without its file, ConfigError where it is damaged or unknown."""
    raw = repo.json(FILE if repo.has(FILE) or not repo.has(NEWER_FILE) else NEWER_FILE)
    raw = raw.get("feature_extractor", raw)  # newer files hold several processors
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{FILE} of {repo.name} must hold a JSON object for its feature extractor")
    kind = raw.get("feature_extractor_type")
    if kind is None:
        model_type = str(repo.json_or_empty("config.json").get("model_type", ""))
        kind = USUAL.get(model_type, "Wav2Vec2FeatureExtractor")
    if kind not in KINDS:
        raise ConfigError(
            f"feature extractors of type {kind!r} are not supported{nearest(str(kind), KINDS)}. "
            f"Supported: {', '.join(KINDS)}"
        )
    module, _, name = KINDS[kind].partition(":")
    return getattr(import_module(f"nbpipes.processing.audio.{module}"), name)(kind, raw)
