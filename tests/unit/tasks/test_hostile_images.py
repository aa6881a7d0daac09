"""Every task on images survives the strangest of them: each gets an answer or an error of its own, others unharmed."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbpipes import pipeline
from nbpipes.results.failures import Failure

GOLDEN = Path(__file__).parents[2] / "golden"
TASKS = {
    "image-classification": "vit/image",
    "object-detection": "yolos/detection",
    "image-segmentation": "segformer/label_maps",
    "depth-estimation": "dpt/depth",
    "image-feature-extraction": "vit/base",
    "zero-shot-image-classification": "clip/pairs",
}


def saved(image: Image.Image, kind: str, **how) -> bytes:
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def huge() -> bytes:
    """The head of a PNG of 50,000 × 50,000 pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


PLAIN = Image.effect_mandelbrot((60, 40), (-2, -1, 1, 1), 50).convert("RGB")
ODD = {
    "animated": saved(PLAIN, "GIF", save_all=True, append_images=[PLAIN.rotate(90)]),
    "cmyk": saved(PLAIN.convert("CMYK"), "JPEG"),
    "16 bits": saved(Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27), "PNG"),
    "palette": saved(PLAIN.convert("P"), "PNG", transparency=0),
    "one pixel": saved(PLAIN.crop((0, 0, 1, 1)), "PNG"),
}
BAD = {"truncated": saved(PLAIN, "JPEG")[:-200], "huge": huge(), "no image": b"text", "local": "file:///etc/passwd"}


@pytest.mark.parametrize("task", TASKS)
def test_odd_images_are_read_and_bad_ones_cost_themselves_only(task):
    pipe = pipeline(task, model=GOLDEN / TASKS[task], device="cpu", batch_size=4)
    call = {"candidate_labels": ["cat", "dog"]} if task.startswith("zero") else {}
    found = pipe([PLAIN, *BAD.values(), *ODD.values(), PLAIN], on_error="record", **call)
    bad, odd = found[1 : 1 + len(BAD)], found[1 + len(BAD) : -1]
    assert all(isinstance(one, Failure) for one in bad)
    assert not any(isinstance(one, Failure) for one in (found[0], *odd, found[-1]))
    assert len(found) == len(BAD) + len(ODD) + 2
