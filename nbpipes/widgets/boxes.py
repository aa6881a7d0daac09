"""The view of boxes (object-detection)."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import boxes
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import picture
from nbpipes.widgets.view import View, score, text

SHOWN = 5_000
"""Objects of one picture."""


class Boxes(View):
    """A picture with its objects: classes are shown alone, a threshold moves, objects are selected and cut out."""

    name: ClassVar[str] = "boxes"
    _esm = Unicode(bundle("boxes")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The objects, or regions."""
    return boxes.entries_of(value)


def classes_of(values: Iterable[Any]) -> tuple[str, ...]:
    """The labels of the objects or regions of several results: each has one colour in all of their views."""
    return tuple(sorted({text(str(part["label"]), 200) for value in values for part in parts_of(value)}))


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the picture, and the objects with their boxes in pixels of it."""
    found = boxes.found_in(value)
    return {
        "about": about([one.label for one in found], "object"),
        "picture": picture(source, boxes.size_of(found)),
        "entries": [
            {"label": text(one.label, 200), "score": score(one.score), "box": one.rect and [*map(plain, one.rect)]}
            for one in found[:SHOWN]
        ],
        "more": max(len(found) - SHOWN, 0),
    }


def about(labels: Sequence[str], what: str) -> str:
    """What a picture shows, in words: "3 objects: 2 cat, 1 dog"."""
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    most = sorted(counts, key=lambda label: -counts[label])[:5]
    named = ", ".join(f"{counts[label]} {text(label, 40)}" for label in most)
    total = f"{len(labels):,} {what}{'' if len(labels) == 1 else 's'}"
    return f"{total}: {named}{' …' if len(counts) > len(most) else ''}" if labels else f"No {what}s"


def plain(number: float) -> float | int:
    """A whole number as an int."""
    return int(number) if number.is_integer() else number
