"""From the words of a cell to a run: which pipeline, which options, which inputs."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from nbpipes.errors import nearest, need
from nbpipes.notebook import catalog
from nbpipes.notebook.body import read_body, read_inputs
from nbpipes.notebook.forms import Form, form_of
from nbpipes.notebook.line import Line, read_line
from nbpipes.notebook.models import Models
from nbpipes.notebook.run import Outcome, run
from nbpipes.notebook.words import Expression, MagicError

STREAM = ("sink", "on_error", "key", "resume", "store")
"""Keywords of `Pipeline.stream`."""
SAME = {"device": "device_map", "dtype": "torch_dtype"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where a line says nothing: keywords of `pipeline()`, and names for `MODEL [key=value …]`."""

    build: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What a pipeline is called with."""

    value: Any
    options: Mapping[str, Any]
    batch: int | None
    stream: Mapping[str, Any] = field(default_factory=dict)


def build(options: Mapping[str, Any]) -> Any:
    """Make a pipeline; the first one imports torch."""
    return need("nbpipes.factory").pipeline(**options)


class Session:
    """Runs cells. evaluate: gives a Python expression its value in the user's namespace."""

    def __init__(self, evaluate: Callable[[str], Any], models: Models) -> None:
        self.evaluate, self.models = evaluate, models

    def run(self, line: Line, body: str | None, defaults: Defaults) -> Outcome:
        """Run a cell, or a line (body None). Errors: MagicError for what it says, else what the pipeline raises."""
        with self.opened(line, body, defaults) as (pipe, call, seconds):
            return replace(self._run(line, pipe, call), loading=seconds)

    def stream(self, line: Line, body: str | None, defaults: Defaults) -> Any:
        """Start what a cell says in the background; give the job. Its pipeline stays in memory until it is over."""
        with ExitStack() as stack:
            pipe, call, _ = stack.enter_context(self.opened(line, body, defaults))
            value, limit = call.value, line.switches.limit
            if limit is not None and not pipe.is_item(value):
                value = value[:limit] if isinstance(value, list | tuple) else islice(value, limit)
            job = pipe.stream(value, batch_size=call.batch, **call.stream, **call.options)
            job.when_over(stack.pop_all().close)
            return job

    @contextmanager
    def opened(self, line: Line, body: str | None, defaults: Defaults) -> Iterator[tuple[Any, Call, float]]:
        """The pipeline that a cell asks for, what it is called with, and the seconds that loading it took."""
        line = expanded(line, defaults.aliases)
        values = {key: self._resolved(value) for key, value in line.values.items()}
        if isinstance(line.target, Expression):
            pipe = self._users_own(line, values)
            yield pipe, self._call(line, body, form_of(pipe.kind or pipe.task), pipe.options.names(), values), 0.0
            return
        task, form = self._task(line, values)
        words = {*catalog.build_words()} - {"task"}  # by now that is a keyword of the call, or a mistake
        options = _with_defaults({k: v for k, v in values.items() if k in words}, task, defaults.build)
        rest = {k: v for k, v in values.items() if k not in words}
        call = None
        if form is not None and "pipeline_class" not in options:
            # Mistakes are told before a model is loaded.
            names = catalog.pipeline_class(task).options_class.names()
            call = self._call(line, body, form, names, rest)
        with self._pipeline(line, options) as (pipe, seconds):
            if call is None:
                call = self._call(line, body, form or form_of(pipe.kind or pipe.task), pipe.options.names(), rest)
            yield pipe, call, seconds

    def resolve(self, expression: Expression) -> Any:
        """The value of an expression; MagicError names the one that has none, and says why."""
        try:
            return self.evaluate(expression.source)
        except Exception as error:
            why = str(error) if isinstance(error, NameError) else f"{type(error).__name__}: {error}"
            raise MagicError(f"{expression.source!r} has no value: {why}") from error

    def _resolved(self, value: Any) -> Any:
        return self.resolve(value) if isinstance(value, Expression) else value

    def _users_own(self, line: Line, values: Mapping[str, Any]) -> Any:
        pipe = self._resolved(line.target)
        if not (hasattr(pipe, "events") and hasattr(pipe, "options")):
            raise line.error("task", f"this is a {type(pipe).__name__}, not a pipeline")
        for key in values:
            if key in catalog.build_words() and key not in pipe.options.names():
                raise line.error(key, f"{key}= builds a pipeline, and this one is built", "name a task instead")
        return pipe

    def _task(self, line: Line, values: dict[str, Any]) -> tuple[str, Form | None]:
        """The task and its form; "" and None where the model has to tell."""
        word = line.target if isinstance(line.target, str) else values.pop("task", None)
        if word is None and "model" not in values:
            raise MagicError("there is neither a task nor a model", remedy="%%pipe ner, or %%pipe model=ID")
        return ("", None) if word is None else catalog.find_task(str(word))

    def _call(
        self, line: Line, body: str | None, form: Form, names: tuple[str, ...], values: Mapping[str, Any]
    ) -> Call:
        """Sort the values of the line into options and parts of the input, and read the body."""
        options: dict[str, Any] = {}
        given: dict[str, Any] = {}
        stream: dict[str, Any] = {}
        batch = line.switches.batch
        for key, value in values.items():
            part = form.field(key)
            if part is not None and not part.option:
                given[part.argument] = value
            elif part is not None or key in names:
                options[part.argument if part else key] = value
            elif key == "batch_size":
                batch = batch or value
            elif key in STREAM:
                if not line.switches.stream:
                    raise line.error(key, f"{key}= is for jobs in the background", "add --stream")
                stream[key] = value
            else:
                raise line.error(key, _unknown(key, form, names))
        if body is not None:
            inputs = read_body(body, form, self.resolve, lines=line.switches.lines, given=given)
        elif line.body is not None:
            inputs = read_inputs([line.body], form, self.resolve, given)
        else:
            inputs = read_inputs(line.inputs, form, self.resolve, given)
        return Call(inputs.value, {**options, **inputs.options}, batch, stream)

    @contextmanager
    def _pipeline(self, line: Line, options: Mapping[str, Any]) -> Iterator[tuple[Any, float]]:
        if not line.switches.no_cache:
            with self.models.use(options) as built:
                yield built
            return
        start = time.perf_counter()
        pipe = self.models.build(options)
        yield pipe, time.perf_counter() - start

    def _run(self, line: Line, pipe: Any, call: Call) -> Outcome:
        quiet = False if line.switches.quiet else None
        return run(pipe, call.value, call.options, batch=call.batch, limit=line.switches.limit, progress=quiet)


