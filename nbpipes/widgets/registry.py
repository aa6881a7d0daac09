"""Which view shows which result."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nbpipes.display import registry
from nbpipes.errors import InputError
from nbpipes.results.conversation import Conversation
from nbpipes.results.failures import Failure
from nbpipes.results.records import Record, Records
from nbpipes.widgets import (
    answers,
    blanks,
    boxes,
    cells,
    chat,
    depth,
    embeddings,
    entities,
    labels,
    masks,
    page,
    sounds,
    text,
    transcript,
)
from nbpipes.widgets.gallery import Gallery, Items
from nbpipes.widgets.rows import excerpt, picture_name, rows_of, sound_name
from nbpipes.widgets.view import View, frame


class Kind(NamedTuple):
    """A view, and what makes its spec of the result and the source of one item: None where that shows nothing."""

    view: type[View]
    describe: Callable[[Any, Any], dict[str, Any] | None]


# By the display module that draws the same result as static HTML.
KINDS: Mapping[str, Kind] = {
    "answers": Kind(answers.Answers, answers.describe),
    "blanks": Kind(blanks.Blanks, blanks.describe),
    "boxes": Kind(boxes.Boxes, boxes.describe),
    "cells": Kind(cells.Cells, cells.describe),
    "chat": Kind(chat.Chat, chat.describe),
    "depth": Kind(depth.Depth, depth.describe),
    "document": Kind(page.Page, page.describe),
    "embeddings": Kind(embeddings.Embeddings, embeddings.describe),
    "image_embeddings": Kind(embeddings.Embeddings, embeddings.describe_image),
    "image_labels": Kind(labels.Labels, labels.describe_image),
    "masks": Kind(masks.Masks, masks.describe),
    "scores": Kind(labels.Labels, labels.describe),
    "sounds": Kind(sounds.Sounds, sounds.describe),
    "spans": Kind(entities.Entities, entities.describe),
    "text": Kind(text.Text, text.describe),
    "transcript": Kind(transcript.Transcript, transcript.describe),
}

PICTURES = frozenset({"boxes", "depth", "document", "image_embeddings", "image_labels", "masks"})
"""Those whose items are pictures."""
SOUNDS = frozenset({"sounds", "transcript"})
"""Those whose items are sounds."""


def view_of(result: Record | Records | Conversation) -> View | None:
    """Make the live view of a result; None where there is only the static HTML."""
    if isinstance(result, Records) and result.batched:
        if len(result) == 1 and isinstance(result[0], Record | Records):
            return view_of(result[0])
        return _gallery(result) if result else None
    kind = KINDS.get(module_of(result.task, result))
    spec = kind and kind.describe(result, result.source)
    return kind.view(result, spec, result.meta) if kind and spec is not None else None


def view_of_rows(result: Records, labels: Sequence[Any]) -> View:
    """Make the live view of results that belong to rows of a table, with its labels for them."""
    if not result:
        raise InputError("there is nothing to show: no row has a value")
    view = _gallery(result, labels)
    view.labels = labels
    return view


def module_of(task: str, value: Any) -> str:
    """The name of the display module that draws the result of one item, "text" for texts that a model wrote."""
    if chat.chats_of(value):
        return "chat"
    return "text" if text.written(value) else registry.find(task, value).module


def spec_of(task: str, value: Any, source: Any) -> dict[str, Any] | None:
    """The whole spec of the result of one item, for a view inside another one; None where there is no view for it."""
    kind = KINDS.get(module_of(task, value))
    spec = kind and kind.describe(value, source)
    return frame(kind.view.name, {}) | spec if kind and spec is not None else None


def parts_of(task: str, value: Any) -> list[Any]:
    """What can be selected in the view of the result of one item, in the order of its numbers."""
    match module_of(task, value):
        case "spans":
            return list(entities.parts_of(value))
        case "scores" | "image_labels":
            return list(labels.parts_of(value))
        case "blanks":
            return list(blanks.parts_of(value))
        case "boxes" | "masks":
            return list(boxes.parts_of(value))
        case "document":
            return list(page.parts_of(value))
        case "sounds":
            return list(sounds.parts_of(value))
        case "transcript":
            return list(transcript.parts_of(value))
    return value if isinstance(value, list) else [value]


def classes_of(module: str, values: Sequence[Any]) -> tuple[str, ...]:
    """The classes of several results that have a colour, which is the same in all of their views."""
    if module == "spans":
        return entities.classes_of(values)
    return boxes.classes_of(values) if module in ("boxes", "masks") else ()


def _gallery(result: Records, labels: Sequence[Any] | None = None) -> View:
    known = (
        entry for entry in result if isinstance(entry, Record | Records) and entry and not isinstance(entry, Failure)
    )
    module = module_of(result.task, next(known, result[0]))
    sources = result.sources
    if module in ("embeddings", "image_embeddings"):
        spec = embeddings.describe_batch(result, sources, "texts" if module == "embeddings" else "images")
        if spec is not None:
            return embeddings.Embeddings(result, spec, result.meta)

    classes = classes_of(module, result)

    def describe(index: int) -> dict[str, Any]:
        if isinstance(result[index], Failure):
            raise InputError(f"this item has no result: {result[index].text}")
        spec = spec_of(result.task, result[index], sources[index])
        if spec is not None and classes:
            spec["classes"] = list(classes)
        if spec is None:
            raise InputError(f"there is no view for this result: {result[index]!r:.300}")
        return spec

    items = Items(
        values=result,
        sources=sources,
        rows=rows_of(module, result),
        describe=describe,
        parts=lambda index: parts_of(result.task, result[index]),
        classes=classes,
        bundles=(KINDS[module].view.name,) if module in KINDS else (),
        name=picture_name if module in PICTURES else sound_name if module in SOUNDS else excerpt,
        pictures=module in PICTURES,
        labels=labels,
    )
    return Gallery(result, items, result.meta, f"{len(result):,} results of {result.task or 'a task'}")
