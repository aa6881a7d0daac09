"""What is kept of sounds so that their results can be played."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nbpipes.processing import files
from nbpipes.results.sounds import opened
from nbpipes.tasks import sounds


@pytest.fixture
def file() -> bytes:
    data = BytesIO()
    soundfile.write(data, np.linspace(-0.5, 0.5, 32_000), 16_000, format="WAV")
    return data.getvalue()


def test_a_download_is_kept(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "download", lambda *args, **options: file)
    url = "https://a.example/kept.wav"
    for item in (url, {"path": url}):
        with sounds.listened(item, 8_000, None) as sound:
            assert sound.downloaded == file
        with opened(item) as found:
            assert found.seconds == 2


def test_nothing_else_is_kept(file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(file)
    for item in (file, str(path)):
        with sounds.listened(item, 8_000, None) as sound:
            assert sound.downloaded is None


@pytest.mark.parametrize("kind", [bytes, Path])
def test_what_another_decoder_reads_can_be_played(kind: Any, file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(file)
    samples, rate = sounds._decoded(file if kind is bytes else path)
    assert (rate, len(samples), samples.dtype) == (16_000, 32_000, np.int16)
    assert np.abs(samples / 32_767 - np.linspace(-0.5, 0.5, 32_000)).max() < 1e-4
