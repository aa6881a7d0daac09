"""The page behind an item: its image, and its words where it brings them itself."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from nbpipes.errors import InputError
from nbpipes.processing.documents.boxes import SCALE, Box
from nbpipes.processing.documents.pdf import is_pdf, read_pdf
from nbpipes.processing.download import MAX_BYTES, download, is_url
from nbpipes.processing.files import is_file, read_file
from nbpipes.processing.media import read_image


@dataclass(frozen=True, slots=True)
class Page:
    """image: None where only words are given. words, boxes: None where they have to be recognised.
    boxes: [left, upper, right, lower] of each word, from 0 to 1000. rendered: whether it comes from a PDF."""

    image: Image.Image | None
    words: list[str] | None = None
    boxes: list[Box] | None = None
    rendered: bool = False


def read_page(source: Any, word_boxes: Any = None, *, page: int = 1, timeout: float | None = None) -> Page:
    """The page that `source` stands for.

    source: an image, as `read_image` takes it; a PDF (path, URL, bytes or open file), of which `page`, from 1 on, is
    read, and whose own text is used where it has one; None where word_boxes are given.
    word_boxes: pairs of a word and its box. InputError for what cannot be read.
    """
    given = None if word_boxes is None else _checked(word_boxes)
    if source is None:
        if given is None:
            raise InputError("give an image, or word_boxes=[(word, [left, upper, right, lower]), …]")
        return Page(None, *given)
    if is_file(source):
        source = read_file(source, MAX_BYTES)
    data = _pdf(source, timeout)
    if data is None:
        return Page(read_image(source, timeout), *(given or (None, None)))
    image, words, boxes = read_pdf(data, page, text=given is None)
    if given is not None:
        words, boxes = given
    return Page(image, words or None, boxes or None, rendered=True)


def _pdf(source: Any, timeout: float | None) -> bytes | Path | None:
    """What holds a PDF, None where the source is no PDF."""
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        return data if is_pdf(data[:1024]) else None
    if not isinstance(source, str | os.PathLike):
        return None
    name = os.fspath(source)
    if not isinstance(name, str) or not name.lower().split("?")[0].endswith(".pdf"):
        return None
    if is_url(name):
        return download(name, timeout, accept="application/pdf")
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"there is no file {name!r}")
    return path


def _checked(word_boxes: Any) -> tuple[list[str], list[Box]]:
    """Words and boxes; InputError unless these are pairs of a text and four numbers."""
    try:
        pairs = [(word, [int(side) for side in box]) for word, box in word_boxes]
    except (TypeError, ValueError) as error:
        raise InputError("word_boxes are pairs of a word and its box [left, upper, right, lower]") from error
    for word, box in pairs:
        if not isinstance(word, str) or len(box) != 4 or not _inside(box):
            raise InputError(
                f"the box of {word!r:.40} is {box}: boxes are [left, upper, right, lower] with left <= right and "
                f"upper <= lower, in thousandths of the page, 0 to {SCALE}"
            )
    return [word for word, _ in pairs], [box for _, box in pairs]


def _inside(box: Sequence[int]) -> bool:
    left, top, right, bottom = box
    return 0 <= left <= right <= SCALE and 0 <= top <= bottom <= SCALE
