"""Text with marked spans, which may touch, nest and overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from nbpipes.display import kit

DEPTH = 6  # marks inside one another: more cannot be told apart
REOPENING = DEPTH * 250  # bytes to close and reopen as many
NOTE = (
    "font-size:.7em;font-weight:600;vertical-align:.1em;line-height:1;background:#FFF9;"
    "border-radius:.25em;padding:.05em .3em;margin-inline-start:.35em;user-select:none;white-space:nowrap"
)


class Span(NamedTuple):
    """A piece of text from code point `start` to before `end`, and the note (HTML) to put after it."""

    start: int
    end: int
    note: str
    colour: kit.Colour


class Marked(NamedTuple):
    """HTML of a text, how many of its characters and spans it shows, and how high its lines need to be."""

    html: str
    characters: int
    spans: int
    line_height: float


@dataclass(slots=True)
class _Pen:
    """What is written so far, the bytes left, and the open marks, outermost first, each with its height.

    The bytes that close a mark are set aside when it is opened.
    """

    html: list[str]
    room: int
    open: list[tuple[Span, int]]

    def fits(self, span: Span, height: int) -> bool:
        """Whether there is room for a mark, its note, and a little text."""
        return self.room >= kit.size(_start(span, height) + _end(span)) + 120

    def start(self, span: Span, height: int) -> None:
        html = _start(span, height)
        self.open.append((span, height))
        self.html.append(html)
        self.room -= kit.size(html + _end(span))

    def text(self, text: str) -> int:
        """Write as much of `text` as fits; return how many characters."""
        html, shown = kit.prose(text, self.room)
        self.html.append(html)
        self.room -= kit.size(html)
        return shown

    def close(self, position: int) -> None:
        """Close the marks that end at `position`; a mark opened inside one of them goes on in a new piece."""
        first = next((depth for depth, (span, _) in enumerate(self.open) if span.end <= position), None)
        if first is None:
            return
        closed = self.open[first:]
        del self.open[first:]
        for span, _ in reversed(closed):
            self.html.append(_end(span) if span.end <= position else "</mark>")
        for span, height in closed:
            if span.end > position:
                self.start(span, height)


def placed(spans: Sequence[Span], length: int) -> tuple[list[Span], list[int]]:
    """Return the spans that can be marked in a text of `length`, outer before inner; indices of the others.

    The others have no extent within the text, or lie inside DEPTH other spans.
    """
    order = sorted(range(len(spans)), key=lambda index: (spans[index].start, -spans[index].end))
    good: list[Span] = []
    others: list[int] = []
    ends: list[int] = []
    for index in order:
        span = spans[index]
        ends = [end for end in ends if end > span.start]
        if 0 <= span.start < span.end <= length and len(ends) < DEPTH:
            good.append(span)
            ends.append(span.end)
        else:
            others.append(index)
    return good, sorted(others)


def mark(text: str, spans: Sequence[Span], room: int) -> Marked:
    """Return `text` with `spans` (as `placed` returns them) marked, cut where `room` bytes are full.

    Without tags and notes (sub elements) the HTML is the text, its newlines as br elements.
    """
    heights = _heights(spans)
    pen = _Pen([], room - REOPENING, [])
    position = begun = 0
    for place, starting in _stops(text, spans, heights):
        position += pen.text(text[position:place])
        if position < place or pen.room < 0 or not all(pen.fits(*pair) for pair in starting):
            break
        pen.close(place)
        for span, height in starting:
            pen.start(span, height)
            begun += 1
    pen.html += [_end(span) for span, _ in reversed(pen.open)]
    return Marked("".join(pen.html), position, begun, 1.75 + 0.28 * (max(heights, default=1) - 1))


def _stops(text: str, spans: Sequence[Span], heights: Sequence[int]) -> Iterator[tuple[int, list[tuple[Span, int]]]]:
    """Every place where marks start or end, and the end of the text, with the marks that start there."""
    pairs = zip(spans, heights, strict=True)
    starting = {start: list(group) for start, group in groupby(pairs, key=lambda pair: pair[0].start)}
    for place in sorted({0, len(text), *starting, *(span.end for span in spans)}):
        yield place, starting.get(place, [])


def _heights(spans: Sequence[Span]) -> list[int]:
    """How many marks deep each span is: 1 without others inside."""
    heights = [1] * len(spans)
    for outer in range(len(spans) - 1, -1, -1):
        for inner in range(outer + 1, len(spans)):
            if spans[inner].start >= spans[outer].end:
                break
            heights[outer] = max(heights[outer], heights[inner] + 1)
    return heights


def _start(span: Span, height: int) -> str:
    # The line of a mark that has others inside lies below theirs.
    below = 0.05 + 0.28 * (height - 1)
    return (
        f'<mark style="background:{span.colour.fill};color:{kit.INK};border-radius:.2em;'
        f'border-bottom:2px solid {span.colour.line};padding:.1em .2em {below:.2f}em">'
    )


def _end(span: Span) -> str:
    """The note, after a space that shows only where styles are stripped, and the end of the mark."""
    space = '<span style="font-size:0">&nbsp;</span>'
    return f'<sub style="{NOTE}">{space}<bdi>{span.note}</bdi></sub></mark>'
