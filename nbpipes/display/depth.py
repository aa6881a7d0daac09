"""Depth (depth-estimation): the map in colours, with a legend, beside the picture."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nbpipes.display import kit, paint, pictures, plain
from nbpipes.display.boxes import ROW_SIDE, row
from nbpipes.results.pictures import picture_of

STOPS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
"""Viridis: as even in grey and for colour-blind eyes as in colour."""
LEGEND = 26
"""Height of the legend, in pixels of the page."""


def draw(value: Any, source: Any, room: int) -> str:
    """Return the picture, the map with its legend, and a table of the least, the middle and the largest value."""
    depths = depths_of(value)
    if depths is None:
        return plain.draw(value, None, room)
    table = _table(depths)
    left = room - kit.size(table) - 400
    picture = pictures.of(source, "", left // 3, pictures.SIDE) if picture_of(source) is not None else ""
    drawn = _map(depths, source, left - kit.size(picture), pictures.SIDE)
    return (pictures.beside(picture, drawn) if picture else drawn) + table


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per picture: the map, and its least and largest value."""
    share = max((room - 2_000) // max(min(len(values), kit.ROWS), 1), 200)

    def rows() -> Iterator[str]:
        for index, value in enumerate(values):
            depths = depths_of(value)
            if depths is None:
                yield row(index, "", plain.draw(value, None, share // 2), share)
                continue
            said = f"{_number(float(depths.min()))} to {_number(float(depths.max()))}"
            yield row(index, _map(depths, sources[index], share - kit.size(said) - 700, ROW_SIDE), said, share)

    return kit.table(kit.heads(">", "image", "depth"), rows(), len(values), room)


def depths_of(value: Any) -> NDArray[np.float32] | None:
    """The depths of a result, `(height, width)`: those that the model gave, else the image; None where it has none."""
    if not isinstance(value, dict):
        return None
    found: Any
    for found in (value.get("predicted_depth"), value.get("depth")):
        try:
            array = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found, dtype=np.float32)
        except Exception:  # whatever a postprocess of the user's own has put there
            continue
        array = array.squeeze()
        if array.ndim == 2 and array.size:
            finite = np.isfinite(array)
            if finite.any():
                return np.where(finite, array, array[finite].min()).astype(np.float32)
    return None


def resized(depths: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Depths at another width and height."""
    return np.asarray(Image.fromarray(depths).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def coloured(depths: NDArray[np.float32], least: float, most: float) -> Image.Image:
    """A map in colours, from those of the least to those of the largest value."""
    share = (depths - least) / (most - least) if most > least else np.zeros_like(depths)
    return Image.fromarray(_colours()[(share.clip(0, 1) * 255).astype(np.uint8)])


def _colours() -> NDArray[np.uint8]:
    stops = np.array([tuple(bytes.fromhex(stop[1:])) for stop in STOPS], dtype=np.float64)
    at = np.linspace(0, len(STOPS) - 1, 256)
    return np.stack([np.interp(at, range(len(STOPS)), stops[:, part]) for part in range(3)], 1).astype(np.uint8)


def _map(depths: NDArray[np.float32], source: Any, room: int, side: int) -> str:
    """The map with its legend below it, in at most `room` bytes."""
    height, width = depths.shape
    size = paint.drawn_size((width, height), side)
    least, most = float(depths.min()), float(depths.max())
    legend = LEGEND * paint.SHARP
    image = Image.new("RGB", (size[0], size[1] + legend), "white")
    image.paste(coloured(resized(depths, size), least, most))
    ramp = np.tile(np.linspace(0, 1, size[0], dtype=np.float32), (legend // 3, 1))
    image.paste(coloured(ramp, 0, 1), (0, size[1] + 2 * paint.SHARP))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(paint.TEXT * paint.SHARP)
    for share, anchor in ((0.0, "ls"), (0.5, "ms"), (1.0, "rs")):
        words = _number(least + share * (most - least))
        draw.text((share * size[0], size[1] + legend - 3 * paint.SHARP), words, kit.INK, font, anchor=anchor)
    said = f"depth of {pictures.name_of(source)}, {width} × {height}: {_number(least)} to {_number(most)}"
    return pictures.drawn(image, said, room)


def _table(depths: NDArray[np.float32]) -> str:
    height, width = depths.shape
    heads = kit.heads(">least", ">median", ">largest", ">width", ">height")
    facts = (
        *(_number(float(fact)) for fact in (depths.min(), np.median(depths), depths.max())),
        str(width),
        str(height),
    )
    return kit.table(heads, iter(["".join(kit.cell(fact, kit.NUMBER) for fact in facts)]), 1, kit.LEAST)


def _number(value: float) -> str:
    return f"{value:.4g}"
