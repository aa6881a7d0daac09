"""Boxes of words on a page, in thousandths of its width and height."""

from collections.abc import Sequence

SCALE = 1000
Box = list[int]
"""Left, upper, right and lower side, from 0 to SCALE."""


def scaled(sides: Sequence[float], width: float, height: float) -> Box:
    """A box in the page's own units as one in thousandths, rounded towards 0 as LayoutLM was trained."""
    left, top, right, bottom = sides
    return [
        min(max(int(SCALE * side / whole), 0), SCALE)
        for side, whole in ((left, width), (top, height), (right, width), (bottom, height))
    ]
