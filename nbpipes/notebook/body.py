"""The body of a `%%pipe` cell: an expression, records of `key: value`, paths, or texts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbpipes.notebook.forms import MEDIA, Field, Form, Kind
from nbpipes.notebook.values import Part, Resolve, expression, find_paths, read_paths, read_text, read_value
from nbpipes.notebook.words import Expression, MagicError

SEPARATOR = "---"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a pipeline is called with: one item or many, and the keywords that the body gave."""

    value: Any
    options: Mapping[str, Any] = field(default_factory=dict)


def read_body(
    body: str, form: Form, resolve: Resolve, *, lines: bool = False, given: Mapping[str, Any] | None = None
) -> Inputs:
    """Read the body of a cell by the form of its task.

    resolve: gives an Expression its value; what it raises passes through. lines: each line is one input.
    given: arguments that stand in the magic's line, by the pipeline's names; they hold for every input.
    Raises MagicError, with the line of the body, for what cannot be read.
    """
    whole = Part(body, body, 0).trimmed()
    given = given or {}
    if whole.text.lstrip().startswith("\\="):
        whole = Part(whole.text.replace("\\=", "=", 1), body, whole.start)
        return _read_records(whole, form, resolve, lines, given)
    if not whole.text.strip():
        return _from_line_only(form, given)
    text = whole.text.lstrip()
    if text.startswith("=") and not text.startswith("=="):
        return Inputs(_with_given(resolve(expression(whole)), form, given))
    return _read_records(whole, form, resolve, lines, given)


def _read_records(whole: Part, form: Form, resolve: Resolve, lines: bool, given: Mapping[str, Any]) -> Inputs:
    records = [r for r in _records(whole) if r.text.strip()]
    if not records:
        raise MagicError("the cell holds only separators", remedy="put an input between two lines ---")
    values: list[Any] = []
    many = len(records) > 1 or lines or _separated(whole)
    for record in records:
        found, several = _read_record(record, form, resolve, lines, given)
        values += found
        many = many or several
    return _lifted(values if many else values[0], many, form)


def read_inputs(values: Sequence[Any], form: Form, resolve: Resolve, given: Mapping[str, Any]) -> Inputs:
    """Read what stands in the line of `%pipe`: one value, or several; texts as such, for media as paths."""
    found: list[Any] = []
    several = len(values) > 1
    for value in values:
        if isinstance(value, Expression):
            found.append(resolve(value))
        elif isinstance(value, str) and form.kind in MEDIA:
            paths, listed = read_paths(Part(value, value, 0), resolve)
            found += paths
            several = several or listed
        else:
            found.append(value)
    if form.pair and len(found) == 2:
        return Inputs(tuple(found))
    if not found:
        return _from_line_only(form, given)
    return Inputs(_with_given(found if several else found[0], form, given))


def _records(whole: Part) -> list[Part]:
    """The parts between the lines ---."""
    records, start, position = [], 0, 0
    for line in whole.text.split("\n"):
        if line.strip() == SEPARATOR:
            records.append(Part(whole.text[start:position], whole.body, whole.start + start))
            start = position + len(line) + 1
        position += len(line) + 1
    records.append(Part(whole.text[start:], whole.body, whole.start + start))
    return [record.trimmed() for record in records]


def _separated(whole: Part) -> bool:
    return any(line.strip() == SEPARATOR for line in whole.text.split("\n"))


def _read_record(
    record: Part, form: Form, resolve: Resolve, lines: bool, given: Mapping[str, Any]
) -> tuple[list[Any], bool]:
    """The inputs of one record, and whether it is written as many."""
    parts = _keyed(record, form)
    if parts:
        values = [(f, read_value(part, f.kind, resolve), part) for f, part in parts]
        return [_assemble(values, form, given, record)], False
    if form.kind in MEDIA:
        paths, listed = _media(record, resolve)
        inputs = _plain_media(paths, form, given, record)
        return inputs, len(inputs) > 1 or listed
    texts = record.lines() if lines else [record]
    return [_plain(read_text(part, resolve), form, given, part) for part in texts], lines


def _media(record: Part, resolve: Resolve) -> tuple[list[str | Path], bool]:
    """The files that the lines name, and whether there is a glob. A line that names none costs itself only, if others
    name some: it stands as a path of its own, and reading it fails."""
    named = [find_paths(line, resolve) for line in record.lines()]
    if not any(found for _, found, _ in named):
        read_paths(record.lines()[0], resolve)  # says what is wrong with it
    paths: list[str | Path] = [path for text, found, _ in named for path in found or [Path(text)]]
    return paths, any(listed for _, _, listed in named)


def _keyed(record: Part, form: Form) -> list[tuple[Field, Part]]:
    """The `key: value` parts of a record that begins with one of the form's keys; values go on over lines."""
    if not form.fields:
        return []
    key = re.compile(rf"^({'|'.join(re.escape(f.key) for f in form.fields)})[^\S\n]*:", re.MULTILINE)
    marks = list(key.finditer(record.text))
    if not marks or record.text[: marks[0].start()].strip():
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(record.text)]
    parts = []
    for mark, end in zip(marks, ends, strict=True):
        found = form.field(mark[1])
        if found is not None:
            text = record.text[mark.end() : end]
            parts.append((found, Part(text, record.body, record.start + mark.end())))
    return parts


