"""Pieces that every display shares: safe text, numbers, bars, tables, colours, footer, limits.

Rules: inline styles only; nothing needed for reading is in a style, as some hosts strip them; every string
from a user or a model goes through `escape` or `prose`; what takes a `room` returns at most so many bytes.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape as html_escape
from typing import Any, NamedTuple

from nbpipes.results.short import short

LIMIT = 100_000  # bytes of one output
ROWS = 20  # rows of a table
LEAST = 5_000  # bytes of room that a drawing may count on
ITEMS = 10  # items of a batch that are drawn one below the other
LONG = 6_000  # bytes of HTML above which a text scrolls in a box of its own
INK = "#111"  # on any colour of the palette, in light and in dark pages: contrast 7.5 or more


class Colour(NamedTuple):
    """A light background for dark text, and a darker line of the same hue, visible on a white page."""

    fill: str
    line: str


# Paul Tol's "light" scheme, distinct for colour-blind eyes.
PALETTE = (
    Colour("#77AADD", "#3B73AB"),
    Colour("#EE8866", "#B9502C"),
    Colour("#44BB99", "#23785F"),
    Colour("#EEDD88", "#9B8524"),
    Colour("#FFAABB", "#C4566E"),
    Colour("#BBCC33", "#76831A"),
    Colour("#99DDFF", "#3A8DB8"),
    Colour("#AAAA00", "#6F6F00"),
    Colour("#DDDDDD", "#808080"),
)
CHOSEN: dict[str, Colour] = {}
"""What `set_colors` has chosen, by label."""
_BESIDE: ContextVar[frozenset[str]] = ContextVar("beside", default=frozenset())
FAINT = "rgba(128,128,128,.22)"
MUTED = "opacity:.72;font-size:.88em"
# The host's own table styles are overridden: Jupyter aligns right, stripes rows and fixes widths.
TABLE = "border-collapse:collapse;margin:.3em 0;font-size:1em;table-layout:auto;border:0"
CELL = "text-align:left;vertical-align:baseline;padding:.15em 1em .15em 0;border:0;background:none;max-width:none"
NUMBER = (
    "text-align:right;vertical-align:baseline;padding:.15em 1em .15em 0;border:0;background:none;max-width:none;"
    "white-space:nowrap;font-variant-numeric:tabular-nums"
)
HEAT = (
    "text-align:center;vertical-align:baseline;padding:.15em .6em;border:0;white-space:nowrap;"
    f"font-variant-numeric:tabular-nums;color:{INK}"
)

# Control characters and lone surrogates cannot be written in HTML or UTF-8. Each becomes one visible
# character, so that offsets into the text stay true.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def size(html: str) -> int:
    """Bytes of `html` in UTF-8."""
    return len(html) if html.isascii() else len(html.encode())


def safe(text: str) -> str:
    """Return `text` with characters that HTML cannot hold made visible, one for one."""
    return _UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 32 else "␡" if code == 127 else "\ufffd"


def escape(value: Any, limit: int = 300) -> str:
    """Return `value` as text that is safe in HTML and in attributes, cut after `limit` characters."""
    text = value if isinstance(value, str) else short(value, limit)
    if len(text) > limit:
        text = f"{text[:limit]}…"
    return html_escape(safe(text))


def prose(text: str, room: int) -> tuple[str, int]:
    """Return `text` as safe HTML that keeps its lines, and how many of its characters fit into `room` bytes."""
    low, high = 0, min(len(text), max(room, 0))
    html = _lines(text[:high])
    if size(html) <= room:
        return html, high
    while low < high:  # the most characters that fit: one takes 1 to 6 bytes
        middle = (low + high + 1) // 2
        if size(_lines(text[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    return _lines(text[:low]), low


def _lines(text: str) -> str:
    # A parser turns a bare carriage return into a newline, a reference to one it keeps.
    return html_escape(safe(text)).replace("\r", "&#13;").replace("\n", "<br>")


def text_of(source: Any) -> str | None:
    """Return the text of an item: a string, a list of words or a dict with "text"; None where it has none."""
    if isinstance(source, str):
        return source
    if isinstance(source, (list, tuple)) and source and all(isinstance(word, str) for word in source):
        return " ".join(source)
    if isinstance(source, Mapping) and isinstance(source.get("text"), str):
        pair = source.get("text_pair")
        return f"{source['text']}\n{pair}" if isinstance(pair, str) else source["text"]
    return None


def quote(source: Any, room: int) -> str:
    """Return the text of an item as a paragraph of at most `room` bytes; "" where it has none."""
    text = text_of(source)
    if text is None:
        return ""
    if not text.strip():
        return f'<div style="{MUTED}">(empty text)</div>'
    html, shown = prose(text, room - 300)
    return paragraph(html, 1.5) + more(len(text) - shown, "character")


def paragraph(html: str, line_height: float) -> str:
    """Return text that keeps its lines and spaces, in its own direction; a long one scrolls."""
    scroll = ";max-height:36em;overflow:auto" if len(html) > LONG else ""
    style = f"white-space:pre-wrap;overflow-wrap:anywhere;line-height:{line_height:.3g};margin:.15em 0 .3em{scroll}"
    return f'<div dir="auto" style="{style}">{html}</div>'


def number(value: Any, digits: int = 4) -> str:
    """Return a score as text. One just below 1 stays below it (0.99); one just above 0 is <0.01."""
    if not is_score(value):
        return escape(value, 40)
    step = 10**-digits
    if 0 < value < step / 2:
        return f"&lt;{step:.{digits}f}"
    if 1 - step / 2 <= value < 1:
        value = 1 - step
    return f"{value:.{digits}f}" if abs(value) < 1e9 else f"{value:.{digits}g}"


def is_score(value: Any) -> bool:
    """Whether `value` is a finite float or an int."""
    if type(value) is int:
        return abs(value) < 1 << 53
    return isinstance(value, float) and math.isfinite(value)


def share(score: Any) -> float:
    """Return how much of a bar a score fills: 0..1."""
    return min(max(score, 0.0), 1.0) if is_score(score) else 0.0


def bar(score: Any, colour: Colour = PALETTE[0]) -> str:
    """Return a cell with a bar for a score from 0 to 1: decoration beside a number, empty without styles."""
    track = f"width:8em;height:.7em;margin-top:.4em;background:{FAINT};border-radius:2px"
    fill = f"width:{100 * share(score):.1f}%;height:100%;background:{colour.fill};border-radius:2px"
    return cell(f'<div style="{track}"><div style="{fill}"></div></div>', f"{CELL};vertical-align:top")


def chip(html: str, colour: Colour) -> str:
    """Return a short piece of HTML on a colour."""
    style = f"background:{colour.fill};color:{INK};border-bottom:2px solid {colour.line};border-radius:.2em"
    return f'<span style="{style};padding:0 .3em">{html}</span>'


def cell(html: str, style: str = CELL, tag: str = "td") -> str:
    """Return one cell of a table around `html`."""
    return f'<{tag} style="{style}">{html}</{tag}>'


def heat(value: Any, low: str, high: str, share: float) -> str:
    """Return the cell of a number on a colour between `low` and `high` (#RRGGBB)."""
    pairs = zip(bytes.fromhex(low[1:]), bytes.fromhex(high[1:]), strict=True)
    red, green, blue = (round(start + share * (end - start)) for start, end in pairs)
    return cell(number(value, 2), f"{HEAT};background:rgb({red},{green},{blue})")


def heads(*names: str) -> str:
    """Return a header row; a name with ">" in front stands over numbers."""
    return "".join(
        cell(
            escape(name.removeprefix(">"), 60),
            f"{NUMBER if name[:1] == '>' else CELL};{MUTED};font-weight:normal",
            "th",
        )
        for name in names
    )


def table(head: str, rows: Iterable[str], total: int, room: int) -> str:
    """Return a table of as many rows as fit, ROWS at most, then "… n more rows".

    head: cells of the header row; "" for none.  rows: the cells of each row, made as they are needed.
    total: how many rows there are in all.
    """
    line = '<tr style="background:none">'
    start = f'<div style="overflow-x:auto"><table style="{TABLE}">'
    if head:
        start += f"<thead>{line}{head}</tr></thead>"
    taken = fit((f"{line}{row}</tr>" for row in rows), room - size(start) - 200, ROWS)
    html = f"{start}<tbody>{''.join(taken)}</tbody></table></div>" if taken else ""
    return html + more(total - len(taken), "row")


def fit(parts: Iterable[str], room: int, most: int) -> list[str]:
    """Return the first parts that together fit into `room` bytes, `most` at most; later ones are not made."""
    taken: list[str] = []
    for part in parts:
        room -= size(part)
        if room < 0:
            break
        taken.append(part)
        if len(taken) == most:
            break
    return taken


def more(count: int, what: str, note: str = "") -> str:
    """Return the line "… 188 more rows"; "" where nothing is left out."""
    if count <= 0:
        return ""
    return f'<div style="{MUTED}">… {count:,} more {what}{"" if count == 1 else "s"}{note}</div>'


def blocks(draw: Callable[[Any, Any, int], str], values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the drawings of the first items of a batch one below the other, each with its index."""
    most = min(len(values), ITEMS, max(room // (LEAST + 500), 1))
    html = ""
    room -= 200  # the last line
    for index in range(most):
        body = draw(values[index], sources[index], room // (most - index) - 300)
        block = (
            '<div style="display:flex;gap:.9em;align-items:baseline;margin-bottom:.5em">'
            f'<div style="{MUTED};min-width:1.2em;text-align:right">{index}</div>'
            f'<div style="flex:1;min-width:0">{body}</div></div>'
        )
        html += block
        room -= size(block)
    return html + more(len(values) - most, "item")


def colours(labels: Iterable[str]) -> dict[str, Colour]:
    """Return a colour for each label, the user's own or one that is the same whenever the set of labels is the same."""
    own = set(labels)
    ordered = enumerate(sorted(own | _BESIDE.get()))
    return {label: CHOSEN.get(label, PALETTE[index % len(PALETTE)]) for index, label in ordered if label in own}


@contextmanager
def beside(labels: Iterable[str]) -> Iterator[None]:
    """Within it, labels have the colours that they have among all of `labels`: those of results side by side."""
    token = _BESIDE.set(frozenset(labels))
    try:
        yield
    finally:
        _BESIDE.reset(token)


def footer(meta: Mapping[str, Any]) -> str:
    """Return the line "model · revision · device · dtype · time · stopped" of what `meta` holds; "" for nothing."""
    revision = meta.get("revision")
    if isinstance(revision, str) and re.fullmatch(r"[0-9a-f]{40}", revision):
        revision = revision[:7]
    known = [meta.get("model"), revision, meta.get("device"), meta.get("dtype")]
    words = [escape(str(word), 120) for word in known if word is not None and str(word)]
    if is_score(meta.get("seconds")):
        words.append(duration(meta["seconds"]))
    if meta.get("stopped") is True:
        words.append("stopped")
    return f'<div style="{MUTED};margin-top:.5em">{" · ".join(words)}</div>' if words else ""


def duration(seconds: float) -> str:
    """Return a time as people say it: 12 ms, 3.2 s, 4 min 05 s."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
