"""What the reader drops into a playground reaches the pipeline, and its result is a live view below."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]


def test_a_file_is_dropped_into_the_playground(shown: Show) -> None:
    book, view = shown("nbpipes.playground(samples.Detector())")
    file = BytesIO()
    Image.effect_noise((2000, 1500), 90).save(file, "PNG")
    assert file.tell() > 2_000_000  # it takes several messages
    files = [{"name": "noise.png", "mimeType": "image/png", "buffer": file.getvalue()}]
    view.get_by_label("image: a file").set_input_files(files)
    view.get_by_role("button", name="Run").click()
    view.locator(".nbp-played canvas").first.wait_for()
    book.until("len(view.result.source)", file.tell())
    view.locator(".nbp-played .nbp-option").click()
    book.until("[part['label'] for part in view.selected]", ["all"])


def test_a_table_is_dropped_into_the_playground(shown: Show) -> None:
    table = "inputs={'table': samples.stars, 'question': 'what is the highest stars?'}"
    book, view = shown(f"nbpipes.playground('table-qa', 'demo', {table})")
    files = [{"name": "a <b>.csv", "mimeType": "text/csv", "buffer": b"Name,Stars\nRust,5\nGo,7\n"}]
    view.get_by_label("table: a file").set_input_files(files)
    view.get_by_role("button", name="Run").click()
    expect(view.locator(".nbp-played tbody tr")).to_have_count(2)
    book.until("view.result.source['table']", {"Name": ["Rust", "Go"], "Stars": ["5", "7"]})
    view.get_by_label("table: rows of CSV").fill("|Name|Stars|\n|--|--|\n|Zig|3|")
    view.get_by_role("button", name="Run").click()
    expect(view.locator(".nbp-played tbody tr")).to_have_count(1)


def test_a_sound_is_dropped_into_the_playground(shown: Show) -> None:
    book, view = shown("nbpipes.playground(samples.Listener())")
    file = BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, 1_100_000), 16_000, format="WAV")
    assert file.tell() > 2_000_000  # it takes several messages
    files = [{"name": "noise.wav", "mimeType": "audio/wav", "buffer": file.getvalue()}]
    view.get_by_label("audio: a file").set_input_files(files)
    expect(view.locator(".nbp-preview audio")).to_be_visible()
    view.get_by_role("button", name="Run").click()
    expect(view.locator(".nbp-played")).to_contain_text(f"{file.tell():,} bytes")
    book.until("len(view.result.source)", file.tell())
