"""The view of entities (token-classification)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import kit, spans
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, View, prose, score, text


class Entities(View):
    """The text with its entities: classes are shown alone, a threshold moves, entities are selected."""

    name: ClassVar[str] = "entities"
    _esm = Unicode(bundle("entities")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The entities."""
    return spans.entities_of(value)


def classes_of(values: Iterable[Any]) -> tuple[str, ...]:
    """The classes of the entities of several results: each has one colour in all of their views."""
    groups = {text(spans.group_of(entity), 200) for value in values for entity in spans.entities_of(value)}
    return tuple(sorted(groups))


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the text, and the entities with offsets in code points of it."""
    found = spans.entities_of(value)
    whole = kit.text_of(source)
    shown = whole if whole and whole.strip() else None
    count = f"{len(found):,} {'entity' if len(found) == 1 else 'entities'}"
    return {
        "about": f"Named entities: {count}",
        **prose(shown),
        "entities": [_entity(entity, len(shown or "")) for entity in found[:ENTRIES]],
    }


def _entity(entity: Mapping[str, Any], length: int) -> dict[str, Any]:
    start, end = entity.get("start"), entity.get("end")
    placed = type(start) is int and type(end) is int and 0 <= start < end <= length
    return {
        "label": text(spans.label_of(entity), 200),
        "group": text(spans.group_of(entity), 200),
        "score": score(entity.get("score")),
        "word": text(entity.get("word"), 500),
        "start": start if placed else None,
        "end": end if placed else None,
    }
