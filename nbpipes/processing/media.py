"""Reading images from whatever a user has: a path, a URL, base64, bytes, a PIL image, an array or a tensor.

Everything is bounded: the time and the size of a download, the pixels of an image. What cannot be read is an
InputError that says why.
"""

import base64
import binascii
import os
import re
import reprlib
import struct
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nbpipes.errors import InputError

TIMEOUT = 10.0
"""Seconds that a download may take, unless the user says otherwise."""
MAX_BYTES = 64 << 20
"""Of a file that is downloaded or decoded."""
MAX_PIXELS = 128_000_000
"""Of an image: 384 MB once it is decoded."""
MAX_SIDE = 65_500
"""Pixels of one side; formats and resizing have limits near this one."""

WANTED = "a path, an http(s) URL, base64, bytes, a PIL image, an array or a tensor"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
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
    return isinstance(value, str | bytes | bytearray | memoryview | os.PathLike | Image.Image)


def is_url(text: str) -> bool:
    """Whether a text is the address of something to download."""
    return text.lower().startswith(("http://", "https://"))


def read_image(source: Any, timeout: float | None = None) -> Image.Image:
    """The image that `source` stands for: RGB, turned as its EXIF data say, the first frame of several.

    source: a path, an http(s) URL, base64 (also as a data: URL), the bytes of a file, a PIL image; an array or tensor,
    (height, width, channels), (channels, height, width) or (height, width), of uint8 or of floats from 0 to 1.
    timeout: seconds for a download, None = TIMEOUT. InputError for what is none of these or damaged.
    """
    match source:
        case Image.Image():
            return _finished(source, "the image")
        case np.ndarray():
            return _from_array(source)
        case torch.Tensor():
            return _from_array(source.detach().cpu().float().numpy() if source.is_floating_point() else _whole(source))
        case bytes() | bytearray() | memoryview():
            return _decoded(bytes(source), "the image in bytes")
        case os.PathLike():
            return _from_path(Path(source))
        case str():
            return _from_text(source, timeout)
    raise InputError(f"an image must be {WANTED}, not {type(source).__name__}")


def _whole(tensor: torch.Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()


def _from_text(text: str, timeout: float | None) -> Image.Image:
    if is_url(text):
        return _decoded(download(text, timeout), shortened(text))
    if text.startswith("data:"):
        kind, comma, data = text.partition(",")
        if not comma or "base64" not in kind:
            raise InputError("a data: URL of an image must be data:image/…;base64,…")
        return _decoded(_bytes_of(data, "the data: URL"), "the data: URL")
    if SCHEME.match(text):
        raise InputError(f"images are fetched over http and https only, not {shortened(text)}")
    # A path that is longer than any file system allows must be base64.
    if len(text) < 4096 and "\0" not in text and os.path.isfile(os.path.expanduser(text)):
        return _from_path(Path(text).expanduser())
    name = shortened(text)
    return _decoded(_bytes_of(text, name), f"{name}, no file that is here and so taken for base64,")


def _bytes_of(text: str, name: str) -> bytes:
    if len(text) > MAX_BYTES * 4 // 3 + 4:
        raise InputError(f"{name} holds more than {MAX_BYTES >> 20} MB")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(
            f"{name} is no file that is here, no http(s) URL and no valid base64: an image must be {WANTED}"
        ) from None


def _from_path(path: Path) -> Image.Image:
    name = shortened(str(path))
    if path.is_dir():
        raise InputError(f"{name} is a folder; an image must be {WANTED}")
    try:
        return _opened(path, name)
    except FileNotFoundError:
        raise InputError(f"there is no file {name}") from None


def _decoded(data: bytes, name: str) -> Image.Image:
    if not data:
        raise InputError(f"{name}: no data, so no image")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name}: {len(data) >> 20} MB are more than the {MAX_BYTES >> 20} MB that an image may have")
    return _opened(BytesIO(data), name)


def _opened(file: Path | BytesIO, name: str) -> Image.Image:
    try:
        with quiet, Image.open(file) as image:
            return _finished(image, name)
    except (InputError, FileNotFoundError):
        raise
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except DAMAGED as error:
        raise InputError(f"{name} cannot be read as an image: {str(error)[:200] or type(error).__name__}") from error


def _finished(image: Image.Image, name: str) -> Image.Image:
    """Checks the size before pixels are decoded, then turns and converts."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _too_large(name, width, height)
    if not width or not height:
        raise InputError(f"{name} has no pixels ({width} × {height})")
    try:
        turned = ImageOps.exif_transpose(image)
        return turned.convert("RGB") if turned.mode not in WIDE else _narrowed(turned)
    except DAMAGED as error:
        raise InputError(f"{name} is damaged: {str(error)[:200] or type(error).__name__}") from error


def _too_large(name: str, width: int = 0, height: int = 0) -> InputError:
    size = f"{width:,} × {height:,} pixels" if width else "its size"
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
        raise _too_large("the array", array.shape[1], array.shape[0])
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


def shortened(text: str) -> str:
    """A path or URL for a message."""
    return reprlib.repr(text) if len(text) <= 200 else f"{text[:60]!r}… ({len(text):,} characters)"


# ---------------------------------------------------------------------- downloading


class _WebOnly(HTTPRedirectHandler):
    """Follows redirects to http and https, nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme.lower() not in ("http", "https"):
            raise InputError(f"{shortened(req.full_url)} redirects to {shortened(newurl)}, which is not http or https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """Speaks http and https only: urllib's usual one also opens file:, ftp: and data: URLs."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        _WebOnly(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def download(url: str, timeout: float | None = None, limit: int = MAX_BYTES, *, accept: str = "image/*") -> bytes:
    """The file at an http(s) URL. timeout: seconds for all of it, None = TIMEOUT. limit: bytes at most. accept: the
    kind of file that is wanted.

    InputError where it cannot be had, takes longer, is larger, or leads elsewhere than to http(s).
    """
    name, seconds = shortened(url), TIMEOUT if timeout is None else float(timeout)
    found = Future[bytes]()

    def work() -> None:
        try:
            found.set_result(_downloaded(url, name, seconds, limit, accept))
        except BaseException as error:
            found.set_exception(error)

    # A thread of its own: a server that drips the lines before the body keeps whoever reads them.
    threading.Thread(target=work, name="nbpipes-download", daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError:
        raise _too_slow(name, seconds) from None


def _downloaded(url: str, name: str, seconds: float, limit: int, accept: str) -> bytes:
    deadline = time.monotonic() + seconds
    try:
        request = Request(url, headers={"User-Agent": "nbpipes", "Accept": f"{accept},*/*;q=0.5"})
        with _opener().open(request, timeout=seconds) as response:
            return _body(response, name, limit, deadline, seconds)
    except HTTPError as error:
        raise InputError(f"{name} answered with the status {error.code} {error.reason}") from None
    except TimeoutError:
        raise _too_slow(name, seconds) from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _too_slow(name, seconds) from None
        raise InputError(f"{name} cannot be fetched: {str(reason)[:200] or type(error).__name__}") from error


def _body(response: Any, name: str, limit: int, deadline: float, seconds: float) -> bytes:
    parts, total = [], 0
    while part := response.read1(1 << 16):  # what is there: a slow drip must not outlive the deadline
        total += len(part)
        if total > limit:
            raise InputError(f"{name} is larger than {limit >> 20} MB")
        if time.monotonic() > deadline:
            raise _too_slow(name, seconds)
        parts.append(part)
    return b"".join(parts)


def _too_slow(name: str, seconds: float) -> InputError:
    return InputError(f"{name} took more than {seconds:g} s; timeout= allows more")
