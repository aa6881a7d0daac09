"""Plain samples for wav2vec 2.0 and its relatives."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbpipes.processing.audio.features import FeatureExtractor
from nbpipes.processing.audio.sound import Samples


class WaveExtractor(FeatureExtractor):
    """Gives samples as they are, or with a mean of 0 and a variance of 1."""

    def __init__(self, kind: str, raw: Mapping[str, Any]) -> None:
        super().__init__(kind, raw)
        self.do_normalize = bool(raw.get("do_normalize", True))

    def prepare(self, samples: Samples) -> Samples:
        """Returns `(samples,)`."""
        if not self.do_normalize:
            return samples
        return ((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)).astype(np.float32)
