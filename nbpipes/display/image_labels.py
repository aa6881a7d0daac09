"""Labels of images (image-classification, zero-shot-image-classification), several images as one table."""

from collections.abc import Sequence
from typing import Any

from nbpipes.display import kit, pictures, plain, scores


def draw(value: Any, source: Any, room: int) -> str:
    """Return the image beside a table of its labels."""
    pairs = scores.pairs_of(value)
    if not pairs:
        return plain.draw(value, None, room)
    table = scores.label_table(pairs, room // 2)
    return pictures.beside(pictures.of(source, _said(pairs), room - kit.size(table) - 400), table)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per image: its best label, or all scores where all have the same labels."""
    share = (room - 12_000) // max(min(len(values), kit.ROWS), 1)

    def image(index: int) -> str:
        said = _said(scores.pairs_of(values[index]))
        html = pictures.of(sources[index], said, max(share, 300), pictures.ROW_SIDE)
        return kit.cell(html, f"{kit.CELL};vertical-align:top")

    return scores.batch_table(values, "image", image, room)


def _said(pairs: list[scores.Pair]) -> str:
    return str(pairs[0][0]) if pairs else ""
