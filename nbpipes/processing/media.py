"""Reading images from whatever a user has: a path, URL, base64, bytes, an open file, a PIL image, array or tensor.

Everything is bounded: the time and the size of a download, the pixels of an image. What cannot be read is an
InputError that says why.
"""

import os
import re
import struct
import threading
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nbpipes.errors import InputError
from nbpipes.processing.datasets import of_row
from nbpipes.processing.download import MAX_BYTES, TIMEOUT
from nbpipes.processing.files import Kind, Source, alone, from_bytes, from_path, from_text, is_file, read_file

MAX_PIXELS = 128_000_000
"""Of an image: 384 MB once it is decoded."""
MAX_SIDE = 65_500
"""Pixels of one side; formats and resizing have limits near this one."""

WANTED = "a path, an http(s) URL, base64, bytes, an open file, a PIL image, an array or a tensor"
IMAGE = Kind("image", "an image", "image", WANTED)
# What Pillow and its codecs raise for files that are damaged in one way or another.
DAMAGED = (OSError, ValueError, SyntaxError, TypeError, EOFError, IndexError, KeyError, struct.error, MemoryError)


class Quiet:
    """Silences the warnings of Pillow, about large images and odd metadata.

    Python has one list of filters for all threads: those that came and went at different times would undo each other.
    So the first one that comes silences, and the last one that goes brings the filters back.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._kept = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._kept = warnings.catch_warnings()
                self._kept.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._kept.__exit__(None, None, None)


quiet = Quiet()


def is_image(value: Any) -> bool:
    """Whether `value` stands for one image: by its type alone, nothing is opened."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim in (2, 3)
    return isinstance(value, str | bytes | bytearray | memoryview | os.PathLike | Image.Image) or is_file(value)


def read_image(source: Any, timeout: float | None = None) -> Image.Image:
    """The image that `source` stands for: RGB, turned as its EXIF data say, the first frame of several.

    source: a path, an http(s) URL, base64 (also as a data: URL), the bytes of a file, a file that is open for reading
    bytes (it is read from its start), a PIL image; an array or tensor, (height, width, channels), (channels, height,
    width) or (height, width), of uint8 or of floats from 0 to 1.
    timeout: seconds for a download, None = TIMEOUT. InputError for what is none of these or damaged.
    """
    match source:
        case Image.Image():
            with alone(source):
                return _finished(source, "the image")
        case np.ndarray():
            return _from_array(source)
        case torch.Tensor():
            return _from_array(source.detach().cpu().float().numpy() if source.is_floating_point() else _whole(source))
        case bytes() | bytearray() | memoryview():
            return _opened(from_bytes(bytes(source), "the image in bytes", IMAGE, MAX_BYTES))
        case os.PathLike():
            return _opened(from_path(Path(source), IMAGE))
        case str():
            return _opened(from_text(source, IMAGE, TIMEOUT if timeout is None else float(timeout), MAX_BYTES))
    if is_file(source):
        return _opened(from_bytes(read_file(source, MAX_BYTES), "the open file", IMAGE, MAX_BYTES))
    raise InputError(f"an image must be {WANTED}, not {type(source).__name__}{of_row(source)}")


def _whole(tensor: torch.Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()


def _opened(source: Source) -> Image.Image:
    name, file = source.name, BytesIO(source.content) if isinstance(source.content, bytes) else source.content
    try:
        with quiet, Image.open(file) as image:
            return _finished(image, name)
    except InputError:
        raise
    except Image.DecompressionBombError as error:  # whose only number before the limit is that of the pixels
        count = re.search(r"\d+", str(error))
        raise _too_large(name, f"{int(count[0]):,} pixels" if count else "its size") from None
    except UnidentifiedImageError:
        raise InputError(f"{name} cannot be read as an image: it has none of the formats that are known") from None
    except DAMAGED as error:
        raise InputError(f"{name} cannot be read as an image: {str(error)[:200] or type(error).__name__}") from error


def _finished(image: Image.Image, name: str) -> Image.Image:
    """Checks the size before pixels are decoded, then turns and converts."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _too_large(name, f"{width:,} × {height:,} pixels")
    if not width or not height:
        raise InputError(f"{name} has no pixels ({width} × {height})")
    try:
        turned = ImageOps.exif_transpose(image)
        return turned.convert("RGB") if turned.mode not in WIDE else _narrowed(turned)
    except DAMAGED as error:
        raise InputError(f"{name} is damaged: {str(error)[:200] or type(error).__name__}") from error


def _too_large(name: str, size: str) -> InputError:
    return InputError(f"{name} is too large ({size}): an image may have {MAX_PIXELS:,} pixels, {MAX_SIDE:,} a side")


WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
"""Modes with more than eight bits for a pixel, which Pillow would clip at 255."""


def _narrowed(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits or more, on the scale of their type: a 16-bit picture keeps its brightness."""
    values = np.asarray(image, dtype=np.float64)
    top = float(np.nanmax(values, initial=0.0))
    scale = 1.0
    if image.mode == "F" and top <= 1:
        scale = 255.0
    elif image.mode.startswith("I") and (image.mode != "I" or top > 255):
        scale = 1 / 257
    return Image.fromarray(np.nan_to_num(values * scale).clip(0, 255).round().astype(np.uint8)).convert("RGB")


def _from_array(array: NDArray[Any]) -> Image.Image:
    """Channels may come first or last; a side of 1, 3 or 4 is taken for them, the last one if both could be."""
    if array.ndim not in (2, 3) or not array.size:
        raise InputError(f"an image array must be (height, width[, channels]), not {_shape(array.shape)}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS * (4 if array.ndim == 3 else 1):
        raise _too_large("the array", f"{array.shape[1]:,} × {array.shape[0]:,} pixels")
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        if array.shape[0] not in (1, 3, 4):
            raise InputError(f"an image has 1, 3 or 4 channels, first or last; this array is {_shape(array.shape)}")
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return _finished(Image.fromarray(np.ascontiguousarray(_bytes_in(array))), "the array")


def _bytes_in(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The values as 0…255: floats up to 1 are scaled, whole numbers must fit."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise InputError(f"an image array must hold numbers, not {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("the image array holds values that are no finite numbers")
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return (array * 255).round().astype(np.uint8)
    if low < 0 or high > 255:
        raise InputError(f"an image array must hold 0…1 or 0…255, not {low:.4g}…{high:.4g}")
    return array.round().astype(np.uint8) if np.issubdtype(array.dtype, np.floating) else array.astype(np.uint8)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
