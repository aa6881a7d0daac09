"""Values in the body of a cell: text with {{expressions}}, paths and globs, lists of labels, tables."""

import csv
import glob
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbpipes.notebook.forms import MEDIA, Kind
from nbpipes.notebook.words import UNREADABLE, Expression, MagicError, is_expression, literal

Resolve = Callable[[Expression], Any]
ADDRESS = re.compile(r"(?:https?://|data:)", re.IGNORECASE)
RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?")
# An expression ends at the first }} that makes it valid Python; more are tried for dicts and nested braces.
TRIES = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the body, and where it begins in it."""

    text: str
    body: str
    start: int

    def error(self, message: str, remedy: str = "", offset: int = 0) -> MagicError:
        """An error about this part, with the number of its line and a caret."""
        position = self.start + offset
        number = self.body.count("\n", 0, position) + 1
        return MagicError(f"line {number}: {message}", text=self.body, position=position, remedy=remedy)

    def lines(self) -> list["Part"]:
        """Its non-empty lines, without outer white space."""
        found, start = [], self.start
        for line in self.text.split("\n"):
            if line.strip():
                found.append(Part(line.strip(), self.body, start + len(line) - len(line.lstrip())))
            start += len(line) + 1
        return found

    def trimmed(self) -> "Part":
        """Without blank lines before and after; indentation stays."""
        blank = re.match(r"(?:[^\S\n]*\n)*", self.text)
        skipped = blank.end() if blank else 0
        return Part(self.text[skipped:].rstrip(), self.body, self.start + skipped)


def read_text(part: Part, resolve: Resolve) -> str:
    """The text with each {{expression}} replaced by its value, once; \\{{ is two braces."""
    done, position = [], 0
    while (opening := part.text.find("{{", position)) >= 0:
        if part.text[opening - 1 : opening] == "\\" and opening > position:
            done += [part.text[position : opening - 1], "{{"]
            position = opening + 2
            continue
        done.append(part.text[position:opening])
        source, position = _braced(part, opening)
        done.append(str(resolve(Expression(source, part.start + opening))))
    return "".join([*done, part.text[position:]])


def _braced(part: Part, opening: int) -> tuple[str, int]:
    """The expression that begins at `opening`, and where the text goes on."""
    line_end = part.text.find("\n", opening)
    line = part.text[: line_end if line_end >= 0 else len(part.text)]
    closing = opening + 1
    for _ in range(TRIES):
        closing = line.find("}}", closing + 1)
        if closing < 0:
            break
        source = line[opening + 2 : closing].strip()
        if source and is_expression(source):
            return source, closing + 2
    raise part.error(
        "{{ is not followed by a Python expression and }} in the same line",
        r"write \{{ for braces in the text",
        opening,
    )


def read_value(part: Part, kind: Kind, resolve: Resolve) -> Any:
    """The value of a structured key: text of its kind, or after = any object."""
    text = part.text.strip()
    if text.startswith("=") and not text.startswith("=="):
        return resolve(expression(part))
    if kind in MEDIA:
        found = [path for line in part.lines() for path in read_paths(line, resolve)[0]]
        if len(found) != 1:
            raise part.error(f"one {kind} is needed here, not {len(found)}")
        return found[0]
    if kind is Kind.LABELS:
        return read_labels(Part(read_text(part, resolve), part.body, part.start))
    if kind is Kind.TABLE:
        return read_table(Part(read_text(part, resolve), part.body, part.start))
    return read_text(part, resolve).strip()


def expression(part: Part) -> Expression:
    """The Python expression after the = that the part begins with."""
    source = part.text.strip()[1:].strip()
    if not source or not is_expression(source):
        raise part.error("what follows = is not a Python expression", r"write \= to begin a text with =")
    return Expression(source, part.start)


def read_paths(line: Part, resolve: Resolve) -> tuple[list[str], bool]:
    """The files that a line names, by an address, a path with ~ or a glob, and whether it is a glob. MagicError where
    there are none."""
    text, found, several = find_paths(line, resolve)
    if not found:
        what = "no file matches" if glob.has_magic(text) else "no such file:"
        raise line.error(f"{what} {text!r}", f"paths are relative to {os.getcwd()}")
    return found, several


def find_paths(line: Part, resolve: Resolve) -> tuple[str, list[str], bool]:
    """What a line says, the files that it names, if there are any, and whether it is a glob."""
    text = read_text(line, resolve).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if ADDRESS.match(text):
        return text, [text], False
    try:
        path = os.path.expanduser(text)
        if os.path.exists(path):
            return text, [path], False
        found = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else []
    except (ValueError, OSError, re.error):  # characters that no file name holds
        found = []
    return text, found, True


def read_labels(part: Part) -> list[str]:
    """Labels as a Python list, one per line, or between commas."""
    text = part.text.strip()
    if text[:1] in ("[", "("):
        try:
            return [str(label) for label in literal(text)]
        except UNREADABLE:
            raise part.error("this is not a list of labels", '["a", "b"], or a, b') from None
    separator = "\n" if "\n" in text else ","
    labels = [label.strip().removeprefix("- ").strip() for label in text.split(separator)]
    return [label for label in labels if label]


def read_table(part: Part) -> dict[str, list[str]]:
    """A table as columns of texts, from the path of a csv file, rows of csv, or a Markdown table."""
    text = part.text.strip()
    if "\n" not in text:
        try:
            with open(os.path.expanduser(text), newline="", encoding="utf-8-sig") as file:
                text = file.read()
        except (OSError, ValueError) as error:
            raise part.error(f"the table {text!r} cannot be read: {error}", "table: = df gives an object") from None
    if text.startswith("|"):
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        rows = [line.strip("|").split("|") for line in lines if not RULE.fullmatch(line)]
    else:
        rows = _csv_rows(part, text)
    rows = [[cell.strip() for cell in row] for row in rows]
    if len(rows) < 2:
        raise part.error("a table needs a line of column names and at least one row")
    uneven = next((row for row in rows if len(row) != len(rows[0])), None)
    if uneven is not None:
        raise part.error(f"the table has {len(rows[0])} columns, but a row of {len(uneven)}: {', '.join(uneven)}")
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def _csv_rows(part: Part, text: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    except csv.Error as error:
        raise part.error(f"this is not csv: {error}") from None
