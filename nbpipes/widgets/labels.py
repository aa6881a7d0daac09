"""The view of labels with scores (text-classification, zero-shot-classification)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import kit, scores
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, View, prose, score, text


class Labels(View):
    """Bars for the labels of a text; a threshold moves, labels are selected."""

    name: ClassVar[str] = "labels"
    _esm = Unicode(bundle("labels")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The labels, each with its score."""
    return [{"label": label, "score": number} for label, number in scores.pairs_of(value)]


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws. several: labels do not exclude each other, as their scores add up to more than 1."""
    pairs = scores.pairs_of(value)[:ENTRIES]
    numbers = [number for _, number in pairs if kit.is_score(number)]
    return {
        "about": f"Labels: {len(pairs):,}",
        **prose(kit.text_of(scores.source_of(value, source))),
        "several": all(0 <= number <= 1 for number in numbers) and sum(numbers) > 1.01,
        "labels": [{"label": text(label, 500), "score": score(number)} for label, number in pairs],
    }
