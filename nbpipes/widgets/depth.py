"""The view of depths (depth-estimation)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from traitlets import Unicode

from nbpipes.display import depth
from nbpipes.errors import InputError
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import packed, picture, small
from nbpipes.widgets.view import View

SIDE = 640
"""Pixels of the longer side of what is sent of the depths."""
LEVELS = 65_535


class Depth(View):
    """A map of depths, which are read under the pointer and kept by a click.

    selected: the points that the reader keeps, `{"x", "y", "depth"}`, in pixels of the map.
    """

    name: ClassVar[str] = "depth"
    _esm = Unicode(bundle("depth")).tag(sync=True)

    def _select(self, args: Mapping[str, Any]) -> None:
        self.selected = points_of(self.result, args["points"])


def points_of(value: Any, places: list[Any]) -> list[dict[str, Any]]:
    """The depths of a result at points, each x and y in pixels of the picture."""
    depths = depth.depths_of(value)
    if depths is None:
        raise InputError("there are no depths to select")
    height, width = depths.shape
    if not all(type(x) is int and type(y) is int and 0 <= x < width and 0 <= y < height for x, y in places):
        raise InputError(f"the map has {width} × {height} pixels, not {places}")
    return [{"x": x, "y": y, "depth": float(depths[y, x])} for x, y in places]


def describe(value: Any, source: Any) -> dict[str, Any] | None:
    """What the front end draws: the picture, and its depths in 65,536 steps; None where there are none."""
    depths = depth.depths_of(value)
    if depths is None:
        return None
    height, width = depths.shape
    size = small((width, height), SIDE)
    least, largest = float(depths.min()), float(depths.max())
    share = (depth.resized(depths, size) - least) / (largest - least if largest > least else 1.0)
    levels = (share.clip(0, 1) * LEVELS).round().astype(np.uint16)
    shown = picture(source, (width, height))
    return {
        "about": f"Depths from {least:.4g} to {largest:.4g}",
        "picture": shown | {"width": width, "height": height},
        "depths": {
            "width": size[0],
            "height": size[1],
            "least": least,
            "largest": largest,
            "data": packed(levels),
        },
    }
