"""Chats, and texts that go on from a prompt, as static HTML."""

from collections.abc import Callable
from typing import Any

from nbpipes.display import render
from nbpipes.display.kit import LIMIT, size
from nbpipes.results import annotate, annotate_batch

Read = Callable[[str], Any]
TURNS = [
    {"role": "system", "content": "Be terse."},
    {"role": "user", "content": [{"type": "image", "image": "x"}, {"type": "text", "text": "Who is <b>it</b>?"}]},
    {"role": "assistant", "content": "Ada."},
]


def chat(*answers: str) -> list[dict[str, Any]]:
    return [{"generated_text": [*TURNS[:2], {"role": "assistant", "content": answer}]} for answer in answers]


def test_turns_stand_in_their_order(read: Read) -> None:
    html = annotate(chat("Ada."), "text-generation", TURNS[:2], {}).to_html()
    shown = read(html).text
    assert "nbp-chat" in html
    assert shown.index("Be terse.") < shown.index("[image]") < shown.index("Who is <b>it</b>?") < shown.index("Ada.")
    assert "Ada." in render("conversational", TURNS)


def test_several_answers_are_numbered(read: Read) -> None:
    shown = read(render("text-generation", chat("Ada.", "Grace."))).text
    assert shown.count("Be terse.") == 1
    assert shown.index("1") < shown.index("Ada.") < shown.index("Grace.")


def test_the_last_turns_of_a_long_chat_are_shown(read: Read) -> None:
    turns = [{"role": "user", "content": f"turn {i} " + "é" * 5_000} for i in range(100)]
    html = render("conversational", turns)
    assert size(html) <= LIMIT
    shown = read(html).text
    assert "turn 99 " in shown
    assert "more turns before" in shown


def test_a_prompt_stands_before_what_follows(read: Read) -> None:
    value = [{"generated_text": f"Once upon a time {what}"} for what in ("a king", "an engine")]
    shown = read(render("text-generation", value, "Once upon a time")).text
    assert shown.count("Once upon a time") == 1
    assert read(render("text-generation", value[:1], "Once upon a time")).text.startswith("Once upon a time a king")


def test_tokens_are_coloured(read: Read) -> None:
    tokens = [{"text": " a", "score": 0.9}, {"text": " king", "score": 0.1}]
    html = render("text-generation", [{"generated_text": "Once a king", "tokens": tokens}], "Once")
    assert 'rgba(238,136,102,0.48)"> king<' in html
    assert "Once a king" in read(html).text
    value = chat("Ada.")
    value[0]["tokens"] = [{"text": "Ada.", "score": 0.5}]
    assert "less likely" in render("text-generation", value)


def test_a_batch_is_a_table(read: Read) -> None:
    shown = read(annotate_batch([chat("Ada."), chat("Grace.")], "text-generation", [TURNS[:2]] * 2, {}).to_html()).text
    assert shown.index("Who is") < shown.index("Ada.") < shown.index("Grace.")
