"""The line of `%%pipe` and `%pipe`: TASK [model=ID] [key=value …] [--option …] [-o NAME | NAME <<]."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from nbpipes.errors import nearest
from nbpipes.notebook.words import (
    Expression,
    MagicError,
    Word,
    is_expression,
    is_name,
    read_value,
    split_words,
)

VIEWS = ("html", "df", "json", "text", "widget")
HEADER = re.compile(r"\s*(?:[^\W\d][\w.-]*=(?!=)|--?[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Switches:
    """The magic's own options, as `--name` or `--name VALUE`."""

    out: str | None = None  # variable that gets the result
    show_as: str = ""  # one of VIEWS; "" leaves it to the settings
    lines: bool = False  # every line of the body is an input
    batch: int | None = None  # inputs in one forward at most; None leaves it to the engine
    limit: int | None = None  # only the first n inputs
    stream: bool = False  # run in the background
    quiet: bool = False  # show nothing
    no_cache: bool = False  # build the pipeline anew and do not keep it
    time: bool = False
    help: bool = False
    debug: bool = False  # whole tracebacks


@dataclass(frozen=True, slots=True)
class Option:
    """A switch: its field in Switches, what it does, and the word for its value ("" for a flag)."""

    name: str
    about: str
    value: str = ""


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "--out": Option("out", "assign the result and show it; `NAME <<` does not show it", "NAME"),
        "--as": Option("show_as", "what is shown: " + ", ".join(VIEWS), "VIEW"),
        "--lines": Option("lines", "each non-empty line of the body is one input"),
        "--batch": Option("batch", "inputs in one forward at most, or auto", "N"),
        "--limit": Option("limit", "only the first N inputs", "N"),
        "--stream": Option("stream", "run in the background; -o gets the job, sink=FOLDER keeps the results on disk"),
        "--quiet": Option("quiet", "show nothing"),
        "--no-cache": Option("no_cache", "build the pipeline anew and do not keep it"),
        "--time": Option("time", "say how long loading and running took"),
        "--help": Option("help", "explain the task and these options"),
        "--debug": Option("debug", "show whole tracebacks"),
    }
)
SHORT = MappingProxyType({"-o": "--out", "-h": "--help"})


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says. Values are literals, strings, or Expressions that the user's namespace resolves.

    target: task, alias, or the expression of a pipeline object; None where only model= is given.
    inputs: what a line magic runs on, after the target; body: the expression after a lone `=`.
    """

    text: str
    target: str | Expression | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    body: Expression | None = None
    switches: Switches = field(default_factory=Switches)
    positions: Mapping[str, int] = field(default_factory=dict)

    def error(self, key: str, message: str, remedy: str = "") -> MagicError:
        """An error about the value `key`, with a caret under it."""
        return MagicError(message, text=self.text, position=self.positions.get(key), remedy=remedy)


def read_cell(line: str, body: str) -> tuple[Line, str]:
    """Read the line of a cell with what continues it in the body; return it and the body that is left."""
    rest = body
    while line.rstrip().endswith("\\"):
        more, _, rest = rest.partition("\n")
        line = line.rstrip()[:-1] + "\n" + more
    header, rest = _split_header(rest)
    return _read(f"{line}\n{header}" if header else line, cell=True), rest


def read_line(line: str) -> Line:
    """Read the line of `%pipe TASK …`, whose inputs stand in the line itself."""
    return _read(line, cell=False)


def _split_header(body: str) -> tuple[str, str]:
    """Cut off the `key=value` lines that a line `--` ends; a leading `--` ends an empty header."""
    lines = body.split("\n")
    marks = [i for i, line in enumerate(lines) if line.strip() == "--"]
    if not marks:
        return "", body
    header, rest = "\n".join(lines[: marks[0]]), "\n".join(lines[marks[0] + 1 :])
    if not header.strip():
        return "", rest
    return (header, rest) if HEADER.match(header) and _only_options(header) else ("", body)


def _only_options(header: str) -> bool:
    """Whether every word is an option, so that prose with a line `--` in it stays prose."""
    after_option = False
    for word in split_words(header):
        is_option = word.value.startswith("-") and not word.key
        if not (word.key or is_option or after_option):
            return False
        after_option = is_option
    return True


def _read(text: str, *, cell: bool) -> Line:
    reader = _Reader(text, cell)
    words = _split_until_expression(text, cell)
    position = 0
    while position < len(words):
        position = reader.take(words, position)
    return reader.line(_expression_after(text, words))


def _split_until_expression(text: str, cell: bool) -> list[Word]:
    """The words before a lone `=`, which in a line magic begins an expression that words cannot cut."""
    mark = None if cell else re.search(r"(?<!\S)=(?!\S)", text)
    if mark is None:
        return split_words(text)
    try:
        return split_words(text[: mark.start()])
    except MagicError:  # the `=` stands inside quotes or brackets
        return split_words(text)


def _expression_after(text: str, words: list[Word]) -> Expression | None:
    end = words[-1].end if words else 0
    mark = re.match(r"\s*=(?:\s+|$)", text[end:])
    if mark is None:
        return None
    start = end + mark.end()
    if not is_expression(text[start:]):
        raise MagicError(
            "what follows = is not a Python expression",
            text=text,
            position=start,
            remedy="options go before the =",
        )
    return Expression(text[start:].strip(), start)


class _Reader:
    """Collects the words of one line."""

    def __init__(self, text: str, cell: bool) -> None:
        self.text, self.cell = text, cell
        self.target: str | Expression | None = None
        self.values: dict[str, Any] = {}
        self.positions: dict[str, int] = {}
        self.plain: list[tuple[Word, Any]] = []
        self.switches: dict[str, Any] = {}

    def take(self, words: list[Word], position: int) -> int:
        """Read the word at `position` and whatever belongs to it; return where the next one is."""
        word = words[position]
        following = words[position + 1] if position + 1 < len(words) else None
        if following is not None and following.value == "<<" and not following.key:
            self._assign_silently(word, word.text)
            return position + 2
        if word.value.endswith("<<") and not word.key:
            self._assign_silently(word, word.text[:-2])
        elif word.key:
            self._add_value(word)
        elif word.value.startswith("-") and len(word.value) > 1 and not word.value[1:2].isdigit():
            return position + self._add_switch(word, following)
        else:
            self._add_plain(word)
        return position + 1

    def line(self, body: Expression | None) -> Line:
        if body is not None and self.plain:
            raise self._error(self.plain[0][0], "an input stands before =", "give one or the other")
        inputs = tuple(self._input(word, value) for word, value in self.plain)
        return Line(
            self.text,
            self.target,
            MappingProxyType(self.values),
            inputs,
            body,
            Switches(**self.switches),
            MappingProxyType(self.positions),
        )

    def _add_value(self, word: Word) -> None:
        if word.key in self.values:
            raise self._error(word, f"{word.key}= is given twice", "keep one")
        self.positions[word.key] = word.start
        self.values[word.key] = read_value(self.text, word)

    def _add_plain(self, word: Word) -> None:
        value = read_value(self.text, word)
        if self.target is None and not self.plain:
            if not isinstance(value, str | Expression):
                raise self._error(word, f"{word.text} is not a task", "%pipe tasks lists them")
            self.target = value
            self.positions["task"] = word.start
        elif self.cell:
            remedy = "options are key=value without spaces, inputs stand below the line"
            raise self._error(word, f"unexpected {word.text!r}", remedy)
        else:
            self.plain.append((word, value))

    def _input(self, word: Word, value: Any) -> Any:
        """What the word gives to the pipeline; bare words are most likely a text that lacks its quotes."""
        bare = isinstance(value, str) and value == word.text
        if bare and len(self.plain) > 1 and not _is_path(value):
            raise self._error(word, "several words without quotes", f'quote the text: "{word.text} …"')
        # A number is an input only as text: `%pipe ner 42`.
        return value if isinstance(value, str | Expression | list | tuple | dict) else word.text

    def _add_switch(self, word: Word, following: Word | None) -> int:
        """Read an option; return the number of words it takes."""
        name, equals, value = word.value.partition("=")
        name = SHORT.get(name, name)
        if name not in OPTIONS:
            raise self._error(word, f"unknown option {name!r}{nearest(name, OPTIONS)}")
        option = OPTIONS[name]
        if option.name in self.switches:
            raise self._error(word, f"{name} is given twice", "keep one")
        if not option.value:
            if equals:
                raise self._error(word, f"{name} takes no value")
            self.switches[option.name] = True
            return 1
        if not equals and (following is None or following.key):
            raise self._error(word, f"{name} needs a value", f"{name} {option.value}")
        source = word if equals or following is None else following
        self.switches[option.name] = self._switch_value(option, source, value if equals else source.value)
        return 1 if equals else 2

    def _switch_value(self, option: Option, word: Word, value: str) -> Any:
        match option.name:
            case "out":
                return self._name(word, value)
            case "show_as":
                if value not in VIEWS:
                    raise self._error(word, f"{value!r} is not a view{nearest(value, VIEWS)}", ", ".join(VIEWS))
                return value
            case "batch" if value == "auto":
                return None
            case _:
                return self._count(word, value)

    def _count(self, word: Word, value: str) -> int:
        try:
            count = int(value)
        except ValueError:
            count = 0
        if count < 1:
            raise self._error(word, f"{value!r} is not a number of 1 or more")
        return count

    def _name(self, word: Word, name: str) -> str:
        if not is_name(name):
            raise self._error(word, f"{name!r} cannot be a variable")
        return name

    def _assign_silently(self, word: Word, name: str) -> None:
        if "out" in self.switches:
            raise self._error(word, "two names for the result", "keep one")
        self.switches["out"] = self._name(word, name)
        self.switches["quiet"] = True

    def _error(self, word: Word, message: str, remedy: str = "") -> MagicError:
        return MagicError(message, text=self.text, position=word.start, remedy=remedy)


def _is_path(word: str) -> bool:
    """Whether a bare word looks like a file or an address, several of which may stand in one line."""
    return any(c in word for c in "./\\:*~")
