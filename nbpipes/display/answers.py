"""Answers found in a text (question-answering): the context with the answer marked, and the alternatives."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from nbpipes.display import kit, plain
from nbpipes.display.marking import Span, mark, placed

AROUND = 500  # characters of the context shown before and after the answer
AROUND_EACH = 150  # in a batch

Answer = Mapping[str, Any]


def draw(value: Any, source: Any, room: int) -> str:
    """Return the question, the best answer in its context, and a table of the answers if there are several."""
    return _draw(AROUND, value, source, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first questions with their answers one below the other."""
    return kit.blocks(partial(_draw, AROUND_EACH), values, sources, room)


def _draw(around: int, value: Any, source: Any, room: int) -> str:
    entries = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    answers = [entry for entry in entries if isinstance(entry, dict)]
    if not answers:
        return plain.draw(value, source, room)
    question, context = part_of(source, "question"), part_of(source, "context")
    html = ""
    if isinstance(question, str):
        html += f'<div dir="auto" style="margin-bottom:.15em"><b>{kit.escape(question, 500)}</b></div>'
    html += _best(answers[0]) if len(answers) == 1 else _table(answers, room // 3)
    if isinstance(context, str):
        html += _context(context, answers[0], around, room - kit.size(html))
    return html


def part_of(source: Any, name: str) -> Any:
    """Question or context of a dict, of a pair, or of an object with attributes like SquadExample."""
    if isinstance(source, Mapping):
        return source.get(name)
    if isinstance(source, (tuple, list)):
        return source[("question", "context").index(name)] if len(source) == 2 else None
    return getattr(source, name, getattr(source, f"{name}_text", None))


def _words(answer: Answer) -> str:
    words = answer.get("answer")
    return f'<span dir="auto">{kit.escape(words, 500)}</span>' if words else "<i>no answer in the text</i>"


def _best(answer: Answer) -> str:
    return f'<div>{_words(answer)} <span style="{kit.MUTED}">{kit.number(answer.get("score"))}</span></div>'


def _table(answers: Sequence[Answer], room: int) -> str:
    def rows() -> Iterator[str]:
        for answer in answers:
            place = f"{kit.escape(answer.get('start'), 20)}–{kit.escape(answer.get('end'), 20)}"
            yield (
                kit.cell(_words(answer), f"{kit.CELL};overflow-wrap:anywhere;min-width:8em")
                + kit.cell(kit.number(answer.get("score")), kit.NUMBER)
                + kit.bar(answer.get("score"))
                + kit.cell(place, f"{kit.CELL};{kit.MUTED}")
            )

    return kit.table(kit.heads("answer", ">score", "", "characters"), rows(), len(answers), room)


def _context(context: str, answer: Answer, around: int, room: int) -> str:
    """The context, or the part of a long one around the answer, with the answer marked."""
    start, end = answer.get("start"), answer.get("end")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(context)):
        start = end = 0
    first, last = 0, len(context)
    if last > 3 * around + end - start:
        first, last = _before(context, start - around), _after(context, end + around)
    part = context[first:last]
    span = Span(start - first, end - first, kit.number(answer.get("score"), 2), kit.PALETTE[0])
    marked = mark(part, placed([span], len(part))[0], room - 700)
    before = "… " if first else ""
    after = " …" if first + marked.characters < len(context) else ""
    html = kit.paragraph(f"{before}{marked.html}{after}", marked.line_height)
    return html + kit.more(len(context) - marked.characters, "character", " around this part")


def _before(text: str, position: int) -> int:
    """The end of the word before `position`, if it is near."""
    if position <= 0:
        return 0
    space = text.rfind(" ", max(position - 40, 0), position)
    return space + 1 if space >= 0 else position


def _after(text: str, position: int) -> int:
    if position >= len(text):
        return len(text)
    space = text.find(" ", position, position + 40)
    return space if space >= 0 else position
