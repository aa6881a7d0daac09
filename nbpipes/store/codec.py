"""Results as JSON and back, and hashes by which items are known again."""

import base64
import io
import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image

from nbpipes.errors import InputError, need

MARK = "__nbpipes__"
"""The key of a dict that stands for a value that JSON does not have."""
TENSOR = "torch"
"""The package whose tensors results may hold; it is loaded only to read them."""


def encode(value: Any) -> str:
    """A result as JSON; arrays, tensors, images and bytes are in it too. InputError for what has no such form."""
    return json.dumps(value, ensure_ascii=False, default=_plain, separators=(",", ":"))


def decode(text: str) -> Any:
    """What `encode` was given; tuples come back as lists."""
    # The hook costs a call for each dict, and few results need it.
    return json.loads(text, object_hook=_revived if MARK in text else None)


def _plain(value: Any) -> Any:
    if type(value).__module__ == TENSOR and value.dtype != need(TENSOR).bfloat16:  # which numpy does not have
        return _plain(value.detach().cpu().numpy()) | {MARK: "tensor"}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype != object:
        about = {MARK: "array", "dtype": value.dtype.str, "shape": value.shape}
        return about | {"data": _text(np.ascontiguousarray(value).tobytes())}
    if isinstance(value, Image.Image):
        file = io.BytesIO()
        value.save(file, "PNG")
        return {MARK: "image", "data": _text(file.getvalue())}
    if isinstance(value, bytes):
        return {MARK: "bytes", "data": _text(value)}
    raise InputError(f"a result holds a {type(value).__name__}, which cannot be written to a run's folder")


def _revived(found: dict[str, Any]) -> Any:
    if MARK not in found:
        return found
    data = base64.b64decode(found["data"])
    match found[MARK]:
        case "array" | "tensor" as kind:
            array = np.frombuffer(data, found["dtype"]).reshape(found["shape"]).copy()
            return array if kind == "array" else need(TENSOR).from_numpy(array)
        case "image":
            return Image.open(io.BytesIO(data))
    return data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def item_hash(item: Any) -> int:
    """64 bits that are equal for equal items, in every process; 0 for one of a kind that cannot be told."""
    digest = blake2b(digest_size=8)
    if isinstance(item, str):
        digest.update(item.encode("utf-8", "surrogatepass"))
    elif not _feed(digest, item):
        return 0
    return int.from_bytes(digest.digest(), "little", signed=True) or 1


def _feed(digest: Any, value: Any) -> bool:
    """Feeds a value to a hash, with its kind and length, so that no two values read alike."""
    match value:
        case str():
            data = value.encode("utf-8", "surrogatepass")
        case bytes():
            data = value
        case None | bool() | int() | float():
            data = repr(value).encode()
        case np.ndarray() if value.dtype != object:
            data = f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
        case Image.Image():
            data = f"{value.mode}{value.size}".encode() + value.tobytes()
        case Mapping():
            digest.update(f"map{len(value)};".encode())
            return all(_feed(digest, str(k)) and _feed(digest, v) for k, v in value.items())
        case list() | tuple():
            digest.update(f"list{len(value)};".encode())
            return all(_feed(digest, entry) for entry in value)
        case _:
            return False
    digest.update(f"{type(value).__name__}{len(data)};".encode() + data)
    return True


def short_json(item: Any, limit: int = 100_000) -> str | None:
    """An item as JSON, so that it can be run again; None where it has no such form or is too long."""
    try:
        text = json.dumps(item, ensure_ascii=False)
    except (TypeError, ValueError):
        return None
    # Only what comes back as it was: a tuple, say, would not.
    return text if len(text) <= limit and json.loads(text) == item else None
