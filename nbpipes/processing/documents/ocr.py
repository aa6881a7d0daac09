"""Words on an image and where they stand, recognised by tesseract."""

from PIL import Image

from nbpipes.errors import InputError, need
from nbpipes.processing.documents.boxes import Box, scaled

INSTALL = (
    "Install it (Debian, Ubuntu: apt-get install tesseract-ocr; macOS: brew install tesseract), or give word_boxes="
)


def recognise(image: Image.Image, lang: str | None = None, config: str = "") -> tuple[list[str], list[Box]]:
    """The words of an image and their boxes, in the order in which tesseract reads.

    lang: a language of tesseract, "eng" unless given; several as "eng+fra". config: more flags for tesseract.
    """
    tesseract = need("pytesseract", "ocr")
    try:
        found = tesseract.image_to_data(image, lang=lang, output_type="dict", config=config)
    except tesseract.TesseractNotFoundError as error:
        raise InputError(f"recognising words needs the program tesseract. {INSTALL}") from error
    except tesseract.TesseractError as error:
        raise InputError(f"tesseract could not read the image: {error.message}") from error
    sides = zip(found["text"], found["left"], found["top"], found["width"], found["height"], strict=True)
    read = [(word, (x, y, x + wide, y + high)) for word, x, y, wide, high in sides if word.strip()]
    return [word for word, _ in read], [scaled(box, image.width, image.height) for _, box in read]
