"""The view of answers found in a text (question-answering)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import answers
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import View, prose, score, text

ANSWERS = 200


class Answers(View):
    """The answers to a question, and the one that is chosen marked in its context."""

    name: ClassVar[str] = "answers"
    _esm = Unicode(bundle("answers")).tag(sync=True)


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the question, the answers, and the context with offsets in code points of it."""
    found = [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, Mapping)]
    question, context = answers.part_of(source, "question"), answers.part_of(source, "context")
    whole = context if isinstance(context, str) else None
    return {
        "about": f"Answers: {len(found):,}",
        **prose(whole),
        "question": text(question) if isinstance(question, str) else None,
        "answers": [_answer(entry, len(whole or "")) for entry in found[:ANSWERS]],
    }


def _answer(entry: Mapping[str, Any], length: int) -> dict[str, Any]:
    start, end = entry.get("start"), entry.get("end")
    placed = type(start) is int and type(end) is int and 0 <= start < end <= length
    return {
        "answer": text(entry.get("answer") or ""),
        "score": score(entry.get("score")),
        "start": start if placed else None,
        "end": end if placed else None,
    }
