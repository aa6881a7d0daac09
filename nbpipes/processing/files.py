"""The file that a text, a path, bytes or an open file stand for, whatever is in it; texts are paths, URLs, data: URLs
or base64."""

import base64
import binascii
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbpipes.errors import InputError
from nbpipes.processing.download import SCHEME, download, is_url, shortened

_locks = tuple(threading.Lock() for _ in range(64))


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file shall hold, for messages. noun: "image". one: "an image". mime: "image", as in image/png. wanted:
    all that may stand for one."""

    noun: str
    one: str
    mime: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Source:
    """content: the bytes, or where they lie. name: what messages call it. downloaded: whether it came from the web."""

    content: Path | bytes
    name: str
    downloaded: bool = False


def from_text(text: str, kind: Kind, timeout: float, limit: int) -> Source:
    """The file at a path or an http(s) URL, or in a data: URL or base64.

    timeout: seconds for a download. limit: bytes of what is downloaded or decoded. InputError for anything else.
    """
    if is_url(text):
        data = download(text, timeout, limit, accept=f"{kind.mime}/*")
        return Source(_checked(data, shortened(text), kind, limit), shortened(text), downloaded=True)
    if text.startswith("data:"):
        head, comma, data = text.partition(",")
        if not comma or "base64" not in head:
            raise InputError(f"a data: URL of {kind.one} must be data:{kind.mime}/…;base64,…")
        return from_bytes(_decoded(data, "the data: URL", kind, limit), "the data: URL", kind, limit)
    if SCHEME.match(text):
        raise InputError(f"{kind.noun}s are fetched over http and https only, not {shortened(text)}")
    # A path that is longer than any file system allows must be base64.
    if len(text) < 4096 and "\0" not in text and os.path.exists(os.path.expanduser(text)):
        return from_path(Path(text).expanduser(), kind)
    name = shortened(text)
    data = _decoded(text, name, kind, limit)
    return from_bytes(data, f"{name}, no file that is here and so taken for base64,", kind, limit)


def from_path(path: Path, kind: Kind) -> Source:
    """The file at a path. InputError where there is none that can be read to its end."""
    name = shortened(str(path))
    if path.is_dir():
        raise InputError(f"{name} is a folder; {kind.one} must be {kind.wanted}")
    if not path.is_file():  # a pipe or a device could be read for ever
        raise InputError(f"{name} is no regular file" if path.exists() else _absent(name))
    if not os.access(path, os.R_OK):
        raise InputError(f"{name} may not be read")
    if not path.stat().st_size:
        raise _empty(name, kind)
    return Source(path, name)


def _absent(name: str) -> str:
    return f"no file matches {name}" if set(name) & set("*?[") else f"there is no file {name}"


def from_bytes(data: bytes, name: str, kind: Kind, limit: int) -> Source:
    """A file that is in memory. InputError where it is empty or larger than limit, in bytes."""
    return Source(_checked(data, name, kind, limit), name)


def is_file(value: Any) -> bool:
    """Whether `value` is an open file, or what acts like one: an upload, a buffer."""
    return hasattr(value, "read") and hasattr(value, "seek")


def read_file(file: Any, limit: int) -> bytes:
    """What an open file holds, from its start: one byte more than limit at most. InputError where it gives none."""
    try:
        with alone(file):
            file.seek(0)
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"the open file cannot be read: {str(error)[:200] or type(error).__name__}") from error
    if not isinstance(data, bytes):
        raise InputError("an open file must give bytes: open it with mode='rb'")
    return data


def alone(source: Any) -> threading.Lock:
    """What keeps other threads from an open file, or an image that reads one as it is used: both have a place in it.
    One call may well hold the same one many times."""
    return _locks[id(source) // 16 % len(_locks)]


def _checked(data: bytes, name: str, kind: Kind, limit: int) -> bytes:
    if not data:
        raise _empty(name, kind)
    if len(data) > limit:
        raise InputError(f"{name}: {len(data) >> 20} MB are more than the {limit >> 20} MB that {kind.one} may have")
    return data


def _empty(name: str, kind: Kind) -> InputError:
    return InputError(f"{name}: no data, so no {kind.noun}")


def _decoded(text: str, name: str, kind: Kind, limit: int) -> bytes:
    if len(text) > limit * 4 // 3 + 4:
        raise InputError(f"{name} holds more than {limit >> 20} MB")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(
            f"{name} is no file that is here, no http(s) URL and no valid base64: {kind.one} must be {kind.wanted}"
        ) from None
