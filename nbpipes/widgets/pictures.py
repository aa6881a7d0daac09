"""Pictures on their way to the browser: bytes of a bounded size, and maps of a number for each pixel."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbpipes.display.pictures import name_of
from nbpipes.results.pictures import compact, encoded, picture_of
from nbpipes.widgets.view import text

SIDE, BYTES = 1600, 800_000
"""Pixels of the longer side of a picture, and its size, at most."""
COLOURS = 256
"""Of a drawing, which is sent without a loss; photographs have more."""


def picture(source: Any, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """The image behind an item as a spec has it; without data where it cannot be had any more.

    size: width and height of the whole then.
    """
    image = picture_of(source)
    data, kind = _data(image) if image is not None else (None, "")
    width, height = image.size if image is not None else size or (640, 480)
    return {"data": data, "type": kind, "width": width, "height": height, "name": text(name_of(source), 200)}


def packed(values: NDArray[Any]) -> bytes:
    """Numbers of the pixels of a map, row by row, the lower byte first."""
    return zlib.compress(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes(), 6)


def small(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a map of a picture, with sides of at most `side` pixels."""
    scale = min(side / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _data(image: Image.Image) -> tuple[bytes, str]:
    if max(image.size) <= SIDE and image.getcolors(COLOURS):
        data, kind = compact(image, BYTES)
        return data, f"image/{kind}"
    return encoded(image, SIDE, BYTES), "image/jpeg"
