"""The steps that change an image's size: rules for the new size, and what applies them with Pillow."""

from collections.abc import Mapping

from PIL import Image

Size = tuple[int, int]
"""Height, width."""


def by_short_side(height: int, width: int, short: int, longest: int | None = None) -> Size:
    """The size whose short side is `short`, in the same proportions; the long side is cut down to whole pixels."""
    low, high = min(height, width), max(height, width)
    long = int(short * high / low)
    if longest is not None and long > longest:
        short, long = int(longest * short / long), longest
    return (long, short) if width <= height else (short, long)


def within(height: int, width: int, short: int, longest: int | None, multiple: int = 1) -> Size:
    """The size whose short side is `short`, or smaller where the long side would pass `longest`: the rule of DETR.

    multiple: both sides are cut down to multiples of it.
    """
    exact = float(short)
    low, high = float(min(height, width)), float(max(height, width))
    if longest is not None and high / low * short > longest:
        exact = longest * low / high
        short = round(exact)
    if min(height, width) == short:
        found = height, width
    elif width < height:
        found = int(exact * height / width), short
    else:
        found = short, int(exact * width / height)
    return found[0] - found[0] % multiple, found[1] - found[1] % multiple


def near(height: int, width: int, size: Size, *, keep: bool, multiple: int) -> Size:
    """The size whose sides are the multiples nearest to those of `size`.

    keep: in the image's proportions; only the side that needs to change less counts then.
    """
    high, wide = size[0] / height, size[1] / width
    if keep:
        high = wide = wide if abs(1 - wide) < abs(1 - high) else high
    return max(round(high * height / multiple), 1) * multiple, max(round(wide * width / multiple), 1) * multiple


def by_long_side(height: int, width: int, long: int) -> Size:
    """The size whose long side is `long`, in the same proportions, to the nearest pixel."""
    scale = long / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def filling(height: int, width: int, room: Size) -> Size:
    """The largest size in the same proportions that `room` holds; sides are cut down to whole pixels."""
    scale = min(room[0] / height, room[1] / width)
    return int(height * scale), int(width * scale)


def resized(image: Image.Image, size: Size, resample: Image.Resampling) -> Image.Image:
    """The image at `size`; a side never becomes 0."""
    height, width = max(size[0], 1), max(size[1], 1)
    return image.resize((width, height), resample)


def center_cropped(image: Image.Image, size: Size) -> Image.Image:
    """The middle of the image; where it is smaller than `size`, black is added around it."""
    height, width = size
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def fixed(size: Mapping[str, int]) -> Size | None:
    """The size that does not depend on the image, if there is one."""
    return (size["height"], size["width"]) if {"height", "width"} <= size.keys() else None
