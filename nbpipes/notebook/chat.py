"""Chats in cells: what `%%pipe chat` shows can be gone on with."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from nbpipes.engine.events import Done, Failed, Partial
from nbpipes.notebook.publish import offer, update_twin
from nbpipes.results.records import Records
from nbpipes.widgets.chat import Chat, Message, Said, chats_of, describe

Opened = Callable[[], AbstractContextManager[tuple[Any, Any, float]]]
"""Gives the pipeline that a cell asked for, what it was called with, and how long loading took."""


def offer_chat(value: Any, opened: Opened) -> None:
    """Lets a result that is a chat be shown by a view in which the cell's pipeline answers."""
    one = value[0] if isinstance(value, Records) and value.batched and len(value) == 1 else value
    if chats_of(one):
        offer(value, lambda: chat_of(one, opened))


def chat_of(value: Any, opened: Opened) -> Chat:
    """The view of a chat with the pipeline that answers in it."""
    meta = getattr(value, "meta", {})

    def answer(messages: Sequence[Message], stopping: threading.Event) -> Iterator[Said]:
        with opened() as (pipe, call, _):
            yield from said(pipe, messages, call.options, stopping)

    view = Chat(value, describe(value, None) or {}, meta, answer=answer, changed=update_twin)
    with opened() as (pipe, _, _):
        view.measured(tokens_of(pipe, view.messages[-1].get("content")), meta.get("seconds"))
    return view


def said(pipe: Any, messages: Sequence[Message], options: dict[str, Any], stopping: threading.Event) -> Iterator[Said]:
    """What a pipeline says next in a chat, again and again as it grows."""
    start, text, complete = time.perf_counter(), "", False
    events = pipe.events([list(messages)], **options)
    with closing(events):
        for event in events:
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Partial):
                text = event.text
                yield Said(text)
            elif isinstance(event, Done):
                text, complete = answer_in(event.result), True
            if stopping.is_set():
                break
    yield Said(text, tokens_of(pipe, text), time.perf_counter() - start, stopped=not complete)


def answer_in(result: Any) -> str:
    """What was said last in a chat that was answered, or the text alone where no more was asked for."""
    if chats := chats_of(result):
        return str(chats[0]["generated_text"][-1].get("content", ""))
    return str(result[0].get("generated_text", "")) if isinstance(result, list) and result else ""


def tokens_of(pipe: Any, text: Any) -> int | None:
    """How many tokens a text has."""
    if not isinstance(text, str) or getattr(pipe, "tokenizer", None) is None:
        return None
    return len(pipe.tokenizer.windows(text, truncation=False, add_special_tokens=False)[0].ids)
