"""Views of sounds: what travels is bounded, what is asked for is what was heard, and what is selected is the user's."""

import json
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from nbpipes.results.failures import Failure
from nbpipes.results.records import annotate, annotate_batch
from nbpipes.widgets import playing, sounds, transcript
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import View, parcel

RATE = 8000
TASK = "automatic-speech-recognition"
SAID = {
    "text": " Hello there. Who is it?",
    "chunks": [
        {"text": word, "timestamp": (0.5 * i, 0.5 * i + 0.5)}
        for i, word in enumerate((" Hello", " there.", " Who", " is", " it?"))
    ],
}


def wave(seconds: float, rate: int = RATE) -> np.ndarray:
    """Silence and tones in turn: tones in the odd seconds."""
    at = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 200 * at) * (at.astype(int) % 2)).astype(np.float32)


@pytest.fixture
def hour(tmp_path: Path) -> str:
    """A file of an hour, at a rate at which it is made at once."""
    path = tmp_path / "an <b>hour.wav"
    soundfile.write(path, wave(3600, 1000), 1000)
    return str(path)


def ask(view: View, heard: list[Any], op: str, **args: Any) -> Any:
    """As a front end does; gives the last answer."""
    del heard[:]
    view._handle_custom_msg({"id": "7", "op": op, "args": args}, [])
    for _ in range(1000):
        if heard and heard[-1]["state"] != "heard":
            return heard[-1]
        time.sleep(0.01)
    raise AssertionError("no answer")


def shown(value: Any, source: Any, **meta: Any) -> Any:
    view = view_of(annotate(value, TASK, source, meta))
    assert view is not None
    return view


def samples_of(data: bytes) -> tuple[np.ndarray, int]:
    return soundfile.read(BytesIO(data), dtype="float32")


def test_a_short_sound_travels_whole() -> None:
    spec = shown(SAID, {"raw": wave(3), "sampling_rate": RATE}).spec
    assert spec["about"] == "Transcript: 5 words, 0:03.00"
    samples, rate = samples_of(spec["sound"]["data"])
    assert rate == RATE
    assert np.abs(samples - wave(3)).max() < 1e-4
    assert spec["lines"] == [2, 3]
    json.dumps(parcel(spec)[0], allow_nan=False)


def test_an_hour_travels_in_pieces(hour: str, heard: list[Any]) -> None:
    words = [{"text": f" word{i}", "timestamp": (0.4 * i, 0.4 * i + 0.4)} for i in range(9000)]
    view = shown({"text": "".join(word["text"] for word in words), "chunks": words}, hour)
    content, buffers = parcel(view.spec)
    assert len(json.dumps(content)) + sum(map(len, buffers)) < 600_000
    assert view.spec["sound"]["outline"] is None
    answer = playing.requests(lambda _: playing.about(view.result))
    samples, rate = samples_of(answer["piece"]({"piece": 119}))
    assert len(samples) == 30 * rate
    assert np.abs(samples - wave(3600, 1000)[3570_000:]).max() < 1e-4
    pairs = np.frombuffer(answer["outline"]({"start": 10, "stop": 20}), np.int8).reshape(-1, 2)
    assert len(pairs) == playing.COUNT
    assert (np.abs(pairs[:99]).max(), np.abs(pairs[101:199]).max() > 50) == (0, True)
    assert ask(view, heard, "outline", start=0, stop=3600)["state"] == "done"


@pytest.mark.parametrize(
    ("op", "args"),
    [
        *(("piece", {"piece": number}) for number in (-1, 1, "0", None, 0.0)),
        *(("outline", {"start": start, "stop": stop}) for start, stop in ((2, 1), (-1, 2), (0, 99), ("x", 1))),
        ("outline", {"start": float("nan"), "stop": 2}),
    ],
)
def test_nonsense_is_refused(op: str, args: dict[str, Any], heard: list[Any]) -> None:
    view = shown(SAID, {"raw": wave(3), "sampling_rate": RATE})
    assert ask(view, heard, op, **args)["state"] == "failed"


def test_words_are_selected(heard: list[Any]) -> None:
    view = shown(SAID, {"raw": wave(3), "sampling_rate": RATE})
    ask(view, heard, "select", indices=[1, 2])
    assert view.selected == SAID["chunks"][1:3]


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_an_array_is_played_at_the_rate_of_the_model(make: Any) -> None:
    assert shown(SAID, make(wave(3)), sampling_rate=RATE).spec["sound"]["seconds"] == 3
    assert shown(SAID, make(wave(3))).spec["sound"]["seconds"] is None


