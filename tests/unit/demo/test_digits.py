"""The recogniser of digits that comes with nbpipes: right on synthetic voices, small, and honest about itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from nbpipes import demo, pipeline
from nbpipes.engine.pipeline import Pipeline

FOLDER = demo.folder("automatic-speech-recognition")
SOUNDS = sorted((Path(__file__).parent / "digits").glob("*.flac"))
"""Said by espeak-ng in voices and an accent that the training did not have; their names tell what."""


@pytest.fixture(scope="module")
def transcribe() -> Pipeline:
    return pipeline("automatic-speech-recognition", model="demo", device="cpu")


@pytest.mark.parametrize("path", SOUNDS, ids=lambda path: path.stem)
def test_spoken_digits_and_their_times(transcribe: Pipeline, path: Path) -> None:
    found = transcribe(path, return_timestamps="word")
    words = path.stem.upper().split("_")
    assert found["text"].split() == words
    assert [chunk["text"] for chunk in found["chunks"]] == words
    times = [time for chunk in found["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times)
    assert all(0.1 < end - start < 0.9 for start, end in zip(times[::2], times[1::2], strict=True))


def test_tokens_are_words(transcribe: Pipeline) -> None:
    found = transcribe(SOUNDS[0], return_timestamps="char")
    assert [chunk["text"] for chunk in found["chunks"] if chunk["text"] != " "] == found["text"].split()


def test_one_by_one_and_together(transcribe: Pipeline) -> None:
    assert transcribe(SOUNDS, batch_size=3) == [transcribe(path) for path in SOUNDS]


def test_it_writes_nothing_where_nothing_is_said(transcribe: Pipeline) -> None:
    assert transcribe({"raw": np.zeros(16_000, np.float32), "sampling_rate": 16_000})["text"].strip() == ""


def test_the_card_tells_what_matters() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for fact in ("license: apache-2.0", "a demonstration", "How good it is", "Seed", "## Limits", "train it again"):
        assert fact in card
    assert "<" not in card
    assert json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["torch_dtype"] == "float32"
