"""Small copies of the images that results are about, as bytes that HTML can hold.

What a result shows is its source as the user gave it: files are opened again when the result is drawn. Only what was
downloaded is kept, small, because drawing a result must not go to the network.
"""

import base64
import binascii
import os
import warnings
from collections import OrderedDict
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image, ImageOps

KEYS = ("image", "images", "inputs")
"""Under which an item that is a dict has its image."""
KEPT = 256
"""Downloaded images of which a small copy is kept."""
KEPT_SIDE = 512
MAX_PIXELS = 128_000_000
DRAWING = 4096
"""Colours of a drawing; photographs have more, and are too large without a loss."""
QUALITIES = (85, 70, 50)
"""Of JPEG, tried in this order until the data is small enough."""

_kept: OrderedDict[str, tuple[bytes, tuple[int, int]]] = OrderedDict()
"""By address: a small copy, and width and height of the whole."""
_lock = Lock()


def remember(url: str, image: Image.Image) -> None:
    """Keeps a small copy of a downloaded image for drawing results; the oldest one is forgotten for it."""
    data = encoded(image, KEPT_SIDE, 40_000)
    with _lock:
        _kept.pop(url, None)
        _kept[url] = data, image.size
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def picture_of(source: Any, side: int | None = None) -> Image.Image | None:
    """The image behind an item of a call, RGB; None where it cannot be had any more. Never goes to the network.

    side: pixels that its longer side needs at least, where a small copy does: some files are read faster then.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about large images and odd metadata
            image = _opened(source)
            if image is None or image.width * image.height > MAX_PIXELS:
                return None
            if side is not None and isinstance(source, str | os.PathLike | bytes):  # no image of the user's is changed
                image.draft("RGB", (side, side))
            return ImageOps.exif_transpose(image).convert("RGB")
    except Exception:  # whatever is wrong with a source by now, its result can still be read
        return None


def whole_size(source: Any, image: Image.Image) -> tuple[int, int]:
    """Width and height of the image behind an item, of which `image`, from `picture_of`, may be a small copy."""
    if isinstance(source, dict):
        source = next((source[key] for key in KEYS if key in source), None)
    return _kept[source][1] if isinstance(source, str) and source in _kept else image.size


def _opened(source: Any) -> Image.Image | None:
    if isinstance(source, dict):
        source = next((source[key] for key in KEYS if key in source), None)
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        kept = _kept.get(source)
        return None if kept is None else Image.open(BytesIO(kept[0]))
    if isinstance(source, str) and (
        len(source) >= 4096 or source.startswith("data:") or not os.path.isfile(_home(source))
    ):
        source = _bytes_of(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return Image.open(BytesIO(bytes(source)))
    if isinstance(source, str | os.PathLike):
        return Image.open(_home(os.fspath(source)))
    if hasattr(source, "read") and hasattr(source, "seek"):
        return Image.open(source)
    return None if source is None else _of_array(source)


def _home(path: str) -> str:
    return os.path.expanduser(path)


def _bytes_of(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _of_array(source: Any) -> Image.Image | None:
    """An array, or a tensor of any library that makes arrays of itself."""
    array = np.asarray(source.detach().cpu() if hasattr(source, "detach") else source)
    if array.ndim not in (2, 3):
        return None
    if array.ndim == 3 and array.shape[-1] not in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if array.dtype != np.uint8:
        array = (array * (255 if array.max() <= 1 else 1)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def encoded(image: Image.Image, side: int, limit: int) -> bytes:
    """The image as JPEG with sides of at most `side` pixels, in at most `limit` bytes where that is possible."""
    data = b""
    while side >= 16:
        small = image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.BICUBIC)
        for quality in QUALITIES:
            file = BytesIO()
            small.save(file, "JPEG", quality=quality, optimize=True)
            data = file.getvalue()
            if len(data) <= limit:
                return data
        side = side * 2 // 3
    return data


def compact(image: Image.Image, limit: int) -> tuple[bytes, str]:
    """The image in at most `limit` bytes where that is possible: "png" of its full size if it fits, else "jpeg"."""
    if image.getcolors(DRAWING):
        file = BytesIO()
        image.save(file, "PNG")
        if file.tell() <= limit:
            return file.getvalue(), "png"
    return encoded(image, max(image.size), limit), "jpeg"
