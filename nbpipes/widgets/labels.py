"""The view of labels with scores (text-classification, zero-shot-classification, and the same of images)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import kit, scores
from nbpipes.errors import InputError
from nbpipes.results.makers import maker_of
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import picture
from nbpipes.widgets.view import ENTRIES, View, prose, score, text

OPEN = frozenset({"zero-shot-classification", "zero-shot-image-classification"})
"""Tasks whose labels the user chooses."""
CANDIDATES = 100
"""Labels that the reader may choose."""


class Labels(View):
    """Bars for the labels of a text or an image; a threshold moves, labels are selected.

    Where the labels are the user's own and the pipeline is still in memory, the reader changes them and the model is
    asked again, with the pipeline's own options; `result` is then the new one.
    """

    name: ClassVar[str] = "labels"
    slow: ClassVar[frozenset[str]] = frozenset({"again"})
    _esm = Unicode(bundle("labels")).tag(sync=True)

    def __init__(self, result: Any, spec: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        shown = dict(spec)
        if result.task in OPEN and maker_of(result.task, result.meta) is not None:
            shown["candidates"] = [entry["label"] for entry in shown["labels"][:CANDIDATES]]
        super().__init__(result, shown, meta)
        self.ops["again"] = self._again

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)

    def _again(self, args: Mapping[str, Any]) -> None:
        """Score other labels."""
        wanted = args["candidates"]
        known = isinstance(wanted, list) and all(isinstance(one, str) and one.strip() for one in wanted)
        if not known or not 1 <= len(wanted) <= CANDIDATES:
            raise InputError(f"1 to {CANDIDATES} labels are needed, not {wanted!r:.200}")
        pipe = maker_of(self.result.task, self.result.meta)
        if pipe is None:
            raise InputError("the pipeline is not in memory any more: run the cell again")
        self.result = pipe(self.result.source, candidate_labels=list(wanted))
        self.selected = []
        scored = describe(self.result, None)
        changed = {key: scored[key] for key in ("about", "several", "labels")}
        self.spec = dict(self.spec) | changed | {"candidates": wanted}


def parts_of(value: Any) -> Sequence[Any]:
    """The labels, each with its score."""
    return [{"label": label, "score": number} for label, number in scores.pairs_of(value)]


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws of a text's labels.

    several: labels do not exclude each other, as their scores add up to more than 1. candidates: labels that the
    reader may change, None for all others.
    """
    pairs = scores.pairs_of(value)[:ENTRIES]
    numbers = [number for _, number in pairs if kit.is_score(number)]
    return {
        "about": f"Labels: {len(pairs):,}",
        **prose(kit.text_of(scores.source_of(value, source))),
        "picture": None,
        "candidates": None,
        "several": all(0 <= number <= 1 for number in numbers) and sum(numbers) > 1.01,
        "labels": [{"label": text(label, 500), "score": score(number)} for label, number in pairs],
    }


def describe_image(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws of an image's labels."""
    return describe(value, None) | {"picture": picture(source)}
