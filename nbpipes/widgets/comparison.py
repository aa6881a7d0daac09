"""The view of two results of the same task on the same input, and where they differ."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Dict, Unicode

from nbpipes.display import kit
from nbpipes.errors import InputError
from nbpipes.results.records import Record, Records
from nbpipes.widgets import entities, labels
from nbpipes.widgets import text as texts
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.registry import module_of, parts_of, spec_of
from nbpipes.widgets.view import View, text

ROWS = 500  # differences that are listed
Said = Mapping[str, str]  # what a result says, by what it says it of


class Comparison(View):
    """Two results side by side. selected: what is selected in both, first of the left one."""

    name: ClassVar[str] = "comparison"
    _esm = Unicode(bundle("comparison")).tag(sync=True)
    code = Dict().tag(sync=True)

    def __init__(self, left: Record | Records, right: Record | Records) -> None:
        self.pair = left, right
        self._picked: list[list[Any]] = [[], []]
        found = [spec_of(result.task, result, result.source) for result in self.pair]
        sides = [side for side in found if side is not None]
        if len(sides) < 2:
            raise InputError(f"there is no view for results of {left.task or 'no task'}")
        for side in sides:
            if side["kind"] == entities.Entities.name:
                side["classes"] = list(entities.classes_of(self.pair))
        spec = {"about": "Two results on one input", **_differences(left, right), "sides": sides}
        super().__init__([left, right], spec | {"names": _names(left, right)})
        self.code = {side["kind"]: bundle(side["kind"]) for side in sides}

    def to_html(self) -> str:
        heads = (f"<div><b>{kit.escape(name, 120)}</b></div>" for name in _names(*self.pair))
        return "".join(head + result.to_html() for head, result in zip(heads, self.pair, strict=True))

    def _select(self, args: Mapping[str, Any]) -> None:
        side = args["side"]
        parts = parts_of(self.pair[side].task, self.pair[side])
        self._picked[side] = [parts[index] for index in args["indices"]]
        self.selected = [*self._picked[0], *self._picked[1]]


def compare(left: Record | Records, right: Record | Records) -> Comparison:
    """Return a view of two results of one task on the same input, with a table of what they disagree on.

    Put it at the end of a cell to see it. InputError where the results cannot be compared.
    """
    for result in (left, right):
        if not isinstance(result, Record | Records):
            raise InputError(f"compare() takes two results of pipelines, not a {type(result).__name__}")
        if isinstance(result, Records) and result.batched:
            raise InputError("compare() takes the results of one item: compare(a[0], b[0])")
    if left.task != right.task:
        raise InputError(f"the results are of two tasks: {left.task} and {right.task}")
    if left.source != right.source:
        raise InputError("the results are of two inputs")
    return Comparison(left, right)


def _names(left: Record | Records, right: Record | Records) -> list[str]:
    names = [text(str(result.meta.get("model") or "?"), 120) for result in (left, right)]
    return names if names[0] != names[1] else [f"{names[0]} (left)", f"{names[1]} (right)"]


def _differences(left: Record | Records, right: Record | Records) -> dict[str, Any]:
    """What both say: rows of what it is said of, both answers, and whether they are the same."""
    module = module_of(left.task, left)
    said = [_said(module, result) for result in (left, right)]
    head = {"spans": "entity", "scores": "label", "blanks": "blank"}.get(module, "rank")
    rows = []
    for key in list(dict.fromkeys([*said[0], *said[1]]))[:ROWS]:
        answers = [side.get(key) for side in said]
        same = answers[0] is not None and answers[0] == answers[1]
        rows.append({"what": key, "left": answers[0], "right": answers[1], "same": same})
    return {"head": head, "rows": rows}


def _said(module: str, result: Any) -> Said:
    match module:
        case "spans":
            return _entities(result)
        case "scores":
            pairs = [(text(part["label"], 200), part["score"]) for part in labels.parts_of(result)]
            return {label: f"{score:.2f}" if kit.is_score(score) else "" for label, score in pairs}
        case "blanks":
            masks = result if result and isinstance(result[0], list) else [result]
            words = [", ".join(text(entry.get("token_str"), 40) for entry in mask[:3]) for mask in masks]
            return _numbered(words)
        case "text":
            return _numbered(
                [text(next(entry[key] for key in texts.KEYS if key in entry)) for entry in texts.written(result)]
            )
        case "answers":
            found = result if isinstance(result, list) else [result]
            return _numbered([text(entry.get("answer") or "no answer") for entry in found])
    return {}


def _entities(result: Any) -> Said:
    """The labels of entities by their words, which get the place where they stand if they stand twice."""
    parts = entities.parts_of(result)
    described = entities.describe(result, result.source)["entities"]
    words = [entity["word"] for entity in described]
    return {
        entity["word"] if words.count(entity["word"]) == 1 else f"{entity['word']} ({part.get('start')})": entity[
            "label"
        ]
        for entity, part in zip(described, parts, strict=False)
    }


def _numbered(answers: Sequence[str]) -> Said:
    return {str(number): answer for number, answer in enumerate(answers, 1)}
