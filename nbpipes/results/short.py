"""A repr whose cost and length are bounded, for values of any size; and numbers as people write them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

MAX_TEXT = 400  # characters of one string
MAX_ENTRIES = 60  # entries of one container
MAX_DEPTH = 6
LINE = 88


class _Full(Exception):
    """The limit is reached."""


def short(value: Any, limit: int = 2_000) -> str:
    """Return the builtin repr of `value`, cut to about `limit` characters without ever making all of it.

    What is left out is counted: "… 188 more". A list too long for one line is shown one entry a line.
    Where nothing is left out and it fits one line, the text equals `repr(value)`.
    """
    flat = _bounded(value, limit)
    if len(flat) <= LINE or not isinstance(value, list) or not value:
        return flat
    lines: list[str] = []
    left = limit
    for done, item in enumerate(value):
        if done >= MAX_ENTRIES or left <= 0:
            lines.append(f" … {len(value) - done:,} more")
            break
        lines.append(f" {_bounded(item, left)},")
        left -= len(lines[-1])
    return "[" + "\n".join(lines)[1:].removesuffix(",") + "]"


def rounded(value: float) -> str:
    """A number of things, or of them a second, to three digits and without an exponent: 6,550 or 0.0123."""
    close = float(f"{value:.3g}")
    return f"{close:,.0f}" if close >= 1000 else f"{close:.3g}"


def _bounded(value: Any, limit: int) -> str:
    pieces: list[str] = []
    try:
        for piece in _pieces(value, 0):
            pieces.append(piece)
            limit -= len(piece)
            if limit < 0:
                raise _Full
    except _Full:
        pieces.append(" …")
    return "".join(pieces)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    shown_by = type(value).__repr__  # a subclass that shows itself otherwise is a leaf
    if isinstance(value, str) and len(value) > MAX_TEXT:
        yield f"{value[:MAX_TEXT]!r} … {len(value) - MAX_TEXT:,} more characters"
    elif isinstance(value, (bytes, bytearray)) and len(value) > MAX_TEXT:
        yield f"{bytes(value[:MAX_TEXT])!r} … {len(value) - MAX_TEXT:,} more bytes"
    elif depth >= MAX_DEPTH and isinstance(value, (dict, list, tuple, set, frozenset)):
        yield "…"
    elif isinstance(value, dict) and shown_by is dict.__repr__:
        yield from _entries("{", _pairs(value, depth), len(value), "}")
    elif isinstance(value, list) and shown_by is list.__repr__:
        yield from _entries("[", (_pieces(item, depth + 1) for item in value), len(value), "]")
    elif isinstance(value, tuple) and shown_by is tuple.__repr__:
        yield from _entries("(", (_pieces(item, depth + 1) for item in value), len(value), ")")
    else:
        yield _leaf(value)


def _pairs(value: dict[Any, Any], depth: int) -> Iterator[Iterator[str]]:
    for key, item in value.items():
        yield _pair(key, item, depth)


def _pair(key: Any, item: Any, depth: int) -> Iterator[str]:
    yield from _pieces(key, depth + 1)
    yield ": "
    yield from _pieces(item, depth + 1)


def _entries(start: str, entries: Iterable[Iterable[str]], count: int, end: str) -> Iterator[str]:
    yield start
    for index, entry in enumerate(islice(entries, MAX_ENTRIES)):
        if index:
            yield ", "
        yield from entry
    if count > MAX_ENTRIES:
        yield f", … {count - MAX_ENTRIES:,} more"
    elif count == 1 and start == "(":
        yield ","
    yield end


def _leaf(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # a user's own class may fail in its repr: showing must not
        text = f"<{type(value).__name__}: repr failed with {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} …"
