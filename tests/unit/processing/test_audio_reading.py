"""Sounds are read from every form that users have; what cannot be read says why."""

import base64
import io
import os
import stat
import struct
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.errors import InputError
from nbpipes.processing.audio import decoders, sources
from nbpipes.processing.audio.resampling import sinc_resampled
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.audio.sources import is_audio, open_audio, read_audio

RATE = 16_000


def tone(rate: int = RATE, seconds: float = 0.5, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def as_file(samples: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = "FLOAT") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def close(found: np.ndarray, wanted: np.ndarray, by: float) -> bool:
    """Whether two sounds are alike, but for their ends, where filters have not all they need."""
    return found.shape == wanted.shape and bool(np.abs(found - wanted)[200:-200].max() < by)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sounds") / "tone.wav"
    place.write_bytes(as_file(tone()))
    return place


FORMS = {
    "path": str,
    "Path": lambda path: path,
    "bytes": Path.read_bytes,
    "open file": lambda path: path.open("rb"),
    "upload": lambda path: io.BytesIO(path.read_bytes()),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "base64": lambda path: base64.b64encode(path.read_bytes()).decode(),
    "data URL": lambda path: "data:audio/wav;base64," + base64.b64encode(path.read_bytes()).decode(),
    "dict of a path": lambda path: {"path": str(path), "bytes": None},
    "dict of bytes": lambda path: {"path": None, "bytes": path.read_bytes()},
    "array": lambda path: tone(),
    "array of float64": lambda path: tone().astype(np.float64),
    "tensor": lambda path: torch.from_numpy(tone()),
    "channels first": lambda path: np.stack([tone(), tone()]),
    "channels last": lambda path: np.stack([tone(), tone()], axis=1),
    "raw": lambda path: {"raw": tone(), "sampling_rate": RATE},
    "array in a dict": lambda path: {"array": tone(), "sampling_rate": np.int64(RATE), "path": "/nowhere.wav"},
    "list in a dict": lambda path: {"array": tone().tolist(), "sampling_rate": float(RATE)},
    "decoder": lambda path: SimpleNamespace(
        get_all_samples=lambda: SimpleNamespace(data=torch.from_numpy(tone())[None], sample_rate=RATE)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_sound(path, form):
    source = FORMS[form](path)
    assert is_audio(source)
    found = read_audio(source, RATE)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, tone())


def test_whole_numbers_have_the_scale_of_their_type():
    whole = (tone() * 32768).astype(np.int16)
    np.testing.assert_array_equal(read_audio(whole, RATE), whole.astype(np.float32) / 32768)
    octets = np.array([0, 128, 255], np.uint8)
    np.testing.assert_allclose(read_audio(octets, RATE), [-1, 0, 127 / 128])


@pytest.mark.parametrize("value", [None, 3, 0.5, [1.0, 2.0], np.zeros((2, 3, 4)), object()])
def test_what_is_no_sound(value):
    assert not is_audio(value)
    with pytest.raises(InputError, match=r"a sound must be|samples must be"):
        read_audio(value, RATE)


KINDS = {
    "8 bits": (RATE, 1, "WAV", "PCM_U8", 0.01),
    "24 bits": (RATE, 1, "WAV", "PCM_24", 1e-5),
    "doubles": (RATE, 1, "WAV", "DOUBLE", 1e-6),
    "stereo": (RATE, 2, "WAV", "PCM_16", 1e-4),
    "5.1": (48_000, 6, "WAV", "PCM_16", 1e-3),
    "8 kHz": (8_000, 1, "WAV", "PCM_16", 1e-3),
    "96 kHz": (96_000, 1, "FLAC", "PCM_24", 1e-3),
    "44.1 kHz": (44_100, 2, "FLAC", "PCM_16", 1e-3),
    "Vorbis": (RATE, 1, "OGG", "VORBIS", 0.05),
    "MP3": (RATE, 1, "MP3", None, 0.05),
    "AIFF": (22_050, 1, "AIFF", "PCM_16", 1e-3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_all_kinds(kind):
    rate, channels, container, subtype, by = KINDS[kind]
    samples = np.repeat(tone(rate)[:, None], channels, axis=1)
    found = read_audio(as_file(samples, rate, container, subtype), RATE)
    assert close(found, tone(), by)


def test_several_channels_are_averaged():
    frames = np.stack([tone(), -tone(), tone()], axis=1)
    np.testing.assert_allclose(read_audio(as_file(frames), RATE), tone() / 3, atol=1e-6)


def wav_header(size: int, rate: int = RATE, channels: int = 1) -> bytes:
    kind = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + kind + b"data" + struct.pack("<I", size)


def test_open_files_are_read_from_their_start(path):
    with path.open("rb") as file:
        assert len(read_audio(file, RATE)) == len(read_audio(file, RATE)) == 8000
    with pytest.raises(InputError, match="closed file"):
        read_audio(file, RATE)
    with pytest.raises(InputError, match="mode='rb'"):
        read_audio(io.StringIO("text"), RATE)


NOISE = np.random.default_rng(0).normal(0, 0.2, RATE).astype(np.float32)
FLAC = as_file(NOISE, kind="FLAC", subtype="PCM_16")
HOSTILE = {
    "no samples": (as_file(np.zeros(0, np.float32)), "no samples"),
    "no bytes": (b"", "no data"),
    "a FLAC cut short": (FLAC[: len(FLAC) // 2], "damaged"),
    "a text": (b"hello\n" * 100, "soundfile: .*; PyAV: .*; ffmpeg: "),
    "a playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "soundfile: .*; PyAV: .*; ffmpeg: "),
    "NaN": (as_file(np.where(np.arange(8000) == 5000, np.nan, tone())), "no finite numbers"),
    "infinity": (as_file(np.where(np.arange(8000) == 5000, np.inf, tone())), "no finite numbers"),
    "twelve hours of nothing": (wav_header(12 * 3600 * RATE * 2), "no samples"),
    "one sample a second": (wav_header(8, rate=1) + bytes(8), "1 samples per second"),
    "hundreds of channels": (wav_header(1000, channels=200) + bytes(1000), "200 channels"),
    "noise": (np.random.default_rng(1).bytes(5000), "cannot be read as sound"),
    "silence without end": ({"array": np.zeros(0), "sampling_rate": RATE}, "no samples"),
    "numbers that are none": (np.array(["a", "b"]), "must be numbers"),
    "complex numbers": (np.ones(5, np.complex64), "must be numbers"),
    "a square": (np.zeros((300, 300), np.float32), "at most 64 channels"),
    "no rate": ({"array": tone()}, "sampling_rate"),
    "half a sample a second": ({"array": tone(), "sampling_rate": 0.5}, "sampling_rate"),
    "a rate of nothing": ({"array": tone(), "sampling_rate": 0}, "must lie in"),
    "an empty dict": ({}, "must hold"),
    "a stride that does not fit": (
        {"array": tone(), "sampling_rate": RATE, "stride": (8000, 1)},
        "does not fit",
    ),
    "half a stride": ({"array": tone(), "sampling_rate": RATE, "stride": 3}, "stride must be two numbers"),
    "a foreign scheme": ("ftp://example.org/a.wav", "http and https only"),
    "a local scheme": ("file:///etc/passwd", "http and https only"),
    "a folder": (os.path.dirname(__file__), "is a folder"),
    "a device": ("/dev/zero", "no regular file"),
    "no such file": (Path("/nowhere/at/all.wav"), "there is no file"),
    "a word": ("speech.wav", "is no file that is here"),
    "a word that might be base64": ("speeches", "'speeches', no file that is here and so taken for base64, cannot be"),
    "a data URL without data": ("data:audio/wav,abc", "base64"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_says_why(name, monkeypatch):
    monkeypatch.setenv("PATH", "")
    source, why = HOSTILE[name]
    with pytest.raises(InputError, match=why):
        read_audio(source, RATE)


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.sampled_from([b"", FLAC[:60], wav_header(4000), b"OggS", b"ID3"]))
def test_damaged_files_fail_as_inputs_do(data, start):
    with suppress(InputError):
        assert len(read_audio(start + data, RATE))


def test_a_wav_cut_short_gives_what_there_is():
    data = as_file(tone())
    assert len(read_audio(data[: len(data) // 2], RATE)) == pytest.approx(4000, abs=50)


def test_large_files_are_refused(monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="MB"):
        read_audio(as_file(tone()), RATE)
    with pytest.raises(InputError, match="MB"):
        read_audio(base64.b64encode(as_file(tone())).decode(), RATE)


def test_a_limit_of_seconds():
    assert len(read_audio(tone(), RATE, limit=0.5)) == 8000
    with pytest.raises(InputError, match=r"longer than the 0\.4 s"):
        read_audio(tone(), RATE, limit=0.4)


# ---------------------------------------------------------------------- dicts


def test_dicts_stay_as_they_were_and_bring_extras():
    given_ = {"raw": tone(), "sampling_rate": RATE, "stride": (100, 200), "partial": True}
    kept = dict(given_)
    for _ in range(2):
        with open_audio(given_, RATE) as sound:
            assert sound.stride == (100, 200)
            assert sound.extras == {"partial": True}
    assert given_ == kept


def test_dicts_are_resampled_with_their_strides():
    with open_audio({"array": tone(8000), "sampling_rate": 8000, "stride": (100, 201)}, RATE) as sound:
        assert sound.stride == (200, 402)
        assert close(sound.all(), tone(), 0.01)


def test_the_array_given_is_not_changed():
    samples = tone()
    read_audio(samples, RATE)[:] = 0
    np.testing.assert_array_equal(samples, tone())


@pytest.mark.parametrize(("source", "target"), [(8000, 16000), (44100, 16000), (16000, 48000), (11025, 16000)])
def test_the_windowed_sinc_keeps_tones_and_rounds_lengths_up(source, target):
    samples = tone(source, 0.5)[:-1]
    found = sinc_resampled(samples, source, target)
    assert len(found) == -(-target * len(samples) // source)
    assert np.abs(found - tone(target, 0.5)[: len(found)])[200:-200].max() < 0.005


def test_the_windowed_sinc_in_blocks(monkeypatch):
    whole = sinc_resampled(NOISE, 44_100, RATE)
    monkeypatch.setattr("nbpipes.processing.audio.resampling.BLOCK", 7)
    np.testing.assert_allclose(sinc_resampled(NOISE, 44_100, RATE), whole, atol=1e-6)


# ---------------------------------------------------------------------- piece by piece


def test_a_sound_is_read_piece_by_piece():
    sound = Sound([tone()[:3], tone()[3:5000], tone()[5000:]], RATE)
    pieces = [sound.read(count) for count in (1, 0, 4000, 3000)]
    assert [len(piece) for piece in pieces] == [1, 0, 4000, 3000]
    rest = sound.all()
    np.testing.assert_array_equal(np.concatenate([*pieces, rest]), tone())
    assert len(sound.read(1)) == 0


@pytest.mark.parametrize("size", [1, 7, 10, 11, 14, 100])
def test_windows_reach_the_end_once(size):
    samples = np.arange(size, dtype=np.float32)
    windows = list(Sound([samples], RATE).windows(10, 4))
    assert [last for _, last in windows] == [False] * (len(windows) - 1) + [True]
    for number, (window, _) in enumerate(windows):
        np.testing.assert_array_equal(window, samples[number * 4 : number * 4 + 10])
    assert windows[-1][0][-1] == size - 1


def test_long_files_are_not_held(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.tile(tone(8000, 1), 300), 8000)
    monkeypatch.setattr(decoders, "FRAMES", 4000)
    with open_audio(path, RATE) as sound:
        assert sound.seconds == pytest.approx(300)
        held = []
        for window, _ in sound.windows(RATE, RATE // 2):
            held.append(sum(map(len, sound._held)))
            assert len(window) <= RATE
    assert max(held) < 4 * RATE
    assert sum(1 for _ in held) == 599


def test_closing_frees_the_file(path):
    sound = open_audio(path, RATE)
    sound.read(10)
    sound.close()
    assert len(sound.read(5000)) < 8000
    sound.close()


# ---------------------------------------------------------------------- the other decoders


class FakeFrame:
    time = 0.1

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def to_ndarray(self) -> np.ndarray:
        return self.values


def test_pyav_reads_what_soundfile_cannot(monkeypatch):
    stream = SimpleNamespace(codec_context=SimpleNamespace(sample_rate=RATE))
    container = SimpleNamespace(
        streams=SimpleNamespace(audio=[stream]),
        duration=500_000,
        decode=lambda audio: iter([FakeFrame(np.stack([tone(), tone()]))]),
        close=lambda: None,
    )
    av = SimpleNamespace(
        FFmpegError=OSError,
        time_base=1_000_000,
        open=lambda source, options: container,
        AudioResampler=lambda format: SimpleNamespace(resample=lambda frame: [frame]),
    )
    monkeypatch.setitem(sys.modules, "av", av)
    with open_audio(b"not for soundfile", RATE) as sound:
        assert sound.seconds == 0.5
        np.testing.assert_array_equal(sound.all(), tone())


def fake_ffmpeg(folder: Path, body: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\n{body}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_ffmpeg_reads_what_the_others_cannot(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake_ffmpeg(
        tmp_path,
        "import sys\nfile = sys.argv[sys.argv.index('-i') + 1].removeprefix('file:')\n"
        "assert open(file, 'rb').read() == b'odd sound'\n"
        "sys.stdout.buffer.write(bytes.fromhex('0000003f') * 100000)\n",
    )
    np.testing.assert_array_equal(read_audio(b"odd sound", RATE), np.full(100_000, 0.5, np.float32))


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_ffmpeg_says_what_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    fake_ffmpeg(tmp_path, "import sys\nsys.exit('first line\\nInvalid data found')\n")
    with pytest.raises(InputError, match="ffmpeg: Invalid data found"):
        read_audio(b"odd sound", RATE)


def test_without_other_decoders_the_way_to_them_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"pip install .*\[video\].*no program of that name"):
        read_audio(b"odd sound", RATE)


# ---------------------------------------------------------------------- downloads


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/tone.wav"
        body = as_file(tone()) if found else b"gone"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_sounds_are_downloaded(site, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    np.testing.assert_array_equal(read_audio(f"{site}/tone.wav", RATE), tone())
    with pytest.raises(InputError, match="404"):
        read_audio(f"{site}/other.wav", RATE)
