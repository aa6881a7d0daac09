"""Words for blanks (fill-mask): the sentence with the best candidates in place, and a table of all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any

from nbpipes.display import kit, plain
from nbpipes.display.marking import Span, mark

MASK = re.compile(r"\[MASK\]|<mask>", re.IGNORECASE)
COLUMNS = 4  # blanks that the table has

Candidates = Sequence[Mapping[str, Any]]


def draw(value: Any, source: Any, room: int) -> str:
    """Return the sentence with its blanks filled, and a table of the candidates for each of them."""
    masks = masks_of(value)
    if not masks:
        return plain.draw(value, source, room)
    table = _table(masks, room // 2)
    return _sentence(masks, kit.text_of(source), room - kit.size(table)) + table


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first sentences one below the other."""
    return kit.blocks(draw, values, sources, room)


def masks_of(value: Any) -> Sequence[Candidates]:
    """The candidates of each mask; the result of a text with one mask has no level for it."""
    if isinstance(value, dict):
        return [[value]]
    if not isinstance(value, list):
        return []
    masks = value if value and isinstance(value[0], list) else [value]
    found = [[entry for entry in mask if isinstance(entry, dict)] for mask in masks if isinstance(mask, list)]
    return [candidates for candidates in found if candidates]


def _sentence(masks: Sequence[Candidates], text: str | None, room: int) -> str:
    blanks = list(islice(MASK.finditer(text), len(masks) + 1)) if text else []
    if text is None or len(blanks) != len(masks):
        return kit.quote(text, room)
    whole = ""
    spans: list[Span] = []
    position = 0
    for index, (blank, candidates) in enumerate(zip(blanks, masks, strict=True)):
        whole += text[position : blank.start()]
        start = len(whole)
        whole += word_of(candidates[0])
        if len(whole) > start:
            note = kit.number(candidates[0].get("score"), 2)
            spans.append(Span(start, len(whole), note, _colour(index)))
        position = blank.end()
    whole += text[position:]
    marked = mark(whole, spans, room - 600)
    return kit.paragraph(marked.html, marked.line_height) + kit.more(len(whole) - marked.characters, "character")


def _colour(index: int) -> kit.Colour:
    return kit.PALETTE[index % len(kit.PALETTE)]


def word_of(candidate: Mapping[str, Any]) -> str:
    word = candidate.get("token_str")
    return (word.strip() or word) if isinstance(word, str) else ""


def _table(masks: Sequence[Candidates], room: int) -> str:
    shown = masks[:COLUMNS]

    def rows() -> Iterator[str]:
        for candidates in zip_longest(*shown):
            yield "".join(_cells(entry, _colour(index)) for index, entry in enumerate(candidates))

    names = ["word"] if len(masks) == 1 else [f"blank {index}" for index in range(1, len(shown) + 1)]
    head = "".join(kit.heads(name, ">score", "") for name in names)
    html = kit.table(head, rows(), max(map(len, shown)), room - 200)
    return html + kit.more(len(masks) - len(shown), "blank")


def _cells(candidate: Mapping[str, Any] | None, colour: kit.Colour) -> str:
    if candidate is None:
        return kit.cell("") * 3
    score = candidate.get("score")
    word = kit.escape(word_of(candidate) or candidate.get("token_str"), 80)
    return (
        kit.cell(f'<span dir="auto">{word}</span>') + kit.cell(kit.number(score), kit.NUMBER) + kit.bar(score, colour)
    )
