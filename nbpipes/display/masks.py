"""Masks (image-segmentation): the picture with its regions coloured, and a table of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbpipes.display import boxes, kit, paint, pictures, plain
from nbpipes.results.pictures import picture_of

DRAWN = 100
"""Masks that are drawn into a picture, the surest; all are counted."""
COUNTED = 512
"""Pixels along each side of a mask that are counted for its area."""
SPARSE = 4
"""Of so many pixels in each direction one is looked at to find the middle of a region."""


class Found(NamedTuple):
    """One region. mask: an image of the picture's size, light where the region is; None where its entry has none."""

    label: str
    score: Any
    mask: Image.Image | None


def draw(value: Any, source: Any, room: int) -> str:
    """Return the picture with the regions in it, a line that counts them, and a table of them."""
    found = found_in(value)
    if not found and not isinstance(value, list):
        return plain.draw(value, source, room)
    colours = kit.colours(one.label for one in found)
    head = boxes.counts([one.label for one in found], colours, "region")
    size = size_of(found, picture := picture_of(source))
    image, owners = _owners(found, picture, size, paint.SIDE)
    table = _table(found, colours, owners, min(room // 3, 12_000))
    left = room - kit.size(head) - kit.size(table)
    return f"{head}{_picture(found, source, colours, image, owners, left)}{table}"


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per picture: the picture with its regions, and what was found."""
    every = [found_in(value) for value in values]

    def picture(index: int, colours: Mapping[str, kit.Colour], left: int) -> str:
        found, original = every[index], picture_of(sources[index])
        image, owners = _owners(found, original, size_of(found, original), boxes.ROW_SIDE)
        return _picture(found, sources[index], colours, image, owners, left)

    return boxes.batch(values, [[one.label for one in found] for found in every], "region", picture, room)


def found_in(value: Any) -> list[Found]:
    """The regions of a result, in its order."""
    return [
        Found(str(entry["label"]), entry.get("score"), _image(entry.get("mask"))) for entry in boxes.entries_of(value)
    ]


def size_of(found: Sequence[Found], picture: Image.Image | None) -> tuple[int, int]:
    """Width and height of the picture that the regions are in; of the largest mask where it cannot be had."""
    if picture is not None:
        return picture.size
    return max((one.mask.size for one in found if one.mask is not None), default=(64, 48))


def region(mask: Image.Image, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where a mask is light, as `(height, width)` of another size."""
    return np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 127


def area(mask: Image.Image | None) -> float:
    """The share of a picture that a region takes; looks at some pixels of a large one."""
    if mask is None:
        return 0.0
    width, height = (min(length, COUNTED) for length in mask.size)
    return float(region(mask, (width, height)).mean())


def _image(mask: Any) -> Image.Image | None:
    """A mask as an image: tasks give one, a `postprocess` of the user's own perhaps an array."""
    if isinstance(mask, np.ndarray) and mask.ndim == 2 and mask.size:
        scale = 1 if mask.max() > 1 else 255
        mask = Image.fromarray((mask.astype(np.float32) * scale).clip(0, 255).astype(np.uint8))
    if not isinstance(mask, Image.Image) or 0 in mask.size:
        return None
    return mask if mask.mode == "L" else mask.convert("L")


def _owners(
    found: Sequence[Found], picture: Image.Image | None, size: tuple[int, int], side: int
) -> tuple[Image.Image, NDArray[np.intp]]:
    """The picture to draw into, and the number of the region that each of its pixels shows, from 1 on: the smallest."""
    image = paint.ground(picture, size, side)
    owners = np.zeros((image.height, image.width), dtype=np.intp)
    order = sorted(range(len(found)), key=lambda index: -kit.share(found[index].score))[:DRAWN]
    for index in sorted(order, key=lambda index: -area(found[index].mask)):
        if (mask := found[index].mask) is not None:
            owners[region(mask, image.size)] = index + 1
    return image, owners


def _picture(
    found: Sequence[Found],
    source: Any,
    colours: Mapping[str, kit.Colour],
    image: Image.Image,
    owners: NDArray[np.intp],
    room: int,
) -> str:
    paint.regions(image, owners, [colours[one.label] for one in found])
    marks, rects = [], []
    numbers = np.unique(owners[owners > 0]).tolist() if max(image.size) > boxes.ROW_SIDE * paint.SHARP else []
    for number in numbers:
        one = found[number - 1]
        x, y = middle(owners == number)
        marks.append(paint.Mark((x, y, x, y), boxes.tag_of(one.label, one.score), number - 1, colours[one.label]))
        rects.append((x - 30.0, y + 10.0, x + 30.0, y + 10.0))
    paint.tags(image, marks, rects)
    said = ", ".join(f"{count} {label}" for label, count in Counter(one.label for one in found).most_common(5))
    return pictures.drawn(image, f"{pictures.name_of(source)}: {said or 'nothing found'}", room)


def middle(inside: NDArray[np.bool_]) -> tuple[float, float]:
    """A point in the middle of a region, x and y, which belongs to it whatever its form."""
    rows, columns = np.nonzero(inside[::SPARSE, ::SPARSE])
    if not rows.size:
        rows, columns = (part / SPARSE for part in np.nonzero(inside))
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return float(columns[nearest] * SPARSE), float(rows[nearest] * SPARSE)


def _table(found: Sequence[Found], colours: Mapping[str, kit.Colour], owners: NDArray[np.intp], room: int) -> str:
    areas = np.bincount(owners.ravel(), minlength=len(found) + 1) / owners.size
    scored = any(one.score is not None for one in found)  # regions of semantic segmentation have none

    def rows() -> Iterator[str]:
        for index, one in enumerate(found):
            yield (
                kit.cell(str(index), f"{kit.NUMBER};{kit.MUTED}")
                + kit.cell(kit.chip(f"<bdi>{kit.escape(one.label, 80)}</bdi>", colours[one.label]))
                + (kit.cell("" if one.score is None else kit.number(one.score), kit.NUMBER) if scored else "")
                + kit.cell(f"{100 * areas[index + 1]:.1f} %", kit.NUMBER)
            )

    head = kit.heads(">", "label", *([">score"] if scored else []), ">area")
    return kit.table(head, rows(), len(found), room) if found else ""
