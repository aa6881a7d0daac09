"""What is drawn into pictures: boxes, masks and tags, for hosts that show nothing but an image."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from unicodedata import combining, normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from nbpipes.display import kit
from nbpipes.display.tags import Rect, places

SIDE, LEAST = 520, 320
"""Pixels of the longer side of a picture that is drawn into: at most, and at least, as small ones are enlarged."""
SHARP = 2
"""Pixels of the data for one of the page."""
TEXT = 11
"""Height of the letters of a tag, in pixels of the page."""
WORDS = 28
"""Characters of a tag."""
OPACITY = 0.55
"""Of masks."""


class Mark(NamedTuple):
    """A thing in a picture. rect: in pixels of the picture. number: what its tag says where its words have no room."""

    rect: Rect
    words: str
    number: int
    colour: kit.Colour


def drawn_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height at which a picture is drawn into. side: what the longer one takes of a page at most."""
    scale = min(side, max(*size, LEAST)) * SHARP / max(size)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def ground(picture: Image.Image | None, size: tuple[int, int], side: int) -> Image.Image:
    """A picture at the size at which it is drawn into; grey where there is none.

    size: of the whole picture. side: as `drawn_size` has it.
    """
    drawn = drawn_size(size, side)
    if picture is None:
        return Image.new("RGB", drawn, "#8a8a8a")
    # The pixels of a tiny one are seen as squares anyway.
    tiny = drawn[0] > 6 * size[0]
    return picture.resize(drawn, Image.Resampling.NEAREST if tiny else Image.Resampling.BICUBIC)


def boxes(image: Image.Image, marks: Sequence[Mark], scale: float) -> list[Rect]:
    """Draw rectangles into an image, the small ones on top; give them in its pixels.

    scale: pixels of `image` for one of the picture.
    """
    draw = ImageDraw.Draw(image)
    rects = [_within(mark.rect, scale, image.size) for mark in marks]
    for mark, rect in sorted(zip(marks, rects, strict=True), key=lambda pair: -_area(pair[1])):
        draw.rectangle(rect, outline="#111", width=3 * SHARP)
        left, top, right, bottom = rect
        if right - left > 4 and bottom - top > 4:
            draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=mark.colour.fill, width=2 * SHARP)
    return rects


def tags(image: Image.Image, marks: Sequence[Mark], rects: Sequence[Rect]) -> None:
    """Write the words of marks beside their rectangles, their numbers where there is less room, else nothing.

    marks: most important first, as they choose first. rects: theirs, in pixels of the image.
    """
    draw = ImageDraw.Draw(image)
    font = _font()
    texts = [(_words(mark), str(mark.number)) for mark in marks]
    down = TEXT * SHARP * 1.45
    sizes = [[(draw.textlength(text, font) + TEXT * SHARP * 0.6, down) for text in pair] for pair in texts]
    for mark, pair, size, place in zip(marks, texts, sizes, places(rects, sizes, *image.size), strict=True):
        if place is None:
            continue
        x, y, text = place
        across = size[text][0]
        draw.rectangle((x, y, x + across - 1, y + down - 1), fill=mark.colour.fill, outline="#111")
        draw.text((x + across / 2, y + down / 2), pair[text], kit.INK, font, anchor="mm")


def regions(image: Image.Image, owners: NDArray[np.intp], colours: Sequence[kit.Colour]) -> None:
    """Colour the regions of an image, and draw a line along the edge of each.

    owners: `(height, width)` of the image, the number of the region that a pixel belongs to from 1 on, 0 for none.
    colours: of the regions 1, 2, …
    """
    table = np.array([(0, 0, 0), *(ImageColor.getrgb(colour.fill) for colour in colours)], dtype=np.float32)
    lines = np.array([(0, 0, 0), *(ImageColor.getrgb(colour.line) for colour in colours)], dtype=np.uint8)
    inside = owners > 0
    values = np.asarray(image)
    mixed = np.where(inside[..., None], values + OPACITY * (table[owners] - values), values).astype(np.uint8)
    edge = np.zeros_like(inside)
    for axis in (0, 1):
        for step in (-1, 1):
            edge |= np.roll(owners, step * SHARP, axis) != owners
    edge &= inside
    mixed[edge] = lines[owners[edge]]
    image.paste(Image.fromarray(mixed))


def _words(mark: Mark) -> str:
    """The words of a tag in the letters that Pillow's own font has, the ASCII ones; else its number."""
    words = normalize("NFKD", mark.words if len(mark.words) <= WORDS else f"{mark.words[: WORDS - 2]}..")
    words = "".join(letter for letter in words if not combining(letter))
    return words if words.isascii() and words.isprintable() else str(mark.number)


@cache
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(TEXT * SHARP)


def _within(rect: Rect, scale: float, size: tuple[int, int]) -> Rect:
    """A rectangle in pixels of the image, without what is outside of it; at least one pixel."""
    width, height = size[0] - 1.0, size[1] - 1.0
    left, right = sorted(min(max(x * scale, 0.0), width) for x in (rect[0], rect[2]))
    top, bottom = sorted(min(max(y * scale, 0.0), height) for y in (rect[1], rect[3]))
    return left, top, right, bottom


def _area(rect: Rect) -> float:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])
