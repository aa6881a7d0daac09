"""Sounds in HTML: a bounded copy of what was heard, and when."""

from io import BytesIO

import numpy as np
import pytest
import soundfile

from nbpipes.display import kit, sounds, transcript
from nbpipes.results import annotate
from nbpipes.results import sounds as reading
from nbpipes.results.sounds import copy_of, name_of

RATE = 8000


@pytest.fixture
def speech():
    """Something with the spectrum of a voice, 8 seconds."""
    time = np.arange(8 * RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * 140 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)


def heard(copy):
    samples, rate = soundfile.read(BytesIO(copy.data))
    return len(samples) / rate


@pytest.mark.parametrize("form", ["path", "bytes", "open file", "dict", "whole numbers"])
def test_a_copy_of_every_kind_of_source(speech, form, tmp_path):
    file = BytesIO()
    soundfile.write(file, speech, RATE, format="WAV")
    path = tmp_path / "a voice.wav"
    path.write_bytes(file.getvalue())
    source = {
        "path": str(path),
        "bytes": file.getvalue(),
        "open file": file,
        "dict": {"raw": speech, "sampling_rate": RATE},
        "whole numbers": {"array": (32767 * speech).astype(np.int16), "sampling_rate": RATE},
    }[form]
    copy = copy_of(source, 60_000)
    assert copy.whole == copy.seconds == pytest.approx(8)
    assert heard(copy) == pytest.approx(8, abs=0.1)
    assert name_of(source) == ("a voice.wav" if form == "path" else "sound")


@pytest.mark.parametrize("room", [3_000, 10_000, 60_000])
def test_a_copy_keeps_to_its_room(room):
    noise = np.random.default_rng(0).standard_normal(RATE * 100).astype(np.float32) / 9
    copy = copy_of({"raw": noise, "sampling_rate": RATE}, room)
    assert len(copy.data) <= room
    assert 1 <= copy.seconds <= 60
    assert copy.whole == 100
    assert copy_of({"raw": noise, "sampling_rate": RATE}, 100) is None


@pytest.mark.parametrize(
    "source", [None, "no such file", b"nothing", {"raw": []}, np.ones(9), "https://a.example/b.wav"]
)
def test_what_cannot_be_had_is_left_out(source):
    assert copy_of(source, 60_000) is None
    assert "<audio" not in transcript.draw({"text": "hello"}, source, 60_000)


def test_a_transcript_shows_times(speech):
    value = {
        "text": " a <b> c",
        "chunks": [{"text": " a", "timestamp": (0.0, 1.5)}, {"text": " <b>", "timestamp": (61.25, None)}],
    }
    html = transcript.draw(value, {"raw": speech, "sampling_rate": RATE}, 80_000)
    assert html.startswith('<div><audio controls src="data:audio/ogg;base64,')
    assert "a &lt;b&gt; c" in html
    assert all(time in html for time in ("0:00.00", "0:01.50", "1:01.25", "–"))
    assert "language" not in html
    spoken = {"text": "a", "chunks": [{"text": "a", "timestamp": (0, 1), "language": "english"}]}
    assert "english" in transcript.draw(spoken, None, 80_000)


def test_a_long_sound_says_that_it_is_cut():
    noise = np.random.default_rng(0).standard_normal(RATE * 100).astype(np.float32) / 9
    html = transcript.draw({"text": "a"}, {"raw": noise, "sampling_rate": RATE}, 40_000)
    assert "of 1:40.00" in html
    assert kit.size(html) <= 40_000


def test_labels_over_time_are_in_its_order(speech):
    value = [
        {"score": 0.9, "label": "dog", "timestamp": (0.0, 1.0)},
        {"score": 0.1, "label": "cat", "timestamp": (0.0, 1.0)},
        {"score": 0.2, "label": "dog", "timestamp": (1.0, 2.0)},
        {"score": 0.8, "label": "cat", "timestamp": (1.0, 2.0)},
    ]
    html = sounds.draw(value, {"raw": speech, "sampling_rate": RATE}, 80_000)
    assert html.count("dog") == html.count("cat") == 1
    assert html.index("dog") < html.index("cat")
    whole = sounds.draw([{"score": 0.9, "label": "dog"}, {"score": 0.1, "label": "cat"}], None, 80_000)
    assert "dog" in whole
    assert "cat" in whole


def test_an_array_is_played_at_the_rate_of_its_model(speech):
    known = annotate({"text": "hello"}, "automatic-speech-recognition", speech, {"sampling_rate": RATE})
    assert "<audio" in known.to_html()
    assert "<audio" not in annotate({"text": "hello"}, "automatic-speech-recognition", speech, {}).to_html()


def test_what_was_downloaded_can_be_played(speech, monkeypatch):
    file = BytesIO()
    soundfile.write(file, speech, RATE, format="WAV")
    monkeypatch.setattr(reading, "KEPT", 2 * file.tell())
    for name in "abc":
        reading.remember(f"https://a.example/{name}.wav", file.getvalue())
    assert copy_of("https://a.example/a.wav", 60_000) is None
    assert copy_of("https://a.example/c.wav", 60_000).whole == 8
    assert copy_of({"path": "https://a.example/b.wav"}, 60_000).whole == 8


def test_a_long_text_says_what_is_left_out():
    task = "automatic-speech-recognition"
    assert "more character" not in transcript.draw(annotate({"text": "Seven."}, task, None, {}), None, 50_000)
    html = transcript.draw(annotate({"text": "word " * 9_000}, task, None, {}), None, 50_000)
    assert "… 24,999 more characters" in html


def test_files_that_soundfile_cannot_read_are_read_otherwise(speech, monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "_others", [lambda file: ((32_767 * speech).astype(np.int16), RATE)])
    path = tmp_path / "memo.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A ")
    assert copy_of(str(path), 60_000).whole == copy_of(path.read_bytes(), 60_000).whole == 8
    monkeypatch.setattr(reading, "_others", [])
    assert copy_of(str(path), 60_000) is None
