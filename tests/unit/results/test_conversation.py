"""A conversation: what may be added, the old ways to say things, equality."""

from uuid import uuid4

import pytest

from nbpipes import Conversation
from nbpipes.errors import InputError


def test_turns():
    conversation = Conversation("Going to the movies tonight - any suggestions?")
    conversation.add_message({"role": "assistant", "content": "The Big Lebowski."})
    conversation.add_message({"role": "user", "content": "Is it good?"})
    assert [message["role"] for message in conversation] == ["user", "assistant", "user"]
    assert len(conversation) == 3
    assert conversation[1]["content"] == "The Big Lebowski."
    assert repr(conversation).startswith(f"Conversation id: {conversation.uuid}\nuser: Going")
    assert list(conversation.iter_texts())[1:] == [(False, "The Big Lebowski."), (True, "Is it good?")]


@pytest.mark.parametrize(
    "message", [{"role": "user"}, {"role": "bot", "content": ""}, {"role": "user", "content": "", "name": "x"}]
)
def test_what_is_no_message(message):
    with pytest.raises(InputError):
        Conversation().add_message(message)


def test_the_old_ways(caplog):
    conversation = Conversation(text="Why?", past_user_inputs=["Hi", "What?"], generated_responses=["Hello"])
    assert [message["content"] for message in conversation] == ["Hi", "Hello", "What?", "Why?"]
    assert conversation.past_user_inputs == ["Hi", "What?"]
    conversation.mark_processed()
    assert conversation.past_user_inputs == ["Hi", "What?", "Why?"]
    assert conversation.new_user_input == "Why?"
    conversation.add_user_input("ignored")
    conversation.add_user_input("Where?", overwrite=True)
    assert conversation.new_user_input == "Where?"
    assert caplog.text.count("last turn") == 2
    conversation.append_response("Here.")
    assert conversation.generated_responses == ["Hello", "Here."]
    conversation[-1] = {"role": "assistant", "content": "There."}
    assert conversation.generated_responses == ["Hello", "There."]
    with pytest.raises(InputError, match="past_user_inputs"):
        Conversation("x", generated_responses=["y"])


def test_equal():
    number = uuid4()
    assert Conversation("a", number) == Conversation("b", number)
    assert Conversation("a") == Conversation([{"role": "user", "content": "a"}])
    assert Conversation("a") != Conversation("b")
    assert Conversation("a") != "a"
