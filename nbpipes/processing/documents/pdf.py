"""Pages of PDF files: how they look, and the text that they hold."""

from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

from PIL import Image

from nbpipes.errors import InputError, need
from nbpipes.processing.documents.boxes import Box, scaled

DPI = 200
"""Of a page as an image: enough for recognising words."""
MAX_SIDE = 8000
"""Pixels of a page at most, whatever size it claims to have."""
MAX_CHARACTERS = 1_000_000
_alone = Lock()
"""PDFium is not made for several threads."""


def is_pdf(head: bytes) -> bool:
    """Whether a file that begins so is a PDF: some programs write a little before the mark."""
    return b"%PDF-" in head


def read_pdf(data: bytes | Path, number: int, *, text: bool) -> tuple[Image.Image, list[str], list[Box]]:
    """A page as an image, and its words with their boxes in thousandths of the page; none where it holds no text.

    data: the file or its bytes. number: of the page, from 1 on. text: whether words are wanted.
    """
    pdfium = need("pypdfium2", "pdf")
    with _alone:
        return _read(pdfium, data, number, text)


def _read(pdfium: Any, data: bytes | Path, number: int, text: bool) -> tuple[Image.Image, list[str], list[Box]]:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise InputError(f"this PDF cannot be read: {error}") from error
    try:
        if not 1 <= number <= len(document):
            raise InputError(f"the PDF has {len(document)} pages, and no page {number}")
        page = document[number - 1]
        longest = max(page.get_size())
        image = page.render(scale=min(DPI / 72, MAX_SIDE / max(longest, 1))).to_pil().convert("RGB")
        words, boxes = _words(page) if text else ([], [])
        return image, words, boxes
    except pdfium.PdfiumError as error:
        raise InputError(f"page {number} of this PDF cannot be read: {error}") from error
    finally:
        document.close()


def _words(page: Any) -> tuple[list[str], list[Box]]:
    """The words of a page in its own order. PDF counts upwards from the lower edge."""
    layer = page.get_textpage()
    width, height = page.get_size()
    count = min(layer.count_chars(), MAX_CHARACTERS)
    characters = layer.get_text_range(0, count) if count > 0 else ""
    words: list[str] = []
    boxes: list[Box] = []
    for blank, places in groupby(range(len(characters)), lambda i: characters[i].isspace()):
        if blank:
            continue
        own = list(places)
        sides = [layer.get_charbox(i) for i in own]
        left, bottom = min(side[0] for side in sides), min(side[1] for side in sides)
        right, top = max(side[2] for side in sides), max(side[3] for side in sides)
        words.append("".join(characters[i] for i in own))
        boxes.append(scaled((left, height - top, right, height - bottom), width, height))
    return words, boxes
