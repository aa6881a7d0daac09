"""What sounds are: over time, beyond bounds, and where options make no sense."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.tasks import audio_classification

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import RATE, sound  # noqa: E402

TASK = "audio-classification"


@pytest.fixture(scope="module")
def pipe():
    return pipeline(TASK, model=GOLDEN / "wav2vec2" / "audio", device="cpu")


def test_classes_over_time(pipe):
    found = pipe(sound("long"), chunk_length_s=1, top_k=1)
    assert [entry["timestamp"] for entry in found] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 3.07)]
    alone = pipe(sound("long")[RATE : 2 * RATE], top_k=1)
    assert found[1]["label"] == alone[0]["label"]
    assert found[1]["score"] == pytest.approx(alone[0]["score"])


def test_results_know_the_rate_of_arrays(pipe, monkeypatch):
    assert pipe(sound("tone")).meta["sampling_rate"] == RATE
    monkeypatch.setattr(pipe, "feature_extractor", None)
    assert "sampling_rate" not in pipe.meta


def test_sounds_have_names_and_may_be_open_files(pipe, tmp_path):
    soundfile.write(tmp_path / "tone.flac", sound("tone"), RATE, format="FLAC")
    with (tmp_path / "tone.flac").open("rb") as file:
        assert pipe(file) == pipe(audio=file) == pipe([file])[0] == pipe(tmp_path / "tone.flac")
        with pytest.raises(TypeError, match="given twice"):
            pipe(file, audio=file)


def test_windows_may_overlap(pipe):
    found = pipe(sound("long"), chunk_length_s=1, hop_length_s=0.5, top_k=2)
    starts = [entry["timestamp"][0] for entry in found]
    assert starts[::2] == starts[1::2] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert found[-1]["timestamp"][1] == pytest.approx(3.07)


def test_spectrograms_have_a_reach_and_a_least(monkeypatch):
    pipe = pipeline(TASK, model=GOLDEN / "audio-spectrogram-transformer" / "audio", device="cpu")
    reach = pipe.feature_extractor.reach
    long = np.concatenate([sound("long")[:reach], np.ones(RATE, np.float32)])
    assert pipe(long) == pipe(sound("long")[:reach])
    with pytest.raises(InputError, match="too short"):
        pipe(np.ones(100, np.float32))
    windows = pipe(sound("long")[: RATE + 100], chunk_length_s=1, top_k=1)
    assert len(windows) == 1


def test_defaults_of_the_pipeline_count(pipe):
    best = pipeline(TASK, model=GOLDEN / "wav2vec2" / "audio", device="cpu", top_k=2, function_to_apply="sigmoid")
    assert best(sound("tone")) == pipe(sound("tone"), top_k=2, function_to_apply="sigmoid")
    assert len(pipe(sound("tone"))) == 6


def test_very_long_sounds_need_windows(pipe, monkeypatch):
    monkeypatch.setattr(audio_classification, "LONGEST", 1.0)
    with pytest.raises(InputError, match="chunk_length_s= for classes over time"):
        pipe(sound("long"))
    assert pipe(sound("long"), chunk_length_s=0.5)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"top_k": 0}, "top_k"),
        ({"function_to_apply": "sofmax"}, "softmax"),
        ({"chunk_length_s": -1}, "chunk_length_s"),
        ({"chunk_length_s": 1, "hop_length_s": 2}, "hop_length_s"),
        ({"timeout": -1}, "timeout"),
    ],
)
def test_options_that_make_no_sense(pipe, call, why):
    with pytest.raises(InputError, match=why):
        pipe(sound("short"), **call)


def test_too_short_to_hear(pipe):
    with pytest.raises(InputError, match="too short"):
        pipe(np.ones(100, np.float32))
