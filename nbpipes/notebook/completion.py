"""Completions in the line of `%%pipe` and `%pipe`: tasks, options and their words, models at hand, variables."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from nbpipes.errors import NbpipesError
from nbpipes.notebook import catalog
from nbpipes.notebook.commands import COMMANDS
from nbpipes.notebook.line import OPTIONS, VIEWS

MAGIC = re.compile(r"(?:^|=\s*|\s)(%%?)pipe\s(.*)$", re.DOTALL)
DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("auto", "float32", "bfloat16", "float16")
BUILD = ("model", "device", "dtype", "revision", "tokenizer", "token")


@dataclass(frozen=True, slots=True)
class Names:
    """What the user has: names for models, and variables."""

    aliases: Iterable[str]
    variables: Iterable[str]


def pipe_matcher(names: Callable[[], Names]) -> Callable[[CompletionContext], Any]:
    """The matcher to append to a completer's `custom_matchers`; it speaks for lines of the magics alone."""

    @context_matcher()
    def pipe_magic_matcher(context: CompletionContext) -> dict[str, Any]:
        line = magic_line(context.full_text, context.cursor_line, context.cursor_position)
        if line is None:
            return {"completions": []}
        marker, text = line
        fragment = re.split(r"\s", text)[-1]
        found = complete(text, names(), cell=marker == "%%")
        return {
            "completions": [SimpleCompletion(text=one, type=kind) for one, kind in found],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    return pipe_magic_matcher


def magic_line(text: str, row: int, column: int) -> tuple[str, str] | None:
    """The marker (% or %%) and what stands between `pipe` and the cursor; None where the cursor is elsewhere."""
    lines = text.split("\n")
    before = lines[row][:column]
    while row > 0 and lines[row - 1].rstrip().endswith("\\"):
        row -= 1
        before = lines[row].rstrip()[:-1] + " " + before
    found = MAGIC.search(before)
    if found is None or (found[1] == "%%" and (row > 0 or not before.startswith("%%"))):
        return None
    return found[1], found[2]


def complete(text: str, names: Names, *, cell: bool) -> list[tuple[str, str]]:
    """Completions of the last word of a line, and the kind of each."""
    *before, word = re.split(r"\s+", text)
    before = [w for w in before if w]
    task = next((w for w in before if not w.startswith("-") and "=" not in w), "")
    key, equals, value = word.partition("=")
    if not cell and task in COMMANDS:
        found = _after_command(task)
    elif before and before[-1] == "--as":
        found = [(view, "value") for view in VIEWS]
    elif word.startswith("-"):
        found = [(name, "option") for name in OPTIONS]
    elif equals:
        return [(f"{key}={one}", kind) for one, kind in _values(key, value, task, names) if one.startswith(value)]
    elif word.startswith("$"):
        found = _variables(names)
    elif not before:
        found = _tasks(names) + ([] if cell else [(command, "command") for command in COMMANDS])
    else:
        found = ([] if task else _tasks(names)) + [(f"{name}=", "param") for name in _options(task)]
    return [(one, kind) for one, kind in found if one.startswith(word)]


def _after_command(command: str) -> list[tuple[str, str]]:
    if command in ("info", "models"):
        return [(word, "task") for word in sorted(catalog.task_words())]
    return [("all", "value")] if command == "unload" else []


def _tasks(names: Names) -> list[tuple[str, str]]:
    return [(word, "task") for word in (*sorted(catalog.task_words()), *names.aliases)]


def _variables(names: Names) -> list[tuple[str, str]]:
    return [(f"${name}", "variable") for name in sorted(names.variables) if not name.startswith("_")]


def _values(key: str, value: str, task: str, names: Names) -> list[tuple[str, str]]:
    if value.startswith("$"):
        return _variables(names)
    fixed: Mapping[str, Iterable[str]] = {"device": DEVICES, "dtype": DTYPES, "torch_dtype": DTYPES}
    if key in ("model", "tokenizer"):
        return [(model, "model") for model in ("demo", *names.aliases, *catalog.cached_names())]
    if key in fixed:
        return [(word, "value") for word in fixed[key]]
    return [(word, "value") for word in _options(task).get(key, ())]


def _options(task: str) -> dict[str, tuple[str, ...]]:
    """The keys that a task takes, and the words each may be."""
    try:
        name, form = catalog.find_task(task)
        options = {o.name: o.choices for o in catalog.options_of(catalog.pipeline_class(name))}
    except NbpipesError:  # a word that is no task, or one of the user's own
        return dict.fromkeys(BUILD, ())
    return {**dict.fromkeys(BUILD, ()), **dict.fromkeys((f.key for f in form.fields), ()), **options}
