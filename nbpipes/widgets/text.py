"""The view of text that a model wrote: continued, translated or summarised."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import kit
from nbpipes.display.tokens import pieces_of
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, View, prose, score, text

KEYS = ("generated_text", "summary_text", "translation_text")
LONG = 200_000


class Text(View):
    """What a model wrote, with what it was given."""

    name: ClassVar[str] = "text"
    _esm = Unicode(bundle("text")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return written(self.result)


def written(value: Any) -> list[Mapping[str, Any]]:
    """The answers with text that a result has; none if it is of another kind."""
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, Mapping) and any(key in entry for key in KEYS)]


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws. A prompt is told from what follows it where the text repeats it."""
    found = written(value)
    given = kit.text_of(source)
    answers = [_answer(entry, given) for entry in found]
    continues = bool(answers) and all(answer["prompt"] for answer in answers)
    return {
        "about": f"Written texts: {len(answers):,}",
        **prose(None if continues else given),
        "answers": answers,
    }


def _answer(entry: Mapping[str, Any], given: str | None) -> dict[str, Any]:
    value = next(entry[key] for key in KEYS if key in entry)
    whole = value if isinstance(value, str) else text(value)
    prompt = given if given and whole.startswith(given) else ""
    rest = whole[len(prompt) :]
    return {
        "prompt": text(prompt, LONG),
        "text": text(rest, LONG),
        "more": max(len(rest) - LONG, 0),
        "pieces": [[text(piece, LONG), score(chance)] for piece, chance in pieces_of(entry)[:ENTRIES]],
    }
