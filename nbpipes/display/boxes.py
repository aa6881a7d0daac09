"""Boxes (object-detection): the picture with its boxes drawn in, and a table of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any, NamedTuple

from nbpipes.display import kit, paint, pictures, plain
from nbpipes.display.tags import Rect
from nbpipes.results.pictures import picture_of, whole_size

DRAWN, ROW_DRAWN = 300, 50
"""Boxes that are drawn into a picture, and into a small one, the surest; all are counted."""
ROW_SIDE = 120
"""Pixels of a picture in a row of a table."""
EDGES = ("xmin", "ymin", "xmax", "ymax")


class Found(NamedTuple):
    """One object. rect: None where the box of its entry is none."""

    label: str
    score: Any
    rect: Rect | None


def draw(value: Any, source: Any, room: int) -> str:
    """Return the picture with the boxes in it, a line that counts them, and a table of them."""
    found = found_in(value)
    if not found and not isinstance(value, list):
        return plain.draw(value, source, room)
    colours = kit.colours(one.label for one in found)
    head = counts([one.label for one in found], colours, "object")
    table = _table(found, colours, min(room // 3, 12_000))
    picture = _picture(found, source, colours, room - kit.size(head) - kit.size(table), paint.SIDE)
    return f"{head}{picture}{table}"


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per picture: the picture with its boxes, and what was found."""
    every = [found_in(value) for value in values]

    def picture(index: int, colours: Mapping[str, kit.Colour], left: int) -> str:
        return _picture(every[index], sources[index], colours, left, ROW_SIDE)

    return batch(values, [[one.label for one in found] for found in every], "object", picture, room)


def batch(
    values: Sequence[Any],
    labels: Sequence[Sequence[str]],
    what: str,
    picture: Callable[[int, Mapping[str, kit.Colour], int], str],
    room: int,
) -> str:
    """Return a table with a row per picture: the picture, and its things, counted by their labels.

    picture: draws one, by its number, in the colours of the labels, in at most so many bytes.
    """
    colours = kit.colours(label for found in labels for label in found)
    share = max((room - 2_000) // max(min(len(values), kit.ROWS), 1), 200)

    def rows() -> Iterator[str]:
        for index, (value, found) in enumerate(zip(values, labels, strict=True)):
            known = found or isinstance(value, list)
            said = counts(found, colours, what) if known else plain.draw(value, None, share // 2)
            yield row(index, picture(index, colours, share - kit.size(said) - 700), said, share)

    return kit.table(kit.heads(">", "image", "found"), rows(), len(values), room)


def found_in(value: Any) -> list[Found]:
    """The objects of a result, in its order."""
    return [Found(str(entry["label"]), entry.get("score"), _rect(entry.get("box"))) for entry in entries_of(value)]


def entries_of(value: Any) -> list[dict[str, Any]]:
    """The dicts of a result that are of an object or a region; those of an error are not."""
    entries = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and "label" in entry]


def size_of(found: Sequence[Found]) -> tuple[int, int]:
    """The size that a picture must have at least to hold all boxes, where it cannot be had itself."""
    rects = [one.rect for one in found if one.rect]
    width = max((rect[2] for rect in rects), default=0.0)
    height = max((rect[3] for rect in rects), default=0.0)
    return min(max(int(width), 64), 1 << 14), min(max(int(height), 48), 1 << 14)


def counts(labels: Sequence[str], colours: Mapping[str, kit.Colour], what: str) -> str:
    """Return a line that counts things by their labels, each on its colour: what stands for it in the picture."""
    if not labels:
        return f'<div style="{kit.MUTED}">No {what}s</div>'
    tally = Counter(labels)
    words = [
        f'<span style="white-space:nowrap">{kit.chip(kit.escape(label, 40), colours[label])} {count:,}</span>'
        for label, count in tally.most_common(12)
    ]
    if len(tally) > 12:
        words.append(f"… {len(tally) - 12:,} more labels")
    total = f"{len(labels):,} {what}{'' if len(labels) == 1 else 's'}"
    return f'<div style="font-size:.88em">{total}: {", ".join(words)}</div>'


def tag_of(label: str, score: Any) -> str:
    """The words of a tag."""
    words = label[: 2 * paint.WORDS]
    return f"{words} {unescape(kit.number(score, 2))}" if kit.is_score(score) else words


def row(index: int, picture: str, said: str, room: int) -> str:
    """Return the cells of a picture in the table of a batch, in at most `room` bytes."""
    top = f"{kit.CELL};vertical-align:top"
    number = kit.cell(str(index), f"{kit.NUMBER};{kit.MUTED};vertical-align:top")
    html = number + kit.cell(picture, top) + kit.cell(said, top)
    return html if kit.size(html) <= room else number + kit.cell(picture, top) + kit.cell("", top)


def _rect(box: Any) -> Rect | None:
    if not isinstance(box, dict) or not all(kit.is_score(box.get(edge)) for edge in EDGES):
        return None
    left, top, right, bottom = (float(min(max(box[edge], -1e6), 1e6)) for edge in EDGES)
    return left, top, right, bottom


def _picture(found: Sequence[Found], source: Any, colours: Mapping[str, kit.Colour], room: int, side: int) -> str:
    original = picture_of(source)
    if original is None and not any(one.rect for one in found):
        return pictures.of(source, "", room, side)
    size = whole_size(source, original) if original is not None else size_of(found)
    image = paint.ground(original, size, side)
    order = sorted(range(len(found)), key=lambda index: -kit.share(found[index].score))
    marks = [
        paint.Mark(one.rect, tag_of(one.label, one.score), index, colours[one.label])
        for index in order[: DRAWN if side > ROW_SIDE else ROW_DRAWN]
        if (one := found[index]).rect
    ]
    rects = paint.boxes(image, marks, image.width / size[0])
    if side > ROW_SIDE:
        paint.tags(image, marks, rects)
    said = ", ".join(f"{count} {label}" for label, count in Counter(one.label for one in found).most_common(5))
    name = f"{pictures.name_of(source)}, {size[0]} × {size[1]} pixels"
    return pictures.drawn(image, f"{name}: {said or 'nothing found'}", room)


def _table(found: Sequence[Found], colours: Mapping[str, kit.Colour], room: int) -> str:
    def rows() -> Iterator[str]:
        for index, one in enumerate(found):
            edges = one.rect or (None,) * 4
            yield (
                kit.cell(str(index), f"{kit.NUMBER};{kit.MUTED}")
                + kit.cell(kit.chip(f"<bdi>{kit.escape(one.label, 80)}</bdi>", colours[one.label]))
                + kit.cell(kit.number(one.score), kit.NUMBER)
                + "".join(kit.cell("" if edge is None else f"{edge:,.0f}", kit.NUMBER) for edge in edges)
            )

    head = kit.heads(">", "label", ">score", *(f">{edge}" for edge in EDGES))
    return kit.table(head, rows(), len(found), room) if found else ""
