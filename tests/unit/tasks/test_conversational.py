"""Conversations with models that only write, and with models that read with an encoder."""

from pathlib import Path
from typing import Any

import pytest

from nbpipes import Conversation, pipeline
from nbpipes.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden"


def made(family: str, checkpoint: str, **options: Any) -> Any:
    folder = GOLDEN / family
    files = {"model": folder / checkpoint, "tokenizer": folder / "tokenizer"}
    return pipeline("conversational", **files, device="cpu", max_new_tokens=6, **options)


def test_the_conversation_itself_grows():
    pipe = made("gpt2", "causal-writer")
    conversation = Conversation("Who lives in London?")
    assert pipe(conversation) is conversation
    assert [message["role"] for message in conversation] == ["user", "assistant"]
    said = pipeline("text-generation", pipe.model, tokenizer=pipe.tokenizer)(
        "Who lives in London?</s>", max_new_tokens=6, do_sample=False, return_full_text=False
    )
    assert conversation[-1]["content"] == said[0]["generated_text"]


def test_every_kind_of_input():
    pipe = made("llama", "causal-writer")
    chat = [{"role": "user", "content": "Who lives there?"}]
    one, two = Conversation(chat), Conversation("The film was good.")
    alone = pipe(chat)
    assert isinstance(alone, Conversation)
    assert len(chat) == 1
    assert pipe([chat]).messages == alone.messages
    several = pipe([one, two])
    assert several[0] is one
    assert several[1] is two
    assert one.messages == alone.messages
    assert [len(answered) for answered in pipe([chat, chat])] == [2, 2]


def test_a_model_with_an_encoder():
    pipe = made("bart", "seq2seq-writer", num_beams=2)
    with pytest.raises(InputError, match="chat template"):
        pipe(Conversation("Is it?"))
    pipe.tokenizer.chat_templates["default"] = "{% for message in messages %}{{ message.content }}</s>{% endfor %}"
    answer = pipe(Conversation("Is it?"))
    assert isinstance(answer[-1]["content"], str)


def test_what_is_no_conversation():
    with pytest.raises(InputError, match="a Conversation, or a list of messages"):
        made("gpt2", "causal-writer")("Hi")
