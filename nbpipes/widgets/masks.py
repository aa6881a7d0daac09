"""The view of masks (image-segmentation)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from traitlets import Unicode

from nbpipes.display import masks
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.boxes import about, parts_of
from nbpipes.widgets.pictures import packed, picture, small
from nbpipes.widgets.view import View, score, text

SHOWN = 1_000
"""Regions of one picture."""
SIDE = 1024
"""Pixels of the longer side of what is sent of the masks."""
Point = tuple[float, float]
PLANES, VALUES = 16, 255
"""Maps of a picture's regions, and regions of a map, at most: regions that overlap go into different maps."""


class Masks(View):
    """A picture with its regions: classes are shown alone, a threshold moves, regions are selected and cut out."""

    name: ClassVar[str] = "masks"
    _esm = Unicode(bundle("masks")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the picture, the regions, and maps of which region a pixel belongs to."""
    found = masks.found_in(value)
    shown = picture(source, masks.size_of(found, None))
    whole = (shown["width"], shown["height"])
    planes = Planes(small(whole, SIDE))
    # What is placed last is on top: the smallest.
    order = sorted(range(min(len(found), SHOWN)), key=lambda index: -masks.area(found[index].mask))
    middles = middles_of(found, order, planes.size)
    places = {index: planes.place(found[index].mask, middles.get(index), whole) for index in order}
    return {
        "about": about([one.label for one in found], "region"),
        "picture": shown,
        "entries": [
            {"label": text(one.label, 200), "score": score(one.score), **places[index]}
            for index, one in enumerate(found[:SHOWN])
        ],
        "planes": planes.sent(),
        "more": max(len(found) - SHOWN, 0),
    }


def middles_of(found: Sequence[masks.Found], order: Sequence[int], size: tuple[int, int]) -> dict[int, Point]:
    """A point in the middle of what can be seen of each region, by its index. order: what is on top last.

    size: width and height of the map that the points are in.
    """
    covered = np.zeros(size[::-1], dtype=np.bool_)
    middles: dict[int, Point] = {}
    for index in reversed(order):
        mask = found[index].mask
        region = masks.region(mask, size) if mask is not None else covered[:0]
        if region.any():
            seen = region & ~covered
            middles[index] = masks.middle(seen if seen.any() else region)
            covered |= region
    return middles


class Planes:
    """Maps of the regions of a picture, each a byte for a pixel: 0, or the number of a region in that map.

    size: width and height of the maps.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.maps: list[NDArray[np.uint8]] = []

    def place(self, mask: Image.Image | None, middle: Point | None, whole: tuple[int, int]) -> dict[str, Any]:
        """Put a region into the first map above all that it overlaps. Returns where it went, and where it is.

        middle: a point inside of it, None for an empty one. whole: width and height of the picture.
        """
        if mask is None or middle is None:
            return {"box": None, "middle": None, "plane": None, "value": None, "area": None}
        region = masks.region(mask, self.size)
        plane = max((at for at, owners in enumerate(self.maps) if np.logical_and(owners, region).any()), default=-1) + 1
        while plane < len(self.maps) and self.maps[plane].max() == VALUES:
            plane += 1
        value = None
        if plane < PLANES:
            if plane == len(self.maps):
                self.maps.append(np.zeros(region.shape, dtype=np.uint8))
            value = int(self.maps[plane].max()) + 1
            self.maps[plane][region] = value
        across, down = (length / own for length, own in zip(whole, self.size, strict=True))
        rows, columns = np.nonzero(region.any(axis=1))[0], np.nonzero(region.any(axis=0))[0]
        x, y = middle
        return {
            "box": [
                round(columns[0] * across),
                round(rows[0] * down),
                round((columns[-1] + 1) * across),
                round((rows[-1] + 1) * down),
            ],
            "middle": [round((x + 0.5) * across, 1), round((y + 0.5) * down, 1)],
            "plane": None if value is None else plane,
            "value": value,
            "area": round(float(region.mean()), 6),
        }

    def sent(self) -> list[dict[str, Any]]:
        """The maps as a spec has them."""
        width, height = self.size
        return [{"width": width, "height": height, "data": packed(owners)} for owners in self.maps]
