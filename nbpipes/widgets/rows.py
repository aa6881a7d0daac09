"""Many results as rows of a table: what stands in the cells of each kind of result."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nbpipes.display import answers, blanks, depth, kit, scores, spans
from nbpipes.display.chat import content_of
from nbpipes.display.pictures import name_of
from nbpipes.results import sounds
from nbpipes.results.failures import Failure
from nbpipes.results.tables import computed
from nbpipes.widgets import boxes, chat
from nbpipes.widgets import text as texts
from nbpipes.widgets.view import score, text

HEATS = 8  # labels that have a column each
CHIPS = 6  # entities that a cell names
WORDS = 160  # characters of a cell
TEXTS = ("text", "long")  # kinds of columns that hold words; of long ones there is more than of the item's name


class Column(NamedTuple):
    """A column. kind: how the front end draws its cells: "text", "long", "number", "heat" or "chips"."""

    name: str
    kind: str


class Rows(NamedTuple):
    """The columns of results of one kind, and what gives the cells of a row, one value for each column."""

    columns: tuple[Column, ...]
    cells: Callable[[Any], list[Any]]

    def of(self, value: Any) -> list[Any]:
        """The cells of a row; those of an item that failed say why, where there is a place for it."""
        if isinstance(value, Failure):
            return [f"✘ {text(value.text, WORDS)}" if kind in TEXTS else None for _, kind in self.columns]
        return self.cells(value)


def rows_of(module: str, values: Sequence[Any]) -> Rows:
    """How results are shown as rows. module: of the display that draws one of them."""
    match module:
        case "scores" | "image_labels" | "sounds":
            return _labels(values)
        case "spans":
            return Rows((Column("entities", "number"), Column("found", "chips")), _entities)
        case "answers" | "document":
            return Rows((Column("answer", "text"), Column("score", "number")), _answer)
        case "cells":
            return Rows((Column("answer", "text"), Column("value", "number")), _found_cells)
        case "blanks":
            return Rows((Column("words", "text"), Column("score", "number")), _words)
        case "text" | "chat":
            return Rows((Column("text", "long"),), _text)
        case "transcript":
            return Rows((Column("text", "long"),), _said)
        case "boxes" | "masks":
            return Rows(
                (Column("objects" if module == "boxes" else "regions", "number"), Column("found", "chips")), _things
            )
        case "depth":
            return Rows((Column("least", "number"), Column("largest", "number")), _depths)
    return Rows((Column("result", "text"),), lambda value: [text(value, WORDS)])


def excerpt(source: Any) -> str:
    """The beginning of an item's text, "" where it has none."""
    question = answers.part_of(source, "question") if kit.text_of(source) is None else None
    words = question if isinstance(question, str) else kit.text_of(source) or ""
    return text(" ".join(words[: 2 * WORDS].split()), WORDS)


def picture_name(source: Any) -> str:
    """What is asked about the picture of an item, else what that is called."""
    question = answers.part_of(source, "question")
    return text(question if isinstance(question, str) else name_of(source), WORDS)


def sound_name(source: Any) -> str:
    """What the sound of an item is called."""
    return text(sounds.name_of(source), WORDS)


def _said(value: Any) -> list[Any]:
    whole = value.get("text") if isinstance(value, Mapping) else None
    return [text(whole.strip() or "(nothing said)" if isinstance(whole, str) else value, WORDS)]


def _things(value: Any) -> list[Any]:
    """How many objects or regions there are, and their labels, the most frequent first."""
    labels = [text(str(part["label"]), 200) for part in boxes.parts_of(value)]
    return [len(labels), [[label, f"{count:,}"] for label, count in Counter(labels).most_common(CHIPS)]]


def _depths(value: Any) -> list[Any]:
    found = depth.depths_of(value)
    return [None, None] if found is None else [score(float(found.min())), score(float(found.max()))]


def _labels(values: Sequence[Any]) -> Rows:
    found = [scores.pairs_of(value) for value in values if not isinstance(value, Failure)]
    labels = sorted({str(label) for pairs in found for label, _ in pairs})
    if 1 < len(labels) <= HEATS and all(len(pairs) in (0, len(labels)) for pairs in found):
        columns = tuple(Column(text(label, 40), "heat") for label in labels)
        return Rows(columns, lambda value: _heats(value, labels))
    return Rows((Column("label", "text"), Column("score", "number")), _best)


def _heats(value: Any, labels: Sequence[str]) -> list[Any]:
    by_label = {str(label): number for label, number in scores.pairs_of(value)}
    return [score(by_label.get(label)) for label in labels]


def _best(value: Any) -> list[Any]:
    pairs = scores.pairs_of(value)
    return [text(pairs[0][0], WORDS), score(pairs[0][1])] if pairs else ["", None]


def _entities(value: Any) -> list[Any]:
    found = spans.entities_of(value)
    chips = [[text(spans.group_of(entity), 40), text(entity.get("word"), 40)] for entity in found[:CHIPS]]
    return [len(found), chips]


def _answer(value: Any) -> list[Any]:
    best = value[0] if isinstance(value, list) and value else value
    if not isinstance(best, Mapping):
        return ["", None]
    return [text(best.get("answer") or "", WORDS), score(best.get("score"))]


def _found_cells(value: Any) -> list[Any]:
    entries = value if isinstance(value, list) else [value]
    found = [entry for entry in entries if isinstance(entry, Mapping)]
    words = "; ".join(text(entry.get("answer") or "", WORDS) for entry in found)
    return [words[:WORDS], computed(found[0]) if len(found) == 1 else None]


def _words(value: Any) -> list[Any]:
    best = [candidates[0] for candidates in blanks.masks_of(value)]
    words = ", ".join(blanks.word_of(candidate) for candidate in best)
    return [text(words, WORDS), score(best[0].get("score")) if best else None]


def _text(value: Any) -> list[Any]:
    if chats := chat.chats_of(value):
        return [text(content_of(chats[0]["generated_text"][-1]), WORDS)]
    found = texts.written(value)
    words = next((entry[key] for entry in found[:1] for key in texts.KEYS if key in entry), "")
    return [text(words, WORDS)]
