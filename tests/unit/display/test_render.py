"""What holds for every drawing: it is small, well formed and escaped, whatever the value."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbpipes.display import kit, page, render, scores
from nbpipes.display.registry import KINDS, find
from nbpipes.results import Records, annotate, annotate_batch

Read = Callable[[str], Any]

NASTY = [
    "<script>alert(1)</script>",
    "</script>",
    "</mark></div>",
    "javascript:alert(1)",
    "\"'><img src=x onerror=alert(1)>",
    "style=\"background:url('x')\"",
    "<!-- -->",
    "<![CDATA[",
    "&lt;b&gt; &amp; &#60;",
    "\x00\x07\x1b[31m",
    "\ud800 lone",
    "‮reversed",
    "{{x}} {x} %s $x",
]
META = {"model": "some/model", "revision": "main", "device": "cpu", "dtype": "float32", "seconds": 0.01}

TEXT = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=()), max_size=12)
SCORE = st.floats() | st.integers(-2, 2) | st.none() | TEXT
PLACE = st.integers(-5, 40) | st.none() | TEXT | st.floats()
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
TURN = st.fixed_dictionaries({"role": TEXT | JUNK, "content": TEXT | JUNK})
BOX = st.fixed_dictionaries(dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), PLACE))
MASK = st.sampled_from([Image.new("L", (5, 4), 255), Image.new("L", (1, 1)), Image.new("1", (3, 3), 1), np.eye(4)])
DEPTH = st.sampled_from([torch.rand(4, 5), np.ones((3, 3)), np.full((2, 2), np.nan), np.zeros(0), torch.ones(1, 2, 2)])
# What a task gives, and what it does not: a user's own postprocess may put anything anywhere.
VALUES = {
    "text-classification": st.fixed_dictionaries({"label": TEXT | JUNK, "score": SCORE}),
    "zero-shot-classification": st.fixed_dictionaries(
        {"sequence": TEXT | JUNK, "labels": st.lists(TEXT) | JUNK, "scores": st.lists(SCORE) | JUNK}
    ),
    "token-classification": st.fixed_dictionaries(
        {"score": SCORE, "word": TEXT | JUNK, "start": PLACE, "end": PLACE},
        optional={"entity": TEXT, "entity_group": TEXT | JUNK},
    ),
    "question-answering": st.fixed_dictionaries({"answer": TEXT | JUNK, "score": SCORE, "start": PLACE, "end": PLACE}),
    "fill-mask": st.fixed_dictionaries(
        {"score": SCORE, "token": st.integers(), "token_str": TEXT | JUNK, "sequence": TEXT | JUNK}
    ),
    "feature-extraction": st.lists(st.lists(st.floats(width=32), max_size=3), max_size=3),
    "image-classification": st.fixed_dictionaries({"label": TEXT | JUNK, "score": SCORE}),
    "image-feature-extraction": st.lists(st.lists(st.floats(width=32), max_size=3), max_size=3),
    "zero-shot-image-classification": st.lists(st.fixed_dictionaries({"label": TEXT | JUNK, "score": SCORE})),
    "object-detection": st.fixed_dictionaries({"label": TEXT | JUNK, "score": SCORE, "box": BOX | JUNK}),
    "image-segmentation": st.fixed_dictionaries({"label": TEXT | JUNK, "score": SCORE, "mask": MASK | JUNK}),
    "depth-estimation": st.fixed_dictionaries({"predicted_depth": DEPTH | JUNK, "depth": MASK | JUNK}),
    "audio-classification": st.lists(st.fixed_dictionaries({"score": SCORE, "label": TEXT | JUNK})),
    "automatic-speech-recognition": st.fixed_dictionaries({"text": TEXT | JUNK}, optional={"chunks": JUNK}),
    "text-generation": st.lists(
        st.fixed_dictionaries({"generated_text": TEXT | st.lists(TURN, max_size=3) | JUNK}), max_size=3
    ),
    "text2text-generation": st.lists(st.fixed_dictionaries({"generated_text": TEXT | JUNK}), max_size=3),
    "summarization": st.lists(st.fixed_dictionaries({"summary_text": TEXT | JUNK}), max_size=3),
    "translation": st.lists(st.fixed_dictionaries({"translation_text": TEXT | JUNK}), max_size=3),
    "conversational": st.lists(TURN, max_size=3) | JUNK,
    "document-question-answering": st.lists(
        st.fixed_dictionaries({"score": SCORE, "answer": TEXT | JUNK, "start": st.integers(), "end": st.integers()})
    ),
    "table-question-answering": st.fixed_dictionaries(
        {"answer": TEXT | JUNK},
        optional={
            "coordinates": st.lists(st.tuples(PLACE, PLACE), max_size=3) | JUNK,
            "cells": st.lists(TEXT | st.just("1,234 km"), max_size=3) | JUNK,
            "aggregator": st.sampled_from(["NONE", "SUM", "AVERAGE", "COUNT"]) | JUNK,
        },
    ),
    "a task of the user's": JUNK,
}
SOURCES = (
    TEXT
    | st.text("ab [MASK]<\n", max_size=40)
    | st.lists(TEXT, max_size=3)
    | st.fixed_dictionaries({"question": TEXT | JUNK, "context": TEXT | JUNK})
    | st.fixed_dictionaries(
        {"table": st.dictionaries(TEXT, st.lists(TEXT, max_size=3), max_size=3) | JUNK, "query": TEXT | JUNK}
    )
    | st.fixed_dictionaries({"text": TEXT | JUNK, "text_pair": TEXT | JUNK})
    | JUNK
)


def test_every_task_is_here() -> None:
    assert set(VALUES) == {*KINDS, "a task of the user's"}


def check(read: Read, html: str) -> Any:
    assert kit.size(html) <= kit.LIMIT
    return read(html)


@settings(deadline=2_000)  # ms: some are pictures
@given(data=st.data(), task=st.sampled_from(list(VALUES)))
def test_any_item_is_drawn_well_formed(read: Read, data: st.DataObject, task: str) -> None:
    one = VALUES[task]
    value = data.draw(one | st.lists(one | JUNK, max_size=4) | st.lists(st.lists(one, max_size=3), max_size=3))
    source = data.draw(SOURCES)
    meta = data.draw(st.just(META) | st.dictionaries(st.sampled_from(list(META)), JUNK))
    check(read, render(task, value, source, meta))
    check(read, annotate(value, task, source, meta).to_html() if isinstance(value, (list, dict)) else "")


@settings(deadline=2_000)  # ms: some are pictures
@given(data=st.data(), task=st.sampled_from(list(VALUES)))
def test_any_batch_is_drawn_well_formed(read: Read, data: st.DataObject, task: str) -> None:
    one = VALUES[task]
    values = data.draw(st.lists(one | st.lists(one, max_size=3) | JUNK, max_size=5))
    sources = data.draw(st.lists(SOURCES, min_size=len(values), max_size=len(values)))
    batch = annotate_batch(values, task, sources, META)
    check(read, batch.to_html())
    check(read, batch[1:].to_html())


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("task", ["token-classification", "question-answering", "fill-mask"])
def test_nothing_nasty_gets_through_alive(read: Read, nasty: str, task: str) -> None:
    value = {
        "entity_group": nasty,
        "label": nasty,
        "word": nasty,
        "answer": nasty,
        "token_str": nasty,
        "sequence": nasty,
        "score": 0.5,
        "start": 0,
        "end": 2,
    }
    source = {"question": nasty, "context": nasty, "text": f"[MASK] {nasty}"}
    html = render(task, [value, value], source, dict.fromkeys(["model", "device", "dtype", "revision"], nasty))
    shown = check(read, html).text
    assert kit.safe(nasty) in shown
    assert kit.safe(nasty) in shown.rsplit(" · ", 1)[-1]  # the footer


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_nasty_gets_through_a_page(nasty: str) -> None:
    html = page("<div></div>", title=nasty)
    assert html.count("<title>") == 1
    assert html.count("<script") == 0


HUGE = '"' * 100_000
MANY = 2_000


def huge_values() -> dict[str, tuple[Any, Any]]:
    """A value and a source for each task, each field as large as it gets."""
    entities = [
        {"entity_group": HUGE[:999], "score": 0.5, "word": HUGE, "start": i, "end": i + 300} for i in range(MANY)
    ]
    answers = [{"answer": HUGE, "score": 0.5, "start": 4, "end": 90_000}] * MANY
    boxes = [{"xmin": i % 50 * 40, "ymin": i // 50 * 36, "xmax": i % 50 * 40 + 90, "ymax": 9 * i} for i in range(MANY)]
    photo, mask = np.ones((1500, 2000, 3), dtype=np.uint8), Image.new("L", (2000, 1500), 255)
    found = {
        "answer": HUGE,
        "coordinates": [(i, 200) for i in range(MANY)],
        "cells": [HUGE] * MANY,
        "aggregator": "SUM",
    }
    blanks = [[{"score": 0.5, "token": 1, "token_str": HUGE, "sequence": HUGE}] * 60] * 30
    return {
        "text-classification": ([{"label": HUGE, "score": 0.5}] * MANY, HUGE),
        "zero-shot-classification": ({"sequence": HUGE, "labels": [HUGE] * MANY, "scores": [0.1] * MANY}, HUGE),
        "token-classification": (entities, HUGE),
        "question-answering": (answers, {"question": HUGE, "context": HUGE}),
        "fill-mask": (blanks, "[MASK]" * 30 + HUGE),
        "feature-extraction": (np.ones((1, 400, 300)).tolist(), HUGE),
        "image-classification": ([{"label": HUGE, "score": 0.5}] * MANY, np.ones((1500, 2000, 3))),
        "image-feature-extraction": (np.ones((1, 400, 300)).tolist(), HUGE),
        "zero-shot-image-classification": ([{"label": HUGE, "score": 0.5}] * MANY, HUGE),
        "object-detection": ([{"label": HUGE, "score": 0.5, "box": box} for box in boxes], photo),
        "image-segmentation": ([{"label": HUGE, "score": 0.5, "mask": mask}] * MANY, photo),
        "depth-estimation": ({"predicted_depth": torch.rand(1500, 2000), "depth": mask}, photo),
        "audio-classification": ([{"score": 0.5, "label": HUGE}] * MANY, HUGE),
        "automatic-speech-recognition": ({"text": HUGE, "chunks": [{"text": HUGE}] * MANY}, HUGE),
        "text-generation": ([{"generated_text": HUGE}] * MANY, HUGE),
        "text2text-generation": ([{"generated_text": HUGE}] * MANY, HUGE),
        "summarization": ([{"summary_text": HUGE}] * MANY, HUGE),
        "translation": ([{"translation_text": HUGE}] * MANY, HUGE),
        "conversational": ([{"role": "user", "content": HUGE}] * MANY, HUGE),
        "document-question-answering": (
            [{"score": 0.5, "answer": HUGE, "start": 0, "end": 9}] * MANY,
            {"image": photo, "question": HUGE},
        ),
        "table-question-answering": (
            found,
            {"table": dict.fromkeys(map(str, range(300)), [HUGE] * MANY), "query": HUGE},
        ),
        "a task of the user's": ([{HUGE: HUGE}] * MANY, HUGE),
    }


@pytest.mark.parametrize("task", VALUES)
def test_a_giant_item_stays_small(read: Read, task: str) -> None:
    value, source = huge_values()[task]
    meta = dict.fromkeys(META, HUGE)
    start = time.perf_counter()
    html = annotate(value, task, source, meta).to_html()
    assert time.perf_counter() - start < 2
    check(read, html)
    assert f'class="nbp-static nbp-{KINDS[task].module if task in KINDS else "plain"}"' in html


@pytest.mark.parametrize("room", [kit.LEAST, 20_000, 90_000])
@pytest.mark.parametrize("task", VALUES)
def test_a_kind_keeps_to_its_room(task: str, room: int) -> None:
    value, source = huge_values()[task]
    module = find(task, value).load()
    assert kit.size(module.draw(value, source, room)) <= room
    assert kit.size(module.draw_batch([value] * 30, [source] * 30, 2 * room)) <= 2 * room


@pytest.mark.parametrize("task", VALUES)
def test_a_batch_of_giants_stays_small(read: Read, task: str) -> None:
    value, source = huge_values()[task]
    batch = annotate_batch([value] * 30, task, [source] * 30, META)
    html = check(read, batch.to_html())
    assert "more" in html.text


@pytest.mark.parametrize("task", VALUES)
def test_empty_results_are_drawn(read: Read, task: str) -> None:
    for result in (annotate([], task, "", META), annotate_batch([], task, [], META), annotate({}, task, None, {})):
        assert check(read, result.to_html()).text


def test_a_kind_that_does_not_keep_to_its_room_is_replaced(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "draw", lambda value, source, room: "<b>x</b>" * room)
    html = render("text-classification", {"label": "A", "score": 0.5})
    assert "'label': 'A'" in check(read, html).text


def test_a_batch_of_one_is_drawn_as_one() -> None:
    record = {"label": "A", "score": 0.5}
    batch = annotate_batch([record], "text-classification", ["x"], META)
    assert batch.to_html() == annotate(record, "text-classification", "x", META).to_html()


def test_a_task_of_the_users_own_is_drawn_by_its_keys() -> None:
    assert find("mine", [{"label": "A", "score": 1.0}]).module == "scores"
    assert find("ner", [{"entity": "A", "score": 1.0, "word": "a", "start": 0, "end": 1}]).module == "spans"
    assert find("mine", {"other": 1}).module == "plain"
    assert find("mine", []).module == "plain"
    assert find("text-classification", [{"other": 1}]).module == "plain"
    assert find("token-classification", []).module == "spans"


def test_failed_items_show_their_error(read: Read) -> None:
    values = [{"label": "A", "score": 0.5}, ValueError("The text <b> is empty"), None]
    text = read(annotate_batch(values, "text-classification", ["a", "", "c"], {}).to_html()).text
    assert "ValueError: The text <b> is empty" in text
    assert "None" in text
    batch = annotate_batch([[], ValueError("bad")], "token-classification", ["a", "b"], {})
    assert "ValueError: bad" in read(batch.to_html()).text


def test_what_is_drawn_does_not_change_the_value() -> None:
    value, source = huge_values()["token-classification"]
    result = annotate(value[:50], "token-classification", source, META)
    before = list(map(dict, result))
    result.to_html()
    assert result == before
    assert isinstance(result, Records)
