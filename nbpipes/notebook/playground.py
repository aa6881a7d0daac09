"""`playground()`: a field to type into, a form of the task's options, and the result in its live view."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpipes.errors import InputError, need
from nbpipes.notebook import catalog
from nbpipes.notebook.forms import Field as Part
from nbpipes.notebook.forms import Form, Kind, form_of
from nbpipes.notebook.words import UNREADABLE, literal
from nbpipes.widgets.playground import Field, Playground

TAKEN = frozenset({Kind.TEXT, Kind.LABELS, Kind.TURN, Kind.IMAGE})
"""What a field can be filled with."""


def playground(
    task: Any = None, model: str | Path | None = None, *, revision: str | None = None, device: Any = None
) -> Playground:
    """Return a view that runs a pipeline on what one types; put it at the end of a cell to see it.

    task: a task's name, or a pipeline that is there already. model, revision, device: as `pipeline()` has them.
    InputError for tasks that take sounds, videos or tables.
    """
    pipe = task if hasattr(task, "events") else _built(task, model, revision, device)
    form = form_of(pipe.kind or pipe.task)
    if not {form.kind, *(f.kind for f in form.fields)} <= TAKEN or form.pair:
        raise InputError(f"playground() takes texts and images, and {pipe.task} takes other things; call the pipeline")
    title = f"{pipe.task}: {pipe.meta.get('model', '')}".rstrip(": ")
    return Playground(title, _inputs(form), _options(pipe), lambda *given: _run(pipe, form, *given), pipe.meta)


def _built(task: Any, model: Any, revision: str | None, device: Any) -> Any:
    if isinstance(task, str):
        task = catalog.find_task(task)[0]
    return need("nbpipes.factory").pipeline(task, model, revision=revision, device=device)


def _inputs(form: Form) -> list[Field]:
    turns = [f for f in form.fields if f.kind is Kind.TURN]
    if not form.fields or turns:
        return [Field("text", "text")]
    return [Field(f.key, _kind(f), optional=f.optional) for f in form.fields]


def _kind(field: Part) -> str:
    if field.kind is Kind.IMAGE:
        return "image"
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


def _run(pipe: Any, form: Form, inputs: Mapping[str, str | bytes], options: Mapping[str, str]) -> Any:
    """The result of one call, with the time it took."""
    named = {name: _read(text) for name, text in options.items() if text.strip()}
    item: Any = inputs.get("text", "")
    if form.fields and not any(f.kind is Kind.TURN for f in form.fields):
        values: dict[str, Any] = {}
        for f in form.fields:
            given = inputs.get(f.key, "")
            if not given.strip() and f.optional:
                continue
            if f.option and isinstance(given, str):
                named[f.argument] = [label.strip() for label in given.split(",") if label.strip()]
            else:
                values[f.argument] = given
        item = values[form.main] if set(values) == {form.main} else values
    start = time.perf_counter()
    result = pipe(item, **named)
    if isinstance(meta := getattr(result, "meta", None), dict):
        meta["seconds"] = time.perf_counter() - start
    return result


def _read(text: str) -> Any:
    """A Python literal, or the text itself."""
    try:
        return literal(text.strip())
    except UNREADABLE:
        return text
