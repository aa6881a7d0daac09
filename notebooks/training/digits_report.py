"""How good the demo recogniser of spoken digits is, and its model card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from digits_data import RATE, Spoken

from nbpipes.engine.pipeline import Pipeline

TEMPLATE = Path(__file__).with_name("digits_card.md")


@dataclass(frozen=True, slots=True)
class Score:
    """words: of so many sequences; wrong: that must be changed, added or left out; right: sequences without such words.
    apart: seconds between where words of right sequences begin and end and where they are found, on average."""

    sequences: int
    words: int
    wrong: int
    right: int
    apart: float | None

    def __str__(self) -> str:
        apart = "–" if self.apart is None else f"{1000 * self.apart:.0f} ms"
        cells = (f"{self.sequences}", f"{self.words}", f"{self.wrong / self.words:.1%}")
        return " | ".join((*cells, f"{self.right / self.sequences:.1%}", apart))


def scored(transcribe: Pipeline, test: Sequence[Spoken]) -> Score:
    """How well a pipeline, as a user has it, writes these sequences down."""
    inputs = [{"raw": one.samples, "sampling_rate": RATE} for one in test]
    wrong, apart = [], []
    for one, found in zip(test, transcribe(inputs, return_timestamps="word"), strict=True):
        wrong.append(distance(found["text"].split(), one.words))
        if one.spans and not wrong[-1]:
            times = np.array([chunk["timestamp"] for chunk in found["chunks"]])
            apart.append(np.abs(times - np.array(one.spans) / RATE).mean())
    words = sum(len(one.words) for one in test)
    return Score(len(test), words, sum(wrong), wrong.count(0), float(np.mean(apart)) if apart else None)


def distance(found: Sequence[str], wanted: Sequence[str]) -> int:
    """How many words must be changed, added or left out."""
    row = list(range(len(wanted) + 1))
    for i, one in enumerate(found, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


def card(scores: Mapping[str, Score], counts: Mapping[str, int]) -> str:
    """The card with the scores by what was heard, and counts by their names."""
    text = TEMPLATE.read_text(encoding="utf-8")
    table = "\n".join(f"| {name} | {score} |" for name, score in scores.items())
    for name, value in {**{name: f"{count:,}" for name, count in counts.items()}, "scores": table}.items():
        text = text.replace(f"<{name}>", value)
    return text
