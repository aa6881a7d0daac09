"""Reader of GGUF files (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

A file comes from anywhere, so every count and size in it is held against the bytes that are there before anything is
made of it: what a header can cost grows with the size of the file alone.
"""

import math
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nbpipes.errors import CheckpointError, need

MAGIC = b"GGUF"
VERSIONS = (2, 3)
NUMBERS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
"""Kinds of values by the number that stands for them, and their formats in `struct`."""
STRING, ARRAY = 8, 9
SMALLEST_PAIR = 13
"""Bytes of the smallest entry: a key without letters, its kind, a value of one byte."""
SMALLEST_TENSOR = 24
"""Bytes that tell of a tensor without name and dimensions."""
DIMENSIONS = 4
LARGEST_ALIGNMENT = 1 << 16


def is_gguf(path: str | Path) -> bool:
    """Whether a file begins as GGUF files do."""
    with Path(path).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file. shape: as torch has it. kind: its number format, one of gguf's. start, size: in bytes."""

    shape: tuple[int, ...]
    kind: Any
    start: int
    size: int


class GgufFile:
    """The content of a GGUF file: metadata by key, and where each tensor lies; data is mapped when asked for.

    CheckpointError for a file that is damaged, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._packages = need("gguf", "gguf")
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                metadata, tensors = self._read(_Cursor(data))
        except (ValueError, LookupError, struct.error) as error:
            raise CheckpointError(f"{path.name!r} is no GGUF file, or a damaged one: {error}") from error
        self.metadata, self.tensors = MappingProxyType(metadata), MappingProxyType(tensors)

    def bytes_of(self, name: str) -> np.ndarray:
        """The bytes of a tensor, mapped."""
        stored = self.tensors[name]
        return np.memmap(self.path, np.uint8, mode="r", offset=stored.start, shape=(stored.size,))

    def _read(self, cursor: "_Cursor") -> tuple[dict[str, Any], dict[str, Stored]]:
        if cursor.take(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = cursor.number("<I")
        if version not in VERSIONS:
            raise ValueError(f"version {version} of the format is not supported; known: {VERSIONS}")
        tensors = cursor.count("<Q", SMALLEST_TENSOR, "tensors")
        pairs = cursor.count("<Q", SMALLEST_PAIR, "entries of metadata")
        metadata: dict[str, Any] = {}
        for _ in range(pairs):
            key = cursor.text()
            if key in metadata:
                raise ValueError(f"{key!r} stands there twice")
            metadata[key] = cursor.value(cursor.number("<I"))
        headers = [self._header(cursor) for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= LARGEST_ALIGNMENT:
            raise ValueError(f"general.alignment is {alignment!r}")
        base = -(-cursor.at // alignment) * alignment
        return metadata, self._placed(headers, base, len(cursor.data))

    def _header(self, cursor: "_Cursor") -> tuple[str, tuple[int, ...], int, int]:
        name, dimensions = cursor.text(), cursor.number("<I")
        if dimensions > DIMENSIONS:
            raise ValueError(f"tensor {name!r} has {dimensions} dimensions")
        sizes = tuple(cursor.number("<Q") for _ in range(dimensions))
        return name, sizes[::-1], cursor.number("<I"), cursor.number("<Q")

    def _placed(self, headers: list[tuple[str, tuple[int, ...], int, int]], base: int, end: int) -> dict[str, Stored]:
        placed: dict[str, Stored] = {}
        for name, shape, number, offset in headers:
            kind = self._packages.GGMLQuantizationType(number)
            block, width = self._packages.GGML_QUANT_SIZES[kind]
            values = math.prod(shape)
            if values % block or (shape and shape[-1] % block):
                raise ValueError(f"tensor {name!r} of shape {shape} cannot be cut into blocks of {block}")
            size = values // block * width
            if base + offset + size > end:
                raise ValueError(f"tensor {name!r} should end at byte {base + offset + size:,} of {end:,}")
            if name in placed:
                raise ValueError(f"tensor {name!r} stands there twice")
            placed[name] = Stored(shape, kind, base + offset, size)
        return placed


class _Cursor:
    """Reads a header from front to back. ValueError where more is announced than is there."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError(f"{size:,} bytes announced at byte {self.at:,}, {len(self.data) - self.at:,} left")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def count(self, form: str, least: int, what: str) -> int:
        """A number of things that take at least so many bytes each."""
        found = self.number(form)
        if found * least > len(self.data) - self.at:
            raise ValueError(f"{found:,} {what} announced at byte {self.at:,}, {len(self.data) - self.at:,} bytes left")
        return found

    def text(self) -> str:
        return self.take(self.number("<Q")).decode(errors="replace")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.number(NUMBERS[kind])
        inner = self.number("<I")
        if inner == STRING:
            return self._several(8, self.text)
        form = NUMBERS[inner]  # a list of lists is in no model
        size = struct.calcsize(form)
        count = self.count("<Q", size, "numbers")
        return np.frombuffer(self.take(count * size), np.dtype(form)).tolist()

    def _several(self, least: int, read: Callable[[], Any]) -> list[Any]:
        return [read() for _ in range(self.count("<Q", least, "values"))]
