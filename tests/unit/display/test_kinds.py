"""What each kind of drawing says."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nbpipes.display import render
from nbpipes.results import annotate, annotate_batch

Read = Callable[[str], Any]


def entity(text: str, word: str, label: str, score: float = 0.9) -> dict[str, Any]:
    start = text.index(word)
    return {"entity_group": label, "score": score, "word": word, "start": start, "end": start + len(word)}


def test_entities_read_without_styles(read: Read) -> None:
    text = "Ann 👩🏽‍🔬 met\nBob in New York."
    value = [entity(text, "Ann", "PER", 0.997), entity(text, "New York", "LOC", 0.5)]
    shown = read(render("token-classification", value, text))
    assert "2 entities: PER 1, LOC 1" in shown.text
    assert "Ann\u00a0PER 0.99 👩🏽‍🔬 met\nBob in New York\u00a0LOC 0.50." in shown.text
    assert text in shown.bare
    assert shown.tags.count("mark") == 2


def test_entity_labels_with_and_without_prefix_share_a_colour() -> None:
    text = "Ann Lee"
    value = [
        {"entity": "B-PER", "score": 0.9, "index": 1, "word": "Ann", "start": 0, "end": 3},
        {"entity": "I-PER", "score": 0.9, "index": 2, "word": "Lee", "start": 4, "end": 7},
    ]
    html = render("token-classification", value, text)
    assert "B-PER 0.90" in html
    assert "I-PER 0.90" in html
    assert len({piece.split(";")[0] for piece in html.split('<mark style="')[1:]}) == 1
    assert "2 entities" in html


def test_entities_without_offsets_are_a_table(read: Read) -> None:
    value = [{**entity("Ann", "Ann", "PER"), "start": None, "end": None}]
    shown = read(render("token-classification", value, "Ann is here"))
    assert "Ann is here" in shown.text
    assert "table" in shown.tags
    assert "mark" not in shown.tags


def test_entities_of_a_list_of_words(read: Read) -> None:
    shown = read(render("token-classification", [entity("Ann is", "is", "X")], ["Ann", "is", "here"]))
    assert "Ann is here" in shown.bare


def test_one_entity_of_many_is_drawn_in_its_text(read: Read) -> None:
    text = "Ann met Bob"
    result = annotate([entity(text, "Ann", "PER"), entity(text, "Bob", "PER")], "token-classification", text, {})
    shown = read(result[1].to_html())
    assert text in shown.bare
    assert shown.tags.count("mark") == 1


def test_a_long_text_says_what_it_leaves_out(read: Read) -> None:
    text = "Ann met Bob. " * 10_000
    value = [{**entity(text, "Ann", "PER"), "start": 13 * i, "end": 13 * i + 3} for i in range(10_000)]
    shown = read(render("token-classification", value, text))
    assert "10,000 entities" in shown.text
    drawn = shown.tags.count("mark")
    assert f"more characters with {10_000 - drawn:,} entities" in shown.text
    assert drawn > 200


def test_a_batch_of_texts_counts_entities_once(read: Read) -> None:
    texts = ["Ann", "nobody"] * 6
    values = [[entity("Ann", "Ann", "PER")], []] * 6
    shown = read(annotate_batch(values, "token-classification", texts, {}).to_html())
    assert "6 entities: PER 6" in shown.text
    assert "… 2 more items" in shown.text


def test_scores_are_numbers_with_bars(read: Read) -> None:
    value = [{"label": "joy", "score": 0.75}, {"label": "fear", "score": 0.25}]
    html = render("text-classification", value, {"text": "First.", "text_pair": "Second."})
    shown = read(html)
    assert "First.\nSecond." in shown.text
    assert "joy0.7500fear0.2500" in shown.text
    assert "width:75.0%" in html


def test_scores_beyond_one_are_scaled_together() -> None:
    html = render("text-classification", [{"label": "a", "score": 4.0}, {"label": "b", "score": -2.0}], "x")
    assert "width:100.0%" in html
    assert "width:0.0%" in html
    assert "-2.0000" in html


def test_a_batch_of_labels_is_one_table(read: Read) -> None:
    values = [{"label": "A", "score": 0.5}, {"label": "B", "score": 0.75}]
    shown = read(annotate_batch(values, "text-classification", ["first", "second\nline"], {}).to_html())
    assert shown.tags.count("table") == 1
    assert "0firstA0.5000" in shown.text
    assert "second\nline" in shown.text


def test_a_batch_with_the_same_labels_is_a_grid(read: Read) -> None:
    values = [
        [{"label": "A", "score": 0.75}, {"label": "B", "score": 0.25}],
        [{"label": "B", "score": 0.875}, {"label": "A", "score": 0.125}],
    ]
    shown = read(annotate_batch(values, "text-classification", ["x", "y"], {}).to_html())
    assert "AB0x0.750.251y0.120.88" in shown.text


def test_zero_shot_shows_the_sequence_and_its_labels(read: Read) -> None:
    value = {"sequence": "The text", "labels": [">50K", "<=50K"], "scores": [0.75, 0.25]}
    shown = read(render("zero-shot-classification", value, None))
    assert "The text" in shown.text
    assert ">50K0.7500<=50K0.2500" in shown.text
    grid = read(annotate_batch([value, value], "zero-shot-classification", ["x", "y"], {}).to_html())
    assert "<=50K>50K" in grid.text


CONTEXT = "Paris is the capital of France."
ANSWER = {"answer": "Paris", "score": 0.987, "start": 0, "end": 5}


@pytest.mark.parametrize(
    "source",
    [
        {"question": "Which?", "context": CONTEXT},
        ("Which?", CONTEXT),
        SimpleNamespace(question="Which?", context=CONTEXT),
        SimpleNamespace(question_text="Which?", context_text=CONTEXT),
    ],
)
def test_an_answer_is_marked_in_its_context(read: Read, source: Any) -> None:
    shown = read(render("question-answering", ANSWER, source))
    assert "Which?" in shown.text
    assert "Paris\u00a00.99 is the capital of France." in shown.text
    assert CONTEXT in shown.bare
    assert shown.tags.count("mark") == 1


def test_other_answers_are_a_table(read: Read) -> None:
    none = {"answer": "", "score": 0.01, "start": 0, "end": 0}
    shown = read(render("question-answering", [ANSWER, none], {"question": "Which?", "context": CONTEXT}))
    assert "no answer in the text" in shown.text
    assert "0–5" in shown.text


def test_the_part_around_an_answer_is_shown_of_a_long_context(read: Read) -> None:
    context = "word " * 4_000 + "Paris" + " word" * 4_000
    shown = read(
        render("question-answering", {**ANSWER, "start": 20_000, "end": 20_005}, {"question": "?", "context": context})
    )
    assert "word Paris word" in shown.bare
    assert len(shown.text) < 2_000
    assert "more characters around this part" in shown.text


def candidate(word: str, score: float) -> dict[str, Any]:
    return {"score": score, "token": 1, "token_str": word, "sequence": f"It is {word}."}


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>"])
def test_the_best_word_fills_the_blank(read: Read, mask: str) -> None:
    shown = read(render("fill-mask", [candidate(" so", 0.75), candidate("not", 0.25)], f"It is {mask}."))
    assert "It is so." in shown.bare
    assert "so\u00a00.75" in shown.text
    assert "so0.7500not0.2500" in shown.text


def test_each_blank_gets_its_own_word(read: Read) -> None:
    value = [[candidate("so", 0.75)], [candidate("it", 0.5), candidate("me", 0.25)]]
    shown = read(render("fill-mask", value, "<mask> is <mask>"))
    assert "so is it" in shown.bare
    assert "blank 1" in shown.text
    assert "blank 2" in shown.text
    assert "me" in shown.text


def test_a_blank_of_unknown_form_keeps_the_text(read: Read) -> None:
    shown = read(render("fill-mask", [candidate("so", 0.75)], "It is ___."))
    assert "It is ___." in shown.text
    assert "so" in shown.text


def test_features_show_shape_and_norm(read: Read) -> None:
    shown = read(render("feature-extraction", [[[3.0, 4.0], [3.0, 4.0]]], "x"))
    assert "1 × 2 × 2" in shown.text
    assert "mean of 2 tokens" in shown.text
    assert "[3.0000, 4.0000]" in shown.text
    assert "5.0000" in shown.text


def test_features_of_several_texts_show_their_cosines(read: Read) -> None:
    values = [[[[1.0, 0.0]]], [[[0.0, 1.0]]], [[[-1.0, 0.0]]], [[[0.0, 0.0]]]]
    shown = read(annotate_batch(values, "feature-extraction", ["one", "two", "three", "zero"], {}).to_html())
    assert "0one1.000.00-1.000.00" in shown.text
    assert "1two0.001.000.000.00" in shown.text
    assert "4 vectors of 2 numbers" in shown.text


def test_features_of_many_texts_are_cut(read: Read) -> None:
    values = np.random.default_rng(0).normal(size=(50, 1, 3, 8)).tolist()
    shown = read(annotate_batch(values, "feature-extraction", [f"text {i}" for i in range(50)], {}).to_html())
    assert "… 38 more rows" in shown.text
    assert shown.text.count("1.00") == 12  # each with itself


def test_features_as_an_array(read: Read) -> None:
    batch = annotate_batch([np.ones((1, 3, 4))] * 2, "feature-extraction", ["a", "b"], {})
    assert "2 vectors of 4 numbers" in read(batch.to_html()).text


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], [["a"]], [[float("nan")]], []])
def test_features_that_are_none_are_shown_as_they_are(read: Read, value: Any) -> None:
    assert repr(value) in read(render("feature-extraction", value, "x")).text
