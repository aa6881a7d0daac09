"""Entities (token-classification): the text with its entities marked; a table of those without offsets."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from nbpipes.display import kit, plain
from nbpipes.display.marking import Span, mark, placed

LEGEND = 12  # labels counted in the legend

Entity = Mapping[str, Any]
Colours = Mapping[str, kit.Colour]


def draw(value: Any, source: Any, room: int) -> str:
    """Return a legend that counts the entities, and the text with them marked."""
    if not isinstance(value, (list, dict)):
        return plain.draw(value, source, room)
    entities = entities_of(value)
    colours = kit.colours(map(group_of, entities))
    legend = _legend(entities, colours)
    return legend + _text(colours, value, source, room - kit.size(legend))


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return one legend for all, and the first texts one below the other."""
    entities = [entity for value in values for entity in entities_of(value)]
    colours = kit.colours(map(group_of, entities))
    legend = _legend(entities, colours)
    return legend + kit.blocks(partial(_text, colours), values, sources, room - kit.size(legend))


def _text(colours: Colours, value: Any, source: Any, room: int) -> str:
    """The text of an item with its entities marked, and a table of those that have no place in it."""
    if not isinstance(value, (list, dict)):
        return plain.draw(value, source, room)
    entities = entities_of(value)
    text = kit.text_of(source)
    if text is None or not text.strip():
        quoted = kit.quote(text, room)
        return quoted + _table(entities, room - kit.size(quoted))
    good, others = placed([_span(entity, colours) for entity in entities], len(text))
    left = _table([entities[index] for index in others], room // 4)
    marked = mark(text, good, room - kit.size(left) - 600)
    hidden = len(good) - marked.spans
    note = f" with {_count(hidden)}" if hidden else ""
    html = kit.paragraph(marked.html, marked.line_height + 0.2 if good else 1.6)
    return html + kit.more(len(text) - marked.characters, "character", note) + left


def entities_of(value: Any) -> list[Entity]:
    entries = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def label_of(entity: Entity) -> str:
    return str(entity.get("entity_group", entity.get("entity", "")))


def group_of(entity: Entity) -> str:
    """The label without the B- or I- in front: what a colour stands for."""
    label = label_of(entity)
    return label[2:] if label[:2] in {"B-", "I-"} else label


def _span(entity: Entity, colours: Colours) -> Span:
    start, end = entity.get("start"), entity.get("end")
    if not (isinstance(start, int) and isinstance(end, int)):
        start = end = -1
    note = f"{kit.escape(label_of(entity), 40)} {kit.number(entity.get('score'), 2)}"
    return Span(start, end, note, colours[group_of(entity)])


def _count(entities: int) -> str:
    return f"{entities:,} {'entity' if entities == 1 else 'entities'}"


def _legend(entities: Sequence[Entity], colours: Colours) -> str:
    if not entities:
        return f'<div style="{kit.MUTED}">No entities</div>'
    counts = Counter(map(group_of, entities))
    words = [
        f'<span style="white-space:nowrap">{kit.chip(kit.escape(label, 40), colours[label])} {count:,}</span>'
        for label, count in counts.most_common(LEGEND)
    ]
    if len(counts) > LEGEND:
        words.append(f"… {len(counts) - LEGEND:,} more labels")
    return f'<div style="font-size:.88em">{_count(len(entities))}: {", ".join(words)}</div>'


def _table(entities: Sequence[Entity], room: int) -> str:
    def rows() -> Iterator[str]:
        for entity in entities:
            yield (
                kit.cell(f'<span dir="auto">{kit.escape(entity.get("word"), 200)}</span>')
                + kit.cell(kit.escape(label_of(entity), 60))
                + kit.cell(kit.number(entity.get("score")), kit.NUMBER)
            )

    head = kit.heads("word", "entity", ">score")
    return kit.table(head, rows(), len(entities), room) if entities else ""
