"""A summary or a translation beside its source."""

from collections.abc import Callable
from typing import Any

import pytest

from nbpipes.display import render
from nbpipes.display.kit import LIMIT, size
from nbpipes.results import annotate, annotate_batch

Read = Callable[[str], Any]
SOURCE = "A long\nstory <b>of Ann</b>."
KEYS = {"summarization": "summary_text", "translation": "translation_text", "text2text-generation": "generated_text"}


@pytest.mark.parametrize("task", KEYS)
def test_one_beside_its_source(task: str, read: Read) -> None:
    html = annotate([{KEYS[task]: "Ann & co."}], task, SOURCE, {}).to_html()
    shown = read(html)
    assert "nbp-written" in html
    assert "<b>" not in html
    assert shown.text.index("story <b>of Ann</b>.") < shown.text.index("Ann & co.")


def test_several_answers_have_numbers(read: Read) -> None:
    shown = read(render("summarization", [{"summary_text": "One."}, {"summary_text": "Two."}], SOURCE))
    assert shown.text.index("of Ann") < shown.text.index("One.") < shown.text.index("Two.")


def test_a_batch_is_a_table_and_stays_small(read: Read) -> None:
    texts = [f"text {i} " + "ü" * 20_000 for i in range(50)]
    answers = [{"translation_text": f"answer {i} " + "é" * 20_000} for i in range(50)]
    html = annotate_batch(answers, "translation", texts, {}).to_html()
    assert size(html) <= LIMIT
    assert "answer 3 " in read(html).text
    assert "30 more rows" in html


def test_ids_are_shown_plainly() -> None:
    assert "nbp-plain" in render("summarization", [{"summary_token_ids": [1, 2]}], SOURCE)