@pytest.mark.parametrize(
    "source", [None, "/no/such.wav", b"RIFF", b"", {"raw": [], "sampling_rate": RATE}, "https://example.com/a.wav"]
)
def test_a_text_without_its_sound_is_read(source: Any) -> None:
    spec = shown(SAID, source).spec
    assert (spec["sound"]["seconds"], spec["sound"]["data"]) == (None, None)
    assert spec["about"] == "Transcript: 5 words"


def test_a_text_without_times() -> None:
    spec = shown({"text": " Hello <b>"}, {"raw": wave(1), "sampling_rate": RATE}).spec
    assert (spec["text"], spec["lines"], spec["pieces"]["texts"]) == ("Hello <b>", [], [])
    assert view_of(annotate({"words": 3}, TASK, None, {})) is None


def test_more_pieces_than_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "ENTRIES", 3)
    spec = shown(SAID, None).spec
    assert (spec["left_out"], len(spec["pieces"]["texts"]), spec["lines"]) == (2, 3, [2, 1])


def test_a_gallery_of_sounds(heard: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, wave(2), RATE)
    failed = Failure.of(2, "preprocess", ValueError("no sound"), "x")
    view: Any = view_of(annotate_batch([SAID, {"text": ""}, failed], TASK, [str(path), wave(1), "gone.wav"], {}))
    rows = [(row["text"], row["cells"][0]) for row in view.spec["first"]]
    assert rows[:2] == [("a.wav", "Hello there. Who is it?"), ("sound", "(nothing said)")]
    assert ask(view, heard, "item", index=0)["result"]["sound"]["seconds"] == 2
    assert ask(view, heard, "piece", index=0, piece=0)["state"] == "done"
    assert ask(view, heard, "piece", index=1, piece=0)["state"] == "failed"
    ask(view, heard, "pick", index=0, indices=[4])
    assert view.selected_parts == [SAID["chunks"][4]]


def test_an_outline_is_that_of_every_sample() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 2_500_000).astype(np.float32)
    source = {"raw": noise, "sampling_rate": 10_000}
    found = playing.requests(lambda _: (source, None))["outline"]({"start": 0, "stop": 250})
    pairs = np.frombuffer(found, np.int8).reshape(-1, 2)
    parts = noise.reshape(len(pairs), -1)
    wanted = np.stack([parts.min(1), parts.max(1)], 1) * 127
    assert np.abs(pairs - wanted).max() <= 0.5


def test_labels_over_time(heard: list[Any]) -> None:
    found = [
        {"score": score, "label": label, "timestamp": times}
        for times, scores in (((0.0, 1.0), (0.9, 0.1)), ((1.0, 2.0), (0.2, 0.8)))
        for label, score in zip(("dog", "<b>"), scores, strict=True)
    ]
    view = view_of(annotate(found, "audio-classification", {"raw": wave(2), "sampling_rate": RATE}, {}))
    assert view is not None
    assert (view.spec["labels"], view.spec["windows"]) == (["<b>", "dog"], [(0.0, 1.0), (1.0, 2.0)])
    assert view.spec["entries"] == {"labels": [1, 0, 1, 0], "scores": [0.9, 0.1, 0.2, 0.8], "windows": [0, 0, 1, 1]}
    ask(view, heard, "select", indices=[3])
    assert view.selected == [found[3]]
    assert ask(view, heard, "piece", piece=0)["state"] == "done"


@pytest.mark.parametrize("value", [[], ["x"], None, [{"label": None, "score": "high", "timestamp": (2, 1)}], [{}]])
def test_odd_labels_can_be_sent(value: Any) -> None:
    spec = sounds.describe(value, None)
    assert spec["windows"] == []
    json.dumps(parcel(spec)[0], allow_nan=False)


def test_a_gallery_of_labels_of_sounds() -> None:
    values = [[{"score": 0.9, "label": "dog"}, {"score": 0.1, "label": "cat"}]] * 2
    view: Any = view_of(annotate_batch(values, "audio-classification", ["/a/one.wav", wave(1)], {}))
    assert [row["text"] for row in view.spec["first"]] == ["one.wav", "sound"]
    assert [column["name"] for column in view.spec["columns"]] == ["cat", "dog"]
