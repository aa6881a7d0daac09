"""Chats as the one text that a model was trained to go on with, by the template that comes with its tokenizer."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from functools import lru_cache
from traceback import walk_tb
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nbpipes.errors import InputError

Message = Mapping[str, Any]
ANOTHER = "Another template: pipe.tokenizer.chat_templates['default'] = …"
LARGEST = 1 << 20
"""Letters, items or bits that a product in a template may have."""
MARK = "CONTINUE_FINAL_MESSAGE_TAG "
"""Put behind a message that shall be continued, to find its end in the rendered text."""


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages: dicts, of which the first has a role or a content."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(message, Mapping) for message in value)
        and bool(value[0].keys() & {"role", "content"})
    )


def check_chat(chat: Sequence[Message]) -> None:
    """InputError for a message without role or content."""
    for place, message in enumerate(chat):
        missing = [name for name in ("role", "content") if name not in message]
        if missing:
            shown = str(dict(message))[:80]
            raise InputError(f"message {place} of the chat has no {' and no '.join(missing)}: {shown}")


def choose_template(templates: Mapping[str, str], wanted: str | None, *, tools: bool) -> str:
    """A template by its name, or the text of one of the user's own; None takes that for tools, if need be, or the
    default. InputError where there is none."""
    if wanted is not None:
        return templates.get(wanted, wanted)
    if tools and "tool_use" in templates:
        return templates["tool_use"]
    if "default" in templates:
        return templates["default"]
    if templates:
        raise InputError(f"this tokenizer has several chat templates; name one with chat_template=: {list(templates)}")
    raise InputError(
        "this tokenizer has no chat template: the model was not trained for chats. Pass a plain text, or give it one: "
        "pipe.tokenizer.chat_templates['default'] = …"
    )


def render(
    template: str, chat: Sequence[Message], variables: Mapping[str, Any], *, continue_final_message: bool = False
) -> str:
    """The text of a chat. variables: what the template may use besides `messages`: special tokens, tools, documents,
    add_generation_prompt, ….

    continue_final_message: the text ends within the last message, so that the model goes on with it.
    InputError for a template that is broken, that refuses the chat, or that tries what the sandbox forbids.
    """
    check_chat(chat)
    messages: Any = list(chat)
    final = ""
    if continue_final_message:
        messages = deepcopy(messages)
        final = _marked(messages[-1])
    try:
        text = _compiled(template).render(messages=messages, **variables)
    except _RefusedError as error:
        raise InputError(f"the chat template does not take this chat: {error}") from error
    except TemplateSyntaxError as error:
        raise InputError(_told(f"line {error.lineno} of the chat template is broken", error)) from error
    except SecurityError as error:
        raise InputError(_told(f"{_place(error)} wants what the sandbox forbids", error)) from error
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise InputError(_told(f"{_place(error)} fails on this chat: {type(error).__name__}", error)) from error
    return _cut(text, final) if continue_final_message else text


def _marked(message: Any) -> str:
    """Puts the mark behind the text of a message; returns the text."""
    content = message["content"]
    if isinstance(content, str):
        message["content"] = content + MARK
        return content
    for block in reversed(content if isinstance(content, list | tuple) else ()):
        if "text" in block:
            text = block["text"]
            block["text"] = text + MARK
            return text
    raise InputError("continue_final_message=True, but the last message has no text to continue")


def _cut(text: str, final: str) -> str:
    place = text.rfind(MARK.strip())
    if final.strip() not in text or place < 0:
        raise InputError("continue_final_message=True, but the chat template does not keep the last message as it is")
    kept = text[:place]
    return kept if text[place : place + len(MARK)] == MARK else kept.rstrip()


class _Generation(Extension):
    """The block that marks what the model writes, for training: here it is transparent."""

    tags = {"generation"}  # noqa: RUF012  jinja's way to declare it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Nothing reaches Python from in here, and no single product takes all memory."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if _size(operator, left, right) > LARGEST:
            raise SecurityError(f"the result of {operator} is too large")
        return super().call_binop(context, operator, left, right)


def _size(operator: str, left: Any, right: Any) -> int:
    """Letters, items or bits of a product or a power."""
    match operator, left, right:
        case "*", (str() | list() | tuple()), int():
            return len(left) * right
        case "*", int(), (str() | list() | tuple()):
            return left * len(right)
        case "**", int(), int():
            return left.bit_length() * abs(right)
    return 0


@lru_cache(maxsize=32)
def _compiled(template: str) -> Template:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _tojson
    environment.globals.update(raise_exception=_refuse, strftime_now=_now)
    return environment.from_string(template)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without the escapes for HTML that jinja's own filter makes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class _RefusedError(TemplateError):
    """What a template says of a chat that it does not take."""


def _refuse(message: str) -> NoReturn:
    raise _RefusedError(message)


def _place(error: BaseException) -> str:
    """Where in the template an error was raised."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == "<template>"]
    return f"line {lines[-1]} of the chat template" if lines else "the chat template"


def _told(said: str, error: BaseException) -> str:
    return f"{said}: {str(error).rstrip('.')}. {ANOTHER}"


def _now(form: str) -> str:
    return datetime.now().strftime(form)
