"""The steps that change an image's size: rules for the new size, and what applies them with Pillow."""

from collections.abc import Mapping
from math import ceil

from PIL import Image

from nbpipes.errors import InputError

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


def in_patches(height: int, width: int, side: int, most: int) -> Size:
    """The largest size, in about the same proportions, of whole patches of `side` pixels, `most` of them at most.

    The scale is looked for in halves, as in the reference: its last step decides where a row or a column more begins.
    """

    def scaled(scale: float) -> Size:
        high, wide = (max(side, ceil(length * scale / side) * side) for length in (height, width))
        return high, wide

    step = 1e-5
    low, high = step / 10, 100.0
    while high - low >= step:
        scale = (low + high) / 2
        rows, columns = (length / side for length in scaled(scale))
        low, high = (scale, high) if rows * columns <= most else (low, scale)
    return scaled(low)


def resized(image: Image.Image, size: Size, resample: Image.Resampling) -> Image.Image:
    """The image at `size`; a side never becomes 0."""
    height, width = max(size[0], 1), max(size[1], 1)
    return image.resize((width, height), resample)


def center_cropped(image: Image.Image, size: Size) -> Image.Image:
    """The middle of the image; where it is smaller than `size`, black is added around it."""
    height, width = size
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def laid_along(image: Image.Image, size: Size) -> Image.Image:
    """The image, a quarter turned to the right where its long side lies across that of `size`."""
    across = (image.width - image.height) * (size[1] - size[0]) < 0
    return image.transpose(Image.Transpose.ROTATE_270) if across else image


def thumbnail(image: Image.Image, size: Size) -> Image.Image:
    """The image in the same proportions, as large as `size` at most. Its long side tells how much smaller it becomes,
    as Donut was trained, and Pillow may first shrink it roughly."""
    height, width = min(image.height, size[0]), min(image.width, size[1])
    if (height, width) == (image.height, image.width):
        return image
    if image.height > image.width:
        width = int(image.width * height / image.height)
    elif image.width > image.height:
        height = int(image.height * width / image.width)
    return image.resize((max(width, 1), max(height, 1)), Image.Resampling.BICUBIC, reducing_gap=2.0)


def framed(image: Image.Image, size: Size) -> Image.Image:
    """The image in the middle of a black one of `size`. InputError where it is larger."""
    right, below = size[1] - image.width, size[0] - image.height
    if min(right, below) < 0:
        raise InputError(
            f"an image of {image.height} × {image.width} pixels cannot be padded to {size[0]} × {size[1]}: "
            "do_resize and do_thumbnail would make it smaller"
        )
    frame = Image.new(image.mode, (size[1], size[0]))
    frame.paste(image, (right // 2, below // 2))
    return frame


def fixed(size: Mapping[str, int]) -> Size | None:
    """The size that does not depend on the image, if there is one."""
    return (size["height"], size["width"]) if {"height", "width"} <= size.keys() else None
