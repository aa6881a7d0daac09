"""Answers found on a page (document-question-answering): the question, the answers, and the page with them boxed."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from PIL import Image, ImageDraw

from nbpipes.display import kit, paint, pictures, plain
from nbpipes.display.tags import Rect
from nbpipes.results.pictures import picture_of

SCALE = 1000
"""Of the boxes of words: thousandths of the page."""
BOXED = 12
"""Answers that are drawn into the page."""
GAP = 6
"""Between words and the box around them, in thousandths of the page: recognised ones end at the letters."""
BLANK = 1000, 1414
"""Width and height of a page of which only the words are known: those of A4."""
WORDS = 5_000
"""Words of a page that are shown."""
SIDE_EACH = 320
"""Pixels of a page in a batch."""


def draw(value: Any, source: Any, room: int) -> str:
    """Return the question, the answers in a table, and the page with a box around each of them."""
    return _draw(paint.SIDE, value, source, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first questions with their answers one below the other."""
    return kit.blocks(partial(_draw, SIDE_EACH), values, sources, room)


def _draw(side: int, value: Any, source: Any, room: int) -> str:
    answers = answers_in(value)
    if not answers and not isinstance(value, list):
        return plain.draw(value, source, room)
    question = source.get("question") if isinstance(source, Mapping) else None
    html = ""
    if isinstance(question, str):
        html += f'<div dir="auto" style="margin-bottom:.15em"><b>{kit.escape(question, 500)}</b></div>'
    colours = kit.colours(str(rank) for rank in range(len(answers)))
    html += _table(answers, colours, room // 3) if answers else f'<div style="{kit.MUTED}">No answer</div>'
    return html + _picture(answers, source, colours, side, room - kit.size(html))


def answers_in(value: Any) -> list[Mapping[str, Any]]:
    """The answers of a result; what a user's own task made of them may hold anything."""
    entries = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and "answer" in entry]


def page_of(answers: Sequence[Mapping[str, Any]], source: Any) -> Image.Image | None:
    """The picture of the page: kept with the answers, or the item's."""
    kept = kept_page(answers)
    if kept is None and isinstance(source, Mapping):
        return picture_of(source.get("image"))
    return kept


def kept_page(answers: Sequence[Mapping[str, Any]]) -> Image.Image | None:
    """The picture of a page that came with the answers: no item holds that of a PDF."""
    pages = (_about(answer).get("page") for answer in answers)
    return next((page for page in pages if isinstance(page, Image.Image)), None)


def words_of(answers: Sequence[Mapping[str, Any]], source: Any) -> list[tuple[str, Rect]]:
    """The words of the page with their boxes, in thousandths of it: kept with the answers, or the item's."""
    kept = next((about for answer in answers if (about := _about(answer)).get("words")), None)
    if kept is not None:
        pairs = zip(kept["words"], kept["places"], strict=True)
    else:
        pairs = source.get("word_boxes") or () if isinstance(source, Mapping) else ()
    return [(str(word), _rect(box)) for word, box in pairs]


def rects_of(answer: Mapping[str, Any]) -> list[Rect]:
    """Where an answer stands, in thousandths of the page: a box for each line of its words."""
    lines: list[Rect] = []
    for box in _about(answer).get("boxes") or ():
        left, top, right, bottom = _rect(box)
        if lines and abs(top - lines[-1][1]) < (bottom - top) / 2 and left >= lines[-1][0]:
            first = lines.pop()
            left, top, right, bottom = first[0], min(first[1], top), max(first[2], right), max(first[3], bottom)
        lines.append((left, top, right, bottom))
    return lines


def _rect(box: Sequence[float]) -> Rect:
    left, top, right, bottom = box
    return float(left), float(top), float(right), float(bottom)


def _about(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return getattr(answer, "meta", None) or {}


def _table(answers: Sequence[Mapping[str, Any]], colours: Mapping[str, kit.Colour], room: int) -> str:
    def rows() -> Iterator[str]:
        for rank, answer in enumerate(answers):
            words = kit.escape(answer["answer"], 200) if answer["answer"] else f'<i style="{kit.MUTED}">no answer</i>'
            yield kit.cell(kit.chip(f"<bdi>{words}</bdi>", colours[str(rank)])) + kit.cell(
                kit.number(answer.get("score")), kit.NUMBER
            )

    return kit.table(kit.heads("answer", ">score"), rows(), len(answers), room)


def _picture(
    answers: Sequence[Mapping[str, Any]], source: Any, colours: Mapping[str, kit.Colour], side: int, room: int
) -> str:
    page = page_of(answers, source)
    marks = [
        (rank, rect, str(answer["answer"])) for rank, answer in enumerate(answers[:BOXED]) for rect in rects_of(answer)
    ]
    words = words_of(answers, source) if page is None else []
    if page is None and not marks and not words:
        return ""
    page = page or _sketch(words[:WORDS])
    size = page.size
    image = paint.ground(page, size, side)
    across, down = size[0] / SCALE, size[1] / SCALE
    drawn = [
        paint.Mark(around(rect, across, down), answer[: paint.WORDS], place, colours[str(rank)])
        for place, (rank, rect, answer) in enumerate(marks)
    ]
    paint.boxes(image, drawn, image.width / size[0])
    said = ", ".join(dict.fromkeys(answer for _, _, answer in marks)) or "no answer"
    return pictures.drawn(image, f"The page, {size[0]} × {size[1]}: {said[:300]}", room)


def _sketch(words: Sequence[tuple[str, Rect]]) -> Image.Image:
    """A page without letters, which shows where its words stand."""
    image = Image.new("RGB", BLANK, "white")
    draw = ImageDraw.Draw(image)
    for _, rect in words:
        draw.rectangle([side * BLANK[i % 2] / SCALE for i, side in enumerate(rect)], "#d0d0d0")
    return image


def around(rect: Rect, across: float, down: float) -> Rect:
    """A rectangle in pixels, a little off the words in it. across, down: pixels that a thousandth of the page takes."""
    left, top, right, bottom = rect
    return (left - GAP) * across, (top - GAP) * down, (right + GAP) * across, (bottom + GAP) * down