def expanded(line: Line, aliases: Mapping[str, str]) -> Line:
    """The line with the model and the options that an alias stands for, as task or as model="""
    if isinstance(line.target, str) and line.target in aliases:
        model, values = read_alias(aliases[line.target])
        return replace(line, target=None, values={**values, **line.values, "model": model})
    name = line.values.get("model")
    if isinstance(name, str) and name in aliases:
        model, values = read_alias(aliases[name])
        return replace(line, values={**values, **line.values, "model": model})
    return line


def read_alias(text: str) -> tuple[str, Mapping[str, Any]]:
    """The model and the options of an alias, from `MODEL [key=value …]`."""
    line = read_line(text)
    if not isinstance(line.target, str) or line.inputs or line.body is not None:
        raise MagicError(f"an alias stands for MODEL [key=value …], not for {text!r}")
    return line.target, line.values


def _with_defaults(options: dict[str, Any], task: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    missing = {k: v for k, v in defaults.items() if k not in options and SAME.get(k) not in options}
    return {**missing, **options, **({"task": task} if task else {})}


def _unknown(key: str, form: Form, names: tuple[str, ...]) -> str:
    known = (*names, *(f.key for f in form.fields), *catalog.build_words(), "batch_size", *STREAM)
    hint = nearest(key, known) or f"; this task has {', '.join(names) or 'none'}"
    return f"there is no option {key!r}{hint}"
