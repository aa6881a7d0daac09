"""`playground()`: a field to type into, a form of the task's options, and the result in its live view."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpipes.errors import InputError, nearest, need
from nbpipes.notebook import catalog
from nbpipes.notebook.forms import Field as FormField
from nbpipes.notebook.forms import Form, Kind, form_of
from nbpipes.notebook.values import Part, read_table
from nbpipes.notebook.words import UNREADABLE, literal
from nbpipes.results.short import short
from nbpipes.widgets.playground import FILES, Field, Playground

TAKEN = frozenset({Kind.TEXT, Kind.LABELS, Kind.TURN, Kind.IMAGE, Kind.AUDIO, Kind.TABLE})
"""What a field can be filled with."""


def playground(
    task: Any = None,
    model: str | Path | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    revision: str | None = None,
    device: Any = None,
) -> Playground:
    """Return a view that runs a pipeline on what one types or drops; put it at the end of a cell to see it.

    task: a task's name, or a pipeline that is there already. model, revision, device: as `pipeline()` has them.
    inputs: what fields hold that are left empty, by their names: `inputs={"table": df}`. InputError for names of no
    field, and for tasks that take videos or pairs of images.
    """
    pipe = task if hasattr(task, "events") else _built(task, model, revision, device)
    form = form_of(pipe.kind or pipe.task)
    if not {form.kind, *(f.kind for f in form.fields)} <= TAKEN or form.pair:
        raise InputError(f"playground() has no field for what {pipe.task} takes; call the pipeline")
    title = f"{pipe.task}: {pipe.meta.get('model', '')}".rstrip(": ")
    held = dict(inputs or {})
    fields = [_held(field, held) for field in _inputs(form)]
    names = [field.name for field in fields]
    for name in held:
        if name not in names:
            raise InputError(f"there is no field {name!r}{nearest(name, names)}. Fields: {', '.join(names)}")

    def run(given: Mapping[str, str | bytes], options: Mapping[str, str]) -> Any:
        return _run(pipe, form, {**given, **{n: held[n] for n in held if not given.get(n, "").strip()}}, options)

    return Playground(title, fields, _options(pipe), run, pipe.meta)


def _built(task: Any, model: Any, revision: str | None, device: Any) -> Any:
    if isinstance(task, str):
        task = catalog.find_task(task)[0]
    return need("nbpipes.factory").pipeline(task, model, revision=revision, device=device)


def _inputs(form: Form) -> list[Field]:
    turns = [f for f in form.fields if f.kind is Kind.TURN]
    if not form.fields or turns:
        return [Field("text", "text")]
    return [Field(f.key, _kind(f), optional=f.optional) for f in form.fields]


def _held(field: Field, held: Mapping[str, Any]) -> Field:
    """A field that may be left empty where there is a value for it already."""
    if field.name not in held:
        return field
    value = held[field.name]
    if field.kind == "table":
        shape = getattr(value, "shape", None)  # of a DataFrame
        shown = f"a table of {shape[0]:,} rows and {shape[1]:,} columns" if shape else "a table"
    else:
        shown = short(value, 80)
    return field._replace(default=f"as given: {shown}", optional=True)


def _kind(field: FormField) -> str:
    if field.kind in FILES:
        return field.kind
    return "line" if field.key == "question" or field.kind is Kind.LABELS else "text"


def _options(pipe: Any) -> list[Field]:
    """A field for each option, with the pipeline's own default; those of the inputs are not repeated."""
    form = form_of(pipe.kind or pipe.task)
    own = {f.argument for f in form.fields}
    infos = [info for info in catalog.options_of(type(pipe)) if info.name not in own]
    return [
        Field(info.name, "choice" if info.choices else "line", _shown(getattr(pipe.options, info.name)), info.choices)
        for info in infos
    ]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _run(pipe: Any, form: Form, inputs: Mapping[str, Any], options: Mapping[str, str]) -> Any:
    """The result of one call, with the time it took."""
    item, named = _read_inputs(form, inputs)
    named |= {name: _read(text) for name, text in options.items() if text.strip()}
    start = time.perf_counter()
    result = pipe(item, **named)
    if isinstance(meta := getattr(result, "meta", None), dict):
        meta["seconds"] = time.perf_counter() - start
    return result


def _read_inputs(form: Form, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The item of a call, and the options that fields of their own give."""
    if not form.fields or any(f.kind is Kind.TURN for f in form.fields):
        return inputs.get("text", ""), {}
    values: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for f in form.fields:
        given = inputs.get(f.key, "")
        typed = isinstance(given, str | bytes)
        if typed and not given.strip() and f.optional:
            continue
        if f.kind is Kind.LABELS and typed:
            given = [label.strip() for label in str(given).split(",") if label.strip()]
        elif f.kind is Kind.TABLE and typed:
            given = _table(given)
        (named if f.option else values)[f.argument] = given
    return values[form.main] if set(values) == {form.main} else values, named


def _table(given: str | bytes) -> dict[str, list[str]]:
    """The columns of a file of CSV, or of what was typed."""
    text = given.decode("utf-8-sig", "replace") if isinstance(given, bytes) else given
    if isinstance(given, bytes) and "\n" not in text.strip():
        raise InputError("a table needs a line of column names and at least one row")
    return read_table(Part(text, text, 0))


def _read(text: str) -> Any:
    """A Python literal, or the text itself."""
    try:
        return literal(text.strip())
    except UNREADABLE:
        return text
