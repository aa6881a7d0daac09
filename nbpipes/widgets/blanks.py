"""The view of words for blanks (fill-mask)."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import blanks, kit
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, View, prose, score, text


class Blanks(View):
    """The sentence with a candidate in each blank; the reader chooses others. `selected`: the ones in place."""

    name: ClassVar[str] = "blanks"
    _esm = Unicode(bundle("blanks")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The candidates of all blanks, one after the other."""
    return [candidate for mask in blanks.masks_of(value) for candidate in mask]


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the candidates of each blank, and the text around the blanks."""
    masks = blanks.masks_of(value)
    whole = kit.text_of(source)
    found = list(islice(blanks.MASK.finditer(whole), len(masks) + 1)) if whole else []
    pieces = None
    if whole is not None and len(found) == len(masks):
        ends = [0, *(match.end() for match in found)]
        starts = [*(match.start() for match in found), len(whole)]
        pieces = [kit.safe(whole[start:end]) for start, end in zip(ends, starts, strict=True)]
    each = ENTRIES // max(len(masks), 1)
    return {
        "about": f"Words for {len(masks):,} blank{'' if len(masks) == 1 else 's'}",
        **prose(None if pieces else whole),
        "pieces": pieces,
        "blanks": [
            [{"word": text(blanks.word_of(entry), 200), "score": score(entry.get("score"))} for entry in mask[:each]]
            for mask in masks
        ],
    }
