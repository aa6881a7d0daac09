"""Every task on images survives the strangest of them: each gets an answer or an error of its own, others unharmed."""

import re
import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.results.failures import Failure

GOLDEN = Path(__file__).parents[2] / "golden"
TASKS = {
    "image-classification": "vit/image",
    "object-detection": "yolos/detection",
    "image-segmentation": "segformer/label_maps",
    "depth-estimation": "dpt/depth",
    "image-feature-extraction": "vit/base",
    "zero-shot-image-classification": "clip/pairs",
    "document-question-answering": "vision-encoder-decoder/vision2seq",
}


def saved(image: Image.Image, kind: str, **how) -> bytes:
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge() -> bytes:
    """The beginning of a PNG of 50,000 × 50,000 pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT")


PLAIN = Image.effect_mandelbrot((60, 40), (-2, -1, 1, 1), 50).convert("RGB")
ODD = {
    "animated": saved(PLAIN, "GIF", save_all=True, append_images=[PLAIN.rotate(90)]),
    "cmyk": saved(PLAIN.convert("CMYK"), "JPEG"),
    "16 bits": saved(Image.fromarray(np.arange(2400, dtype=np.uint16).reshape(40, 60) * 27), "PNG"),
    "palette": saved(PLAIN.convert("P"), "PNG", transparency=0),
    "one pixel": saved(PLAIN.crop((0, 0, 1, 1)), "PNG"),
}
BAD = {
    "truncated": (saved(PLAIN, "JPEG")[:-200], "truncated"),
    "huge": (huge(), r"too large \(2,500,000,000 pixels\)"),
    "no image": (b"text", "cannot be read as an image"),
    "local": ("file:///etc/passwd", "http and https only"),
    "empty": (b"", "no data"),
    "five channels": (np.zeros((6, 6, 5)), "1, 3 or 4 channels"),
    "a number": (5, "must be a path"),
}
"""Items that are no images, and what is said of them."""
PAGES = {
    "inside": "file:///etc/passwd",
    "ftp": "not http or https",
    "nothing": "status 404",
    "page": "cannot be read as an image",
}
"""The same of addresses, on the server of the tests."""
SLOW = {"hangs": "more than 0.3 s", "drips-headers": "more than 0.3 s"}
"""And of those where it keeps one waiting."""


def built(task: str, **options: Any) -> Any:
    if task.startswith("zero"):
        options["candidate_labels"] = ["cat", "dog"]
    if task.startswith("document"):
        options |= {"max_new_tokens": 4, "tokenizer": (GOLDEN / TASKS[task]).with_name("tokenizer")}
    return pipeline(task, model=GOLDEN / TASKS[task], device="cpu", batch_size=4, **options)


def items(task: str, images: Iterable[Any]) -> list[Any]:
    return [{"image": one, "question": "What is it?"} if task.startswith("document") else one for one in images]


def told(found: list[Any], why: Iterable[str]) -> None:
    """Every answer is a failure that says why."""
    for one, reason in zip(found, why, strict=True):
        assert isinstance(one, Failure)
        assert one["type"] == "InputError"
        assert re.search(reason, one["message"]), one["message"]


@pytest.mark.parametrize("task", TASKS)
def test_odd_images_are_read_and_bad_ones_cost_themselves_only(task, same):
    pipe = built(task)
    bad, why = zip(*BAD.values(), strict=True)
    found = pipe(items(task, [PLAIN, *bad, *ODD.values(), PLAIN]), on_error="record")
    told(found[1 : 1 + len(bad)], why)
    assert not any(isinstance(one, Failure) for one in found[1 + len(bad) :])
    alone = pipe(*items(task, [PLAIN]))
    same(found[0], alone)
    same(found[-1], alone)


@pytest.mark.parametrize(("pages", "timeout"), [(PAGES, None), (SLOW, 0.3)], ids=["answered", "slow"])
@pytest.mark.parametrize("task", TASKS)
def test_addresses_that_lead_nowhere_cost_themselves_only(task, pages, timeout, site, same):
    pipe = built(task, timeout=timeout)
    given = items(task, [one for page in pages for one in (f"{site}/{page}", PLAIN)])
    found = list(pipe.stream(iter(given), on_error="record"))
    told(found[::2], pages.values())
    same(found[1::2], [pipe(given[1])] * len(pages))
    with pytest.raises(InputError, match=next(iter(pages.values()))):
        pipe(given[0])