def _assemble(values: list[tuple[Field, Any, Part]], form: Form, given: Mapping[str, Any], record: Part) -> Any:
    """One input made of the values of its keys."""
    if any(f.kind is Kind.TURN for f, _, _ in values):
        return _chat(values, given)
    found: dict[str, Any] = {}
    for f, value, part in values:
        if f.argument in found:
            raise part.error(f"{f.key}: stands twice in one input", f"put a line {SEPARATOR} between inputs")
        found[f.argument] = value
    return _complete({**given, **found}, form, record)


def _complete(arguments: dict[str, Any], form: Form, record: Part) -> Any:
    """The input that these arguments are: a pair, a value alone, or a dict. Raises where one is missing."""
    missing = [f for f in form.fields if not (f.optional or f.option) and f.argument not in arguments]
    if missing:
        keys = " and ".join(f"{f.key}:" for f in missing)
        example = "  ".join(f"{f.key}: …" for f in form.fields if not f.option)
        raise record.error(f"this input has no {keys}", f"begin lines with {example}")
    if form.pair:
        return tuple(arguments[f.argument] for f in form.fields)
    return arguments[form.main] if set(arguments) == {form.main} else arguments


def _plain(text: str, form: Form, given: Mapping[str, Any], part: Part) -> Any:
    """One input of a body without keys."""
    turns = [f for f in form.fields if f.kind is Kind.TURN]
    if turns and (form.chat or any(f.argument in given for f in turns)):
        user = next(f for f in turns if f.key == "user")
        return _chat([(user, text, part)], given)
    if not form.main:
        return text
    return _complete({**given, form.main: text}, form, part)


def _plain_media(paths: list[str | Path], form: Form, given: Mapping[str, Any], record: Part) -> list[Any]:
    if form.pair:
        if len(paths) % 2:
            raise record.error("paths come in pairs here, and one is left over")
        return list(zip(paths[::2], paths[1::2], strict=True))
    if not form.main:
        return list(paths)
    return [_complete({**given, form.main: path}, form, record) for path in paths]


def _chat(values: list[tuple[Field, Any, Part]], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Messages of a chat; pictures go into the next thing the user says."""
    messages: list[dict[str, Any]] = []
    if "system" in given and all(f.key != "system" for f, _, _ in values):
        messages.append({"role": "system", "content": given["system"]})
    blocks: list[dict[str, Any]] = []
    for f, value, part in values:
        if f.kind in MEDIA:
            blocks.append({"type": str(f.kind), str(f.kind): value})
        elif f.kind is not Kind.TURN:
            raise part.error(f"{f.key}: does not go with the turns of a chat", "write it as user:")
        elif f.key == "user" and blocks:
            messages.append({"role": "user", "content": [*blocks, {"type": "text", "text": value}]})
            blocks = []
        else:
            messages.append({"role": f.key, "content": value})
    if blocks:
        raise values[-1][2].error("a picture at the end of a chat belongs to no turn", "put it before a user:")
    return messages


def _from_line_only(form: Form, given: Mapping[str, Any]) -> Inputs:
    """The input of a cell without a body, where the line gives all of it."""
    needed = [f for f in form.fields if not (f.optional or f.option)]
    if not needed or any(f.argument not in given for f in needed):
        what = f"one {form.kind} path or address per line" if form.kind in MEDIA else "a text"
        if len(needed) > 1 and not form.pair:
            what = " and ".join(f"{f.key}: …" for f in needed)
        raise MagicError("there is no input", remedy=f"put {what}, or = and an expression, below the line")
    return _lifted(_complete(dict(given), form, Part("", "", 0)), False, form)


def _with_given(value: Any, form: Form, given: Mapping[str, Any]) -> Any:
    """An object of the user's with the arguments that the line gives beside it."""
    if not given:
        return value
    if isinstance(value, Mapping):
        return {**given, **value}
    if not form.main:
        raise MagicError(f"{', '.join(given)} in the line does not go with an expression")
    if isinstance(value, Iterable) and not isinstance(value, str | bytes) and form.kind is Kind.TEXT:
        merged = ({**given, form.main: one} for one in value)
        return list(merged) if isinstance(value, list | tuple) else merged
    return {**given, form.main: value}


def _lifted(value: Any, many: bool, form: Form) -> Inputs:
    """Move the options that all inputs share out of them, into the call."""
    options: dict[str, Any] = {}
    items = value if many else [value]
    for f in form.fields:
        if f.option and all(isinstance(item, dict) and f.argument in item for item in items):
            first = items[0][f.argument]
            if all(item[f.argument] == first for item in items):
                options[f.argument] = first
                items = [{k: v for k, v in item.items() if k != f.argument} for item in items]
    if options:
        items = [item[form.main] if set(item) == {form.main} else item for item in items]
    return Inputs(items if many else items[0], options)
