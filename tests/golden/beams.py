"""Logits and settings of the golden cases about beam search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ["", "⁇", " ", *"ETAO"]
WORDS = ("EAT", "TEA", "TO", "A", "TOE", "OAT", "AT", "TAO", "ATE")
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"beam_width": 7, "prune_history": True},
    {"hotwords": ["TEA", "TO A"], "hotword_weight": 3.0, "token_min_logp": -3.0},
    {"beam_prune_logp": -4.0},
)


def logits(number: int) -> NDArray[np.float64]:
    """Of 3 to 40 frames, in which no letter is the likeliest one."""
    draw = np.random.default_rng(number)
    found = draw.normal(0, 2.2, (draw.integers(3, 41), len(LABELS)))
    return found + np.array([1.5, *[0.0] * (len(LABELS) - 1)])
