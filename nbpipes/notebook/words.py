"""Words of a magic's line: quotes and brackets hold spaces, values are literals, references or strings."""

import ast
import re
import warnings
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from nbpipes.errors import NbpipesError

KEY = re.compile(r"([^\W\d][\w.-]*)=(?!=)")
QUOTE = re.compile(r"""[rRbBuU]{0,2}(\"\"\"|'''|"|')""")
CLOSING = {"(": ")", "[": "]", "{": "}"}
# What compiling arbitrary text raises: null bytes, lone surrogates, very long numbers, very deep nesting.
UNREADABLE = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError)


class MagicError(NbpipesError, ValueError):
    """A `%%pipe` line or body cannot be read.

    text, position: what was read and the index in it where a caret is shown; remedy: what to write instead.
    """

    def __init__(self, message: str, *, text: str = "", position: int | None = None, remedy: str = "") -> None:
        parts = [message + (f" — {remedy}" if remedy else "")]
        if position is not None and text:
            parts.append(_caret(text, position))
        super().__init__("\n".join(parts))
        self.message, self.remedy, self.position = message, remedy, position


@dataclass(frozen=True, slots=True)
class Expression:
    """Python source that the user's namespace resolves; position: where it starts in the line or body."""

    source: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """One word: `key=value`, or a value alone (then key is ""); start, at: where word and value begin."""

    text: str
    start: int
    key: str
    value: str
    at: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def split_words(text: str) -> list[Word]:
    """Split at white space outside quotes and brackets; quotes open where a value begins, so not in don't."""
    words, position = [], 0
    while (position := _skip_space(text, position)) < len(text):
        key = KEY.match(text, position)
        at = key.end() if key else position
        end = _value_end(text, at, nested=key is not None)
        words.append(Word(text[position:end], position, key[1] if key else "", text[at:end], at))
        position = end
    return words


def read_value(text: str, word: Word) -> Any:
    """Give the literal, the plain string or the Expression that the value of `word` stands for."""
    value, at = word.value, word.at
    if not value:
        raise MagicError(f"{word.key}= has no value", text=text, position=at, remedy="no space after =")
    if value[0] == "$":
        return _reference(text, value, at)
    if value[0] == "{":
        return _braced(text, value, at)
    if value in ("true", "false"):
        raise MagicError(
            f"{value} would be a text, which counts as true",
            text=text,
            position=at,
            remedy=f"write {value.capitalize()}, or quote it",
        )
    quoted = QUOTE.match(value) is not None
    if "#" in value and not quoted and value[0] not in "[(":
        return value  # a comment to Python, part of the word to the user
    try:
        return literal(value)
    except UNREADABLE:
        if quoted:
            raise _error(
                text,
                at,
                "this is not a Python string",
                'double its backslashes, or write r"C:\\x"',
            ) from None
        if value[0] in "[(":
            raise _error(
                text, at, f"{value} is not a literal", 'quote its words: ["a", "b"]; or compute it: key={…}'
            ) from None
        return value


def literal(source: str) -> Any:
    """ast.literal_eval without the warnings that odd text provokes; raises one of UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(source)


def is_expression(source: str) -> bool:
    """Whether `source` is one Python expression; line breaks are allowed in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(f"(\n{source}\n)", mode="eval")
    except UNREADABLE:
        return False
    return True


def is_name(word: str) -> bool:
    """Whether `word` can be a variable."""
    return word.isidentifier() and not iskeyword(word)


def _reference(text: str, value: str, at: int) -> Expression:
    if not is_name(value[1:]):
        raise _error(text, at, f"{value} is not a variable", f"compute it as {{{value[1:]}}}, or quote it")
    return Expression(value[1:], at + 1)


def _braced(text: str, value: str, at: int) -> Any:
    """`{expr}` computes expr; a display such as {"a": 1} or {**a} is itself."""
    inside = value[1:-1].strip()
    if inside and is_expression(inside):
        return Expression(inside, at + 1)
    try:
        return literal(value)
    except UNREADABLE:
        if is_expression(value):
            return Expression(value, at)
        raise _error(text, at, f"{value} is not a Python expression", "quote it to have it as text") from None


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _value_end(text: str, at: int, *, nested: bool) -> int:
    """Where the value ends that begins at `at`; nested: brackets count beyond its first character."""
    quote = QUOTE.match(text, at)
    if quote:
        end = _quote_end(text, at, quote)
        if end < len(text) and not text[end].isspace():
            raise _error(text, end, "text right after a closing quote", "put a space, or quote it all")
        return end
    open_brackets: list[int] = []
    position = at
    while position < len(text):
        c = text[position]
        inner = QUOTE.match(text, position) if open_brackets else None
        if inner:
            position = _quote_end(text, position, inner)
            continue
        if c.isspace() and not open_brackets:
            break
        if c in CLOSING and (nested or open_brackets or position == at):
            open_brackets.append(position)
        elif open_brackets and c in CLOSING.values():
            _close(text, position, open_brackets)
        position += 1
    if open_brackets:
        start = open_brackets[-1]
        raise _error(text, start, f"{text[start]} is never closed", f"add {CLOSING[text[start]]}, or quote it")
    return position


def _close(text: str, position: int, open_brackets: list[int]) -> None:
    wanted = CLOSING[text[open_brackets.pop()]]
    if text[position] != wanted:
        raise _error(text, position, f"{text[position]} stands where {wanted} is due", "or quote the value")


def _quote_end(text: str, start: int, quote: re.Match[str]) -> int:
    position, mark = quote.end(), quote[1]
    while position < len(text):
        if text[position] == "\\":
            position += 2
        elif text.startswith(mark, position):
            return position + len(mark)
        else:
            position += 1
    raise _error(text, start, "a quote is never closed", f"add {mark}")


def _error(text: str, position: int, message: str, remedy: str) -> MagicError:
    return MagicError(message, text=text, position=position, remedy=remedy)


def _caret(text: str, position: int, room: int = 90) -> str:
    """The line of `text` that holds `position`, cut to `room` characters, and a caret under the place."""
    position = min(position, len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line, column = text[start : end if end >= 0 else len(text)].replace("\t", " "), position - start
    cut = max(0, column - room // 2)
    return f"  {line[cut : cut + room]}\n  {' ' * (column - cut)}^"
