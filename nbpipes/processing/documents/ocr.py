"""Words on an image and where they stand, recognised by tesseract."""

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import Any

from PIL import Image

from nbpipes.errors import InputError, need
from nbpipes.processing.documents.boxes import Box, scaled

INSTALL = (
    "Install it (Debian, Ubuntu: apt-get install tesseract-ocr; macOS: brew install tesseract), or give word_boxes="
)
KEPT = 32
"""Images whose words are remembered: they are asked about more than once, and recognising takes seconds."""
Words = tuple[list[str], list[Box]]
_known: OrderedDict[tuple[object, ...], Words] = OrderedDict()
_lock = Lock()


def recognise(image: Image.Image, lang: str | None = None, config: str = "") -> Words:
    """The words of an image and their boxes, in the order in which tesseract reads.

    lang: a language of tesseract, "eng" unless given; several as "eng+fra". config: more flags for tesseract.
    """
    tesseract = need("pytesseract", "ocr")
    program = tesseract.pytesseract.tesseract_cmd
    key = (blake2b(image.tobytes()).digest(), image.size, image.mode, lang, config, program)
    with _lock:
        found = _known.pop(key, None)
    if found is None:
        found = _read(tesseract, image, lang, config)
    with _lock:
        _known[key] = found  # the one that was used last stands last
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return list(found[0]), [list(box) for box in found[1]]


def _read(tesseract: Any, image: Image.Image, lang: str | None, config: str) -> Words:
    try:
        found = tesseract.image_to_data(image, lang=lang, output_type="dict", config=config)
    except tesseract.TesseractNotFoundError as error:
        raise InputError(f"recognising words needs the program tesseract. {INSTALL}") from error
    except tesseract.TesseractError as error:
        raise InputError(f"tesseract could not read the image: {error.message}") from error
    sides = zip(found["text"], found["left"], found["top"], found["width"], found["height"], strict=True)
    read = [(word, (x, y, x + wide, y + high)) for word, x, y, wide, high in sides if word.strip()]
    return [word for word, _ in read], [scaled(box, image.width, image.height) for _, box in read]
