"""Pictures on their way to the browser: bytes of a bounded size, and maps of a number for each pixel."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbpipes.display.pictures import name_of
from nbpipes.results.pictures import compact, encoded, picture_of, whole_size
from nbpipes.widgets.view import text

SIDE, BYTES = 1600, 800_000
"""Pixels of the longer side of a picture, and its size, at most."""
THUMB, THUMB_BYTES = 112, 6_000
"""The same of a small copy in a list."""


def picture(source: Any, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """The image behind an item as a spec has it; without data where it cannot be had any more.

    size: width and height of the whole then.
    """
    image = picture_of(source)
    shown: dict[str, Any] = {"data": None, "type": "", "name": text(name_of(source), 200)}
    width, height = whole_size(source, image) if image is not None else size or (640, 480)
    if image is not None:
        image.thumbnail((SIDE, SIDE))
        shown["data"], kind = compact(image, BYTES)
        shown["type"] = f"image/{kind}"
    return shown | {"width": width, "height": height}


def thumbnail(source: Any) -> dict[str, Any] | None:
    """A small copy of the image behind an item; None where it cannot be had any more."""
    image = picture_of(source, THUMB)
    return None if image is None else {"data": encoded(image, THUMB, THUMB_BYTES), "type": "image/jpeg"}


def packed(values: NDArray[Any]) -> bytes:
    """Numbers of the pixels of a map, row by row, the lower byte first."""
    return zlib.compress(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes(), 6)


def small(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a map of a picture, with sides of at most `side` pixels."""
    scale = min(side / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
