"""Pictures that are odd, damaged or out of reach, among good ones: each costs itself at most."""

import base64
import re
import struct
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from nbpipes import pipeline
from nbpipes.engine.pipeline import Pipeline
from nbpipes.results.failures import Failure


@pytest.fixture(scope="module")
def find() -> Pipeline:
    return pipeline("object-detection", model="demo", device="cpu")


def drawn() -> Image.Image:
    """Two shapes that are far apart in brightness, so that they stay what they are in grey and in few colours."""
    image = Image.new("RGB", (320, 240), (235, 235, 235))
    pen = ImageDraw.Draw(image)
    pen.ellipse((40, 60, 130, 150), (150, 20, 20))
    pen.rectangle((190, 90, 280, 180), (20, 40, 120))
    return image


def said(found: list[dict[str, Any]]) -> list[tuple[str, dict[str, int]]]:
    """What is where; scores depend in their last digits on who shares a batch."""
    return [(one["label"], one["box"]) for one in found]


def stored(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def animated() -> bytes:
    return stored(drawn(), "GIF", save_all=True, append_images=[Image.new("RGB", (320, 240), "red")] * 3)


def see_through() -> bytes:
    """A palette of which one colour, that of the ground, is transparent."""
    image = drawn().quantize(8)
    return stored(image, "PNG", transparency=image.getpixel((0, 0)))


def deep() -> bytes:
    """Grey values of 16 bits."""
    return stored(drawn().convert("L").convert("I").point(lambda value: value * 257).convert("I;16"), "PNG")


def promise(width: int, height: int) -> bytes:
    """A PNG that has a header, and not the pixels it promises."""

    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", zlib.compress(b"\0" * 1000)) + part(b"IEND", b"")


@pytest.fixture(scope="module")
def site():
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/hangs":
                time.sleep(3)
            good = self.path == "/drawn.png"
            self.send_response(200 if good else 302)
            self.send_header("Location", f"file://{Path(__file__)}")
            self.end_headers()
            self.wfile.write(stored(drawn(), "PNG") if good else b"")

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_way_to_give_a_picture(
    find: Pipeline, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    image, path = drawn(), tmp_path / "drawn.png"
    image.save(path)
    values, content = np.asarray(image), path.read_bytes()
    tensor = torch.from_numpy(values.copy()).permute(2, 0, 1)
    coded = base64.b64encode(content).decode()
    forms = [
        str(path),
        path,
        image,
        values,
        tensor,
        content,
        coded,
        f"data:image/png;base64,{coded}",
        f"{site}/drawn.png",
    ]
    wanted = find(image)
    assert sorted(one["label"] for one in wanted) == ["circle", "square"]
    for form in (*forms, f"{site}/drawn.png"):
        assert find(form) == wanted
    for name in ("inputs", "images", "image"):
        assert find(**{name: path}) == wanted


@pytest.mark.parametrize("form", [animated, see_through, deep, lambda: stored(drawn().convert("CMYK"), "JPEG")])
def test_odd_forms_show_the_same_shapes(find: Pipeline, form) -> None:
    found = find(form())
    assert sorted(one["label"] for one in found) == ["circle", "square"]
    for one, wanted in zip(sorted(found, key=lambda one: one["label"]), (40, 190), strict=True):
        assert one["box"]["xmin"] == pytest.approx(wanted, abs=12)


def test_what_cannot_be_read_costs_only_itself(find: Pipeline, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    bad = {
        stored(drawn(), "JPEG")[:1500]: "truncated|damaged|cannot be read",
        promise(50_000, 50_000): "too large",
        f"{site}/hangs": r"more than 0\.5 s",
        f"{site}/inside": "not http or https|not allowed",
        "no-such-file.png": "no file that is here",
    }
    alone = find(drawn())
    items = [drawn()]
    for one in bad:
        items += [one, drawn()]
    found = find([*items, Image.new("RGB", (1, 1), "white")], on_error="record", timeout=0.5, batch_size=4)
    for one in found[:-1:2]:
        assert said(one) == said(alone)
    assert isinstance(found[-1], list)
    for failure, why in zip(found[1:-1:2], bad.values(), strict=True):
        assert isinstance(failure, Failure)
        assert re.search(why, failure.text), failure
