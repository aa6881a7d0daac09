"""Where the tags of boxes go, so that none hides another one."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

Size = tuple[float, float]
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Place(NamedTuple):
    """The top left corner of a tag, and which of its texts has room there."""

    x: float
    y: float
    text: int


def places(rects: Sequence[Rect], sizes: Sequence[Sequence[Size]], width: float, height: float) -> list[Place | None]:
    """Where the tag of each rectangle goes, None where there is no room that other tags leave free.

    rects: most important first, as they choose first. sizes: of each text that its tag may have, the best first; the
    first texts of all choose before the second text of any. width, height: of the picture.
    The front end has the same rule, in tags.js.
    """
    taken: list[Rect] = []
    found: list[Place | None] = [None] * len(rects)
    for text in range(max(map(len, sizes), default=0)):
        for index, rect in enumerate(rects):
            if found[index] is not None or text >= len(sizes[index]):
                continue
            for tag in _spots(rect, sizes[index][text], width, height):
                if not any(_meet(tag, other) for other in taken):
                    taken.append(tag)
                    found[index] = Place(tag[0], tag[1], text)
                    break
    return found


def _spots(rect: Rect, size: Size, width: float, height: float) -> Iterator[Rect]:
    """Places for a tag, the best first: above the rectangle, inside it, below it; on the left, then on the right."""
    left, top, right, bottom = rect
    across, down = size
    if across > width or down > height:
        return
    for y in (top - down, top, bottom - down, bottom):
        for x in (left, right - across):
            inside = min(max(x, 0), width - across)
            if 0 <= y <= height - down:
                yield inside, y, inside + across, y + down


def _meet(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
