"""Bad sounds between good ones: each costs itself only and says why; sounds of all kinds are right."""

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nbpipes import pipeline
from nbpipes.results.failures import Failure

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import RATE, sound  # noqa: E402

WRITE, LABEL = "automatic-speech-recognition", "audio-classification"
PIPES = {
    "letters": (WRITE, "wav2vec2/ctc", {"chunk_length_s": 0.5, "stride_length_s": 0.1}),
    "texts": (WRITE, "whisper/speech", {"num_beams": 1, "max_new_tokens": 4}),
    "texts of windows": (WRITE, "whisper/speech", {"num_beams": 1, "max_new_tokens": 4, "chunk_length_s": 2}),
    "classes": (LABEL, "wav2vec2/audio", {"top_k": 1}),
    "classes over time": (LABEL, "hubert/audio", {"top_k": 1, "chunk_length_s": 0.5}),
}
SPEECH = sound("long")


@pytest.fixture(scope="module", params=PIPES)
def pipe(request):
    task, model, options = PIPES[request.param]
    return pipeline(task, model=GOLDEN / model, device="cpu", **options)


def without_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0, np.float32), RATE, format="WAV")


def cut_short(path: Path) -> None:
    soundfile.write(path, np.tile(SPEECH, 4), RATE, format="FLAC")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def text(path: Path) -> None:
    path.write_text("This is no sound.\n" * 50)


def not_a_number(path: Path) -> None:
    samples = np.tile(SPEECH, 4)
    samples[-9] = np.nan
    soundfile.write(path, samples, RATE, format="WAV", subtype="FLOAT")


def twelve_hours_of_nothing(path: Path) -> None:
    size = 12 * 3600 * RATE * 2
    kind = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    path.write_bytes(b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + kind + b"data" + struct.pack("<I", size))


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty.wav": (without_samples, "has no samples"),
    "cut.flac": (cut_short, "is damaged at"),
    "text.wav": (text, "cannot be read as sound"),
    "nan.wav": (not_a_number, "no finite numbers"),
    "nothing.wav": (twelve_hours_of_nothing, "has no samples"),
}


def test_bad_sounds_cost_themselves_only(pipe, tmp_path):
    items: list[object] = [SPEECH]
    for name, (write, _) in BAD.items():
        write(tmp_path / name)
        items += [tmp_path / name, SPEECH[: RATE * 2]]
    [whole], [part] = pipe([items[0]]), pipe([items[2]])
    for batch_size in (None, 1, 4):
        found = pipe(items, on_error="record", batch_size=batch_size)
        assert [isinstance(one, Failure) for one in found] == [False, *[True, False] * len(BAD)]
        for failure, (name, (_, why)) in zip(found[1::2], BAD.items(), strict=True):
            assert name in failure.text
            assert why in failure.text
        for one, wanted in zip(found[::2], [whole, *[part] * len(BAD)], strict=True):
            assert plain(one) == plain(wanted)


def plain(result):
    """Texts, labels and times; scores in other batches differ in their last digits."""
    if isinstance(result, dict):
        return {name: value for name, value in result.items() if name != "score"}
    return [plain(one) for one in result]


KINDS = {
    "8 bits": (1, "WAV", "PCM_U8", RATE),
    "24 bits": (1, "WAV", "PCM_24", RATE),
    "floats": (1, "WAV", "FLOAT", RATE),
    "stereo": (2, "WAV", "PCM_16", RATE),
    "5.1": (6, "WAVEX", "PCM_16", RATE),
    "8 kHz": (1, "WAV", "PCM_16", 8_000),
    "96 kHz": (1, "FLAC", "PCM_24", 96_000),
}


@pytest.mark.parametrize("kind", KINDS)
def test_sounds_of_all_kinds_are_understood(kind, tmp_path):
    channels, container, subtype, rate = KINDS[kind]
    path = tmp_path / "sound.bin"
    samples = sound("speech", rate)
    soundfile.write(path, np.repeat(samples[:, None], channels, 1), rate, format=container, subtype=subtype)
    pipe = pipeline(LABEL, model=GOLDEN / "wav2vec2/audio", device="cpu")
    scores = {one["label"]: one["score"] for one in pipe(path)}
    wanted = {one["label"]: one["score"] for one in pipe({"raw": samples, "sampling_rate": rate})}
    assert scores == pytest.approx(wanted, abs=0.02)
