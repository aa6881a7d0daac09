"""Text made of text: a summary or a translation beside its source, several answers one below the other."""

from collections.abc import Iterator, Sequence
from typing import Any

from nbpipes.display import kit

KEYS = ("summary_text", "translation_text", "generated_text")
SIDE = "vertical-align:top;text-align:left;white-space:pre-wrap;overflow-wrap:anywhere;min-width:10em;background:none"
SOURCE = f"{SIDE};border:0;padding:.15em 1.2em .15em 0;width:50%;opacity:.8"
ANSWER = f"{SIDE};border:0;border-left:2px solid {kit.FAINT};padding:.15em 0 .15em 1em"


def draw(value: Any, source: Any, room: int) -> str:
    """Return the source and, beside it, what was made of it."""
    answers = answers_of(value)
    if len(answers) > 1:
        quoted = kit.quote(source, room // 2)
        rows = (kit.cell(str(i + 1), kit.NUMBER) + _side(text, ANSWER, room // 2) for i, text in enumerate(answers))
        return quoted + kit.table("", rows, len(answers), room - kit.size(quoted))
    answer = answers[0] if answers else ""
    text = kit.text_of(source)
    if text is None:
        return kit.quote(answer, room)
    half = (room - 1_000) // 2
    row = _side(text, SOURCE, half) + _side(answer, ANSWER, half)
    return kit.table("", [row], 1, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per text: the text, and beside it what was made of it."""
    each = max((room - 2_000) // (2 * max(1, min(len(values), kit.ROWS))) - 200, 100)

    def rows() -> Iterator[str]:
        for index, (value, source) in enumerate(zip(values, sources, strict=True)):
            answers = "\n".join(answers_of(value))
            number = kit.cell(str(index), f"{kit.NUMBER};vertical-align:top;{kit.MUTED}")
            yield number + _side(kit.text_of(source) or "", SOURCE, each) + _side(answers, ANSWER, each)

    return kit.table("", rows(), len(values), room)


def answers_of(value: Any) -> list[str]:
    """The texts that were made of one item."""
    if isinstance(value, list):
        return [text for entry in value for text in answers_of(entry)]
    if not isinstance(value, dict):
        return []
    return [value[key] for key in KEYS if isinstance(value.get(key), str)]


def _side(text: str, style: str, room: int) -> str:
    html, shown = kit.prose(text, room - kit.size(style) - 200)
    return kit.cell(f'<div dir="auto">{html}</div>{kit.more(len(text) - shown, "character")}', style)
