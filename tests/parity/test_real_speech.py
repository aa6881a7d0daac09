"""Real Whispers on recordings of people side by side with transformers: texts, segments and words with their times."""

import functools
import os
from pathlib import Path

import pytest
import torch

import nbpipes
from nbpipes.processing.audio.sources import read_audio

transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
TASK, RATE = "automatic-speech-recognition", 16_000
CACHE = Path(os.environ.get("NBPIPES_CHECKPOINTS", Path.home() / ".cache/nbpipes/checkpoints"))
RECORDINGS = CACHE.parent / "recordings"
ENGLISH, MANY = "whisper-tiny.en", "whisper-base"


@functools.cache
def pair(folder):
    """A model in both implementations."""
    fixed = {"device": "cpu", "dtype": torch.float32}
    return nbpipes.pipeline(TASK, folder, **fixed), transformers.pipeline(TASK, folder, **fixed)


def recording(name):
    """A file that notebooks/recordings.py brings."""
    path = RECORDINGS / f"{name}.wav"
    if not path.is_file():
        pytest.skip(f"there is no {path}: run notebooks/recordings.py")
    return path


def assert_equal(folder, name, call, **settings):
    """Both say the same about a recording, and ours about its samples too."""
    ours, theirs = pair(str(folder))
    path = recording(name)
    samples = read_audio(path, RATE)
    wanted = theirs(samples.copy(), generate_kwargs=settings, **call)
    assert wanted["text"]
    assert ours(path, generate_kwargs=settings, **call) == wanted
    if "num_beams" in settings:
        assert ours(samples, **call, **settings) == wanted


TIMES = ({}, {"return_timestamps": True}, {"return_timestamps": "word"})
SHORT = ("agent-pass", "vm-intro", "demo-thanks", "demo-abouttotry")


@pytest.mark.parametrize("beams", [{}, {"num_beams": 1}], ids=["beams", "greedy"])
@pytest.mark.parametrize("call", TIMES, ids=str)
@pytest.mark.parametrize("name", SHORT)
def test_english(checkpoint, name, call, beams):
    assert_equal(checkpoint(ENGLISH), f"english/{name}", call, **beams)


LONG = (
    ("demo-congrats", {"return_timestamps": "word"}, {"num_beams": 1}),
    ("demo-congrats", {"return_timestamps": "word", "chunk_length_s": 20}, {"num_beams": 1}),
    ("demo-instruct", {"return_timestamps": True}, {"num_beams": 1}),
    ("demo-instruct", {"return_timestamps": "word"}, {}),
    ("demo-instruct", {"return_timestamps": True, "chunk_length_s": 12, "stride_length_s": [3, 1]}, {"num_beams": 1}),
    ("demo-instruct", {"return_timestamps": "word"}, {"num_beams": 1, "condition_on_prev_tokens": True}),
    (
        "demo-instruct",
        {"return_timestamps": True},
        {"num_beams": 1, "temperature": (0.0,), "compression_ratio_threshold": 1.35, "logprob_threshold": -1.0},
    ),
)


@pytest.mark.parametrize(("name", "call", "settings"), LONG)
def test_long_recordings(checkpoint, name, call, settings):
    """Of 30 and of 73 seconds."""
    assert_equal(checkpoint(ENGLISH), f"english/{name}", call, **settings)


MULTILINGUAL = (
    ("english/vm-intro", {"return_timestamps": "word"}, {}),
    ("english/agent-pass", {}, {"num_beams": 1, "task": "transcribe"}),
    ("french/vm-intro", {}, {}),
    ("french/vm-intro", {"return_timestamps": True}, {"num_beams": 1}),
    ("french/vm-intro", {"return_timestamps": "word"}, {"num_beams": 1, "language": "french"}),
    ("french/vm-intro", {"return_timestamps": True}, {"num_beams": 1, "task": "translate"}),
    ("french/demo-thanks", {"return_timestamps": "word"}, {}),
    ("french/demo-abouttotry", {}, {"num_beams": 5, "task": "translate"}),
    ("french/vm-intro", {}, {"num_beams": 1, "language": "en"}),
)


@pytest.mark.parametrize(("name", "call", "settings"), MULTILINGUAL)
def test_many_languages(checkpoint, name, call, settings):
    assert_equal(checkpoint(MANY), name, call, **settings)


@pytest.mark.parametrize(("name", "language"), [("english/agent-pass", "english"), ("french/agent-pass", "french")])
def test_languages_are_detected(checkpoint, name, language):
    """The language that transformers detects; its pipeline tells None of it."""
    ours, theirs = pair(str(checkpoint(MANY)))
    samples = read_audio(recording(name), RATE)
    features = theirs.feature_extractor(samples, sampling_rate=RATE, return_tensors="pt").input_features
    [token] = theirs.model.detect_language(features).tolist()
    found = ours(samples, return_language=True, num_beams=1)["chunks"]
    assert {chunk["language"] for chunk in found} == {language}
    assert theirs.tokenizer.decode(token) == f"<|{language[:2]}|>"
