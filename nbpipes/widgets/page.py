"""The view of answers found on a page (document-question-answering)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import document
from nbpipes.display.pictures import name_of
from nbpipes.display.tags import Rect
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import picture
from nbpipes.widgets.view import View, score, text

ANSWERS = 200


class Page(View):
    """A page with the answers to a question boxed: they are selected, words are read, the page is zoomed."""

    name: ClassVar[str] = "page"
    _esm = Unicode(bundle("page")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The answers."""
    return document.answers_in(value)


def describe(value: Any, source: Any) -> dict[str, Any] | None:
    """What the front end draws: the question, the page, and answers and words with their boxes in pixels of it.

    None where the value is no list of answers.
    """
    found = parts_of(value)
    if not found and value != []:
        return None
    kept, question = document.kept_page(found), source.get("question") if isinstance(source, Mapping) else None
    page = picture(source if kept is None else kept, document.BLANK)
    size = page["width"], page["height"]
    words = document.words_of(found, source)
    return {
        "about": f"Answers on a page: {len(found):,}",
        "question": text(question) if isinstance(question, str) else None,
        "picture": page | {"name": text(name_of(source), 200)},
        "answers": [_answer(entry, size) for entry in found[:ANSWERS]],
        "words": [{"text": text(word, 200), "box": _pixels(rect, size)} for word, rect in words[: document.WORDS]],
        "more": max(len(words) - document.WORDS, 0),
    }


def _answer(entry: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    scale = size[0] / document.SCALE, size[1] / document.SCALE
    return {
        "answer": text(entry["answer"] or ""),
        "score": score(entry.get("score")),
        "boxes": [_rounded(document.around(rect, *scale)) for rect in document.rects_of(entry)],
    }


def _pixels(rect: Rect, size: tuple[int, int]) -> list[float]:
    left, top, right, bottom = (side * size[i % 2] / document.SCALE for i, side in enumerate(rect))
    return _rounded((left, top, right, bottom))


def _rounded(rect: Rect) -> list[float]:
    return [round(side, 1) for side in rect]
