"""Chats that can be gone on with: other words, other answers, and the way back to the first ones."""

import threading
from typing import Any

import pytest

from nbpipes.errors import InputError
from nbpipes.results.conversation import Conversation
from nbpipes.results.records import annotate
from nbpipes.widgets.chat import Chat, Said, describe
from nbpipes.widgets.registry import view_of

FIRST = [{"role": "user", "content": "Who was Ada?"}, {"role": "assistant", "content": "A countess."}]


def chat(*answers: str) -> Any:
    chats = [[*FIRST[:1], {"role": "assistant", "content": answer}] for answer in answers]
    return annotate([{"generated_text": turns} for turns in chats], "text-generation", FIRST[:1], {})


def echo(messages: Any, stopping: threading.Event) -> Any:
    """Says how many turns there were, letter by letter."""
    words = f"{len(messages)} turns"
    for end in range(1, len(words)):
        if stopping.is_set():
            break
        yield Said(words[:end])
    yield Said(words[:end] if stopping.is_set() else words, 2, 0.5)


def talking(value: Any = None, answer: Any = echo) -> Chat:
    value = chat("A countess.") if value is None else value
    return Chat(value, describe(value, None) or {}, {}, answer=answer)


def contents(view: Chat) -> list[str]:
    return [message["content"] for message in view.messages]


def test_a_result_is_shown_but_not_gone_on_with() -> None:
    view = view_of(chat("A countess."))
    assert isinstance(view, Chat)
    assert view.messages == FIRST
    assert view.spec["live"] is False
    with pytest.raises(InputError, match="no model behind it"):
        view.ops["say"]({"text": "more"})


def test_several_answers_are_branches() -> None:
    view = view_of(chat("A countess.", "A mathematician."))
    assert isinstance(view, Chat)
    assert view.spec["turns"][1]["beside"] == [1, 2]
    view.ops["choose"]({"number": 2})
    assert contents(view) == ["Who was Ada?", "A mathematician."]


def test_words_get_an_answer(heard: list[Any]) -> None:
    view = talking()
    view.ops["say"]({"text": "And Grace?"})
    assert contents(view) == ["Who was Ada?", "A countess.", "And Grace?", "3 turns"]
    last = view.spec["turns"][-1]
    assert (last["tokens"], last["seconds"], view.spec["writing"]) == (2, 0.5, False)
    assert {"turn": 3, "text": "3", "tokens": None} in heard


def test_an_answer_can_be_written_again(heard: list[Any]) -> None:
    view = talking()
    view.ops["again"]({"number": 1})
    assert contents(view) == ["Who was Ada?", "1 turns"]
    assert view.spec["turns"][1]["beside"] == [1, 2]
    view.ops["choose"]({"number": 1})
    assert view.messages == FIRST


def test_other_words_begin_a_branch(heard: list[Any]) -> None:
    view = talking()
    view.ops["edit"]({"number": 0, "text": "Who was Alan?"})
    assert contents(view) == ["Who was Alan?", "1 turns"]
    view.ops["choose"]({"number": 0})
    assert view.messages == FIRST


def test_a_stop_keeps_what_is_there(heard: list[Any]) -> None:
    def slow(messages: Any, stopping: threading.Event) -> Any:
        yield Said("hal")
        view.ops["stop"]({})
        assert stopping.is_set()
        yield Said("half", 1, 0.1, stopped=True)

    view = talking(answer=slow)
    view.ops["say"]({"text": "Go on"})
    assert contents(view)[-1] == "half"
    assert [turn["stopped"] for turn in view.spec["turns"]] == [False, False, False, True]
    assert view.to_html().count("assistant · stopped") == 1
    assert set(view.messages[-1]) == {"role", "content"}


def test_an_interrupted_run_is_told_of_by_its_turn(heard: list[Any]) -> None:
    value = chat("A coun", "A mathe")
    view = Chat(value, describe(value, None) or {}, {"model": "some/model", "stopped": True}, answer=echo)
    assert view.spec["turns"][-1]["stopped"]
    view.ops["choose"]({"number": 2})
    view.ops["say"]({"text": "Go on"})
    assert [turn["stopped"] for turn in view.spec["turns"]] == [False, True, False, False]
    assert view.spec["meta"] == {"model": "some/model"}
    assert view.to_html().count("stopped") == 1


def test_one_answer_at_a_time(heard: list[Any]) -> None:
    def nosy(messages: Any, stopping: threading.Event) -> Any:
        with pytest.raises(InputError, match="stop it first"):
            view.ops["say"]({"text": "me too"})
        with pytest.raises(InputError, match="stop it first"):
            view.ops["choose"]({"number": 0})
        yield Said("done", 1, 0.1)

    view = talking(answer=nosy)
    view.ops["say"]({"text": "Go on"})
    assert contents(view)[-1] == "done"


@pytest.mark.parametrize("op", ["edit", "again", "choose"])
@pytest.mark.parametrize("number", [-1, 7, None, "0", True])
def test_unknown_turns_are_refused(op: str, number: Any) -> None:
    with pytest.raises(InputError, match="no turn"):
        talking().ops[op]({"number": number, "text": "x"})


def test_an_error_leaves_the_chat_usable(heard: list[Any]) -> None:
    def broken(messages: Any, stopping: threading.Event) -> Any:
        raise ValueError("no")
        yield

    view = talking(answer=broken)
    with pytest.raises(ValueError, match="no"):
        view.ops["say"]({"text": "Go on"})
    assert contents(view) == ["Who was Ada?", "A countess.", "Go on"]
    view.answer = echo
    view.ops["say"]({"text": "Again"})
    assert contents(view)[-1] == "4 turns"


def test_a_conversation_has_a_view_too() -> None:
    view = view_of(Conversation(FIRST))
    assert isinstance(view, Chat)
    assert "A countess." in view.to_html()
    assert "A countess." in Conversation(FIRST).to_html()


def test_tokens_bring_their_scores() -> None:
    result = chat("A countess.")
    result[0]["tokens"] = [{"text": "A", "score": 0.9}, {"text": " countess.", "score": 0.2}]
    view = view_of(result)
    assert view is not None
    assert view.spec["turns"][-1]["pieces"] == [["A", 0.9], [" countess.", 0.2]]
