"""The view of two results of the same task on the same input, and where they differ."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from traitlets import Dict, Unicode

from nbpipes.display import kit
from nbpipes.errors import InputError
from nbpipes.results.records import Record, Records
from nbpipes.results.wording import WordErrors, word_errors
from nbpipes.widgets import playing, wording
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.differences import differences
from nbpipes.widgets.registry import classes_of, module_of, parts_of, spec_of
from nbpipes.widgets.view import View, text


class Comparison(View):
    """Two results side by side. selected: what is selected in both, first of the left one.

    errors: of a transcript, where the right side is its reference.
    """

    name: ClassVar[str] = "comparison"
    slow: ClassVar[frozenset[str]] = playing.SLOW
    _esm = Unicode(bundle("comparison")).tag(sync=True)
    code = Dict().tag(sync=True)

    def __init__(self, left: Record | Records, right: Record | Records, errors: WordErrors | None = None) -> None:
        self.pair, self.errors = (left, right), errors
        self._picked: list[list[Any]] = [[], []]
        specs = [spec_of(result.task, result, result.source) for result in self.pair]
        sides = [side for side in specs if side is not None]
        if len(sides) < 2:
            raise InputError(f"there is no view for results of {left.task or 'no task'}")
        module = module_of(left.task, left if left else right)
        if classes := classes_of(module, self.pair):
            for side in sides:
                side["classes"] = list(classes)
        spoken = module == "transcript"
        found = wording.transcripts(left, right, errors) if spoken else differences(module, left, right)
        spec = {"about": "Two results on one input", **found, "sides": sides}
        super().__init__([left, right], spec | {"names": _names(left, right)})
        self.code = {side["kind"]: bundle(side["kind"]) for side in sides}
        self.ops |= playing.requests(lambda args: playing.about(self.pair[args["side"]]))

    def to_html(self) -> str:
        heads = (f"<div><b>{kit.escape(name, 120)}</b></div>" for name in _names(*self.pair))
        with kit.beside(self.spec["sides"][0].get("classes", ())):
            sides = [head + result.to_html() for head, result in zip(heads, self.pair, strict=True)]
        return kit.escape(self.spec.get("summary", "")) + "".join(sides)

    def _select(self, args: Mapping[str, Any]) -> None:
        side = args["side"]
        parts = parts_of(self.pair[side].task, self.pair[side])
        self._picked[side] = [parts[index] for index in args["indices"]]
        self.selected = [*self._picked[0], *self._picked[1]]


def compare(left: Record | Records, right: Record | Records | str) -> Comparison:
    """Return a view of two results of one task on the same input, with a table of what they disagree on.

    A transcript can also be compared with the right text: `compare(result, "what was said").errors.rate` is its word
    error rate. Put it at the end of a cell to see it. InputError where the results cannot be compared.
    """
    if isinstance(right, str):
        return _with_reference(left, right)
    for result in (left, right):
        if not isinstance(result, Record | Records):
            raise InputError(f"compare() takes two results of pipelines, not a {type(result).__name__}")
        if isinstance(result, Records) and result.batched:
            raise InputError("compare() takes the results of one item: compare(a[0], b[0])")
    if left.task != right.task:
        raise InputError(f"the results are of two tasks: {left.task} and {right.task}")
    if not _same(left.source, right.source):
        raise InputError("the results are of two inputs; compare() shows two results on the same one")
    return Comparison(left, right)


def _with_reference(result: Any, reference: str) -> Comparison:
    said = result.get("text") if isinstance(result, Record) else None
    if not isinstance(said, str):
        raise InputError("compare() compares a text with a transcript of one sound only")
    right = Record({"text": reference}, result.task, None, {"model": "reference"})
    return Comparison(result, right, word_errors(said, reference))


def _same(left: Any, right: Any) -> bool:
    """Whether two items are one: texts, files, pictures or arrays."""
    if left is right:
        return True
    try:
        return bool(left == right)
    except (ValueError, RuntimeError):  # arrays and tensors compare their values one by one
        return np.array_equal(np.asarray(left), np.asarray(right))


def _names(left: Record | Records, right: Record | Records) -> list[str]:
    names = [text(str(result.meta.get("model") or "?"), 120) for result in (left, right)]
    return names if names[0] != names[1] else [f"{names[0]} (left)", f"{names[1]} (right)"]
