"""`df.pipe("ner", "text")`, `df.pipe.sentiment("review")`, `s.pipe.ner()`: pipelines on the columns of a DataFrame.

pandas' own `pipe` stays what it is: only a text as its first argument, which pandas cannot call, names a task.
"""

import functools
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from IPython import get_ipython

from nbpipes.engine.events import Done, Failed
from nbpipes.engine.jobs import Job
from nbpipes.engine.progress import Progress
from nbpipes.errors import InputError, nearest
from nbpipes.notebook import catalog
from nbpipes.notebook.columns import columns_of
from nbpipes.notebook.forms import Form, Kind
from nbpipes.notebook.models import Models
from nbpipes.notebook.session import build
from nbpipes.results.records import annotate_batch
from nbpipes.widgets.registry import view_of_rows

Data = pd.DataFrame | pd.Series
BUDGET = 4 * 10**9
"""Bytes of weights that stay in memory where no magic says how many may."""

_own_models = Models(build, BUDGET)


class BoundPipe:
    """`pipe` of one DataFrame or Series: call it as pandas has it, or with a task, or name the task as an attribute."""

    def __init__(self, data: Data, original: Callable[..., Any]) -> None:
        self._data, self._original = data, original
        functools.update_wrapper(self, original)

    def __call__(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a function on the data as pandas does, or runs the task that a text names on a column of it."""
        if isinstance(func, str):
            return added(self._data, func, args, kwargs)
        return self._original(self._data, func, *args, **kwargs)

    def show(self, task: str, *columns: Hashable, **options: Any) -> Any:
        """The results of a task on a column, drawn, instead of new columns; rows without a value are left out.

        Returns the view: `view.result` has the results, `view.selected` the index labels of the rows that the reader
        selects, for `df.loc[view.selected]`, and `view.reveal(label)` shows a row in full. A task that reads tables
        gives the answers to questions about the whole DataFrame.
        """
        if _reads_tables(task):
            return asked(self._data, task, columns, options)
        return Rows(self._data, task, columns, options).shown()

    def stream(
        self, task: str, *columns: Hashable, sink: str | Path | None = None, on_error: str = "record", **options: Any
    ) -> Job:
        """Runs a task on a column in the background: a job, as `Pipeline.stream` starts it, with a result for each row
        that has a value. sink: a folder that keeps the results, so that a killed kernel goes on where it was."""
        return Rows(self._data, task, columns, options).streamed(sink, on_error)

    def __getattr__(self, name: str) -> Any:
        words = {word.replace("-", "_"): word for word in catalog.task_words()}
        if name.startswith("_") or name not in words:
            known = sorted(words)
            raise AttributeError(f"pipe has no task {name!r}{nearest(name, known)}. Tasks: {', '.join(known)}")

        def task(*columns: Hashable, **options: Any) -> Any:
            return added(self._data, words[name], columns, options)

        return task

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(word.replace("-", "_") for word in catalog.task_words())})


class _Pipe:
    """What stands at `DataFrame.pipe`: on the class the plain function, on an object what is bound to it."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self.original = original

        @functools.wraps(original)
        def pipe(self: Data, func: Any, *args: Any, **kwargs: Any) -> Any:
            return BoundPipe(self, original)(func, *args, **kwargs)

        self.function = pipe

    def __get__(self, data: Data | None, owner: Any = None) -> Any:
        return self.function if data is None else BoundPipe(data, self.original)


def register() -> None:
    """Adds the accessor to pandas; doing so again changes nothing."""
    for cls in (pd.DataFrame, pd.Series):
        if not isinstance(vars(cls).get("pipe"), _Pipe):
            type.__setattr__(cls, "pipe", _Pipe(cls.pipe))
            cls._accessors.add("pipe")  # pandas completes these names


def unregister() -> None:
    """Gives pandas its own `pipe` back."""
    for cls in (pd.DataFrame, pd.Series):
        if isinstance(vars(cls).get("pipe"), _Pipe):
            type.__delattr__(cls, "pipe")
            cls._accessors.discard("pipe")


def added(data: Data, task: str, columns: tuple[Hashable, ...], options: Mapping[str, Any]) -> Any:
    """The data with the results of a task as new columns; of a Series, the results alone. A task that reads tables is
    asked about the whole DataFrame, `df.pipe.table_qa("How many …?")`, and gives its answers.

    columns: the column with the inputs. options: names of columns for tasks with several inputs (question=, context=);
    into= names the new column; on_error="skip" leaves rows empty whose item fails; batch=, progress=, model=, and the
    task's own.
    Rows keep their index, rows without a value stay empty, and equal inputs are computed once.
    """
    if _reads_tables(task):
        return asked(data, task, columns, dict(options))
    rows = Rows(data, task, columns, dict(options))
    new = rows.results()
    if isinstance(data, pd.Series):
        return new.iloc[:, 0] if new.shape[1] == 1 else new
    taken = [name for name in new.columns if name in data.columns]
    if taken:
        raise InputError(f"there is a column {taken[0]!r} already: name another with into=")
    return data.assign(**{name: new[name] for name in new.columns})


def asked(data: Data, task: str, questions: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The answer to a question about the whole of a DataFrame, or those to several.

    questions: each a text, or one list of them. options: batch=, model=, and the task's own.
    """
    if isinstance(data, pd.Series):
        raise InputError("questions are asked about a table: df.pipe.table_qa(…), not about a Series")
    query = options.pop("query", options.pop("question", None)) or questions
    if isinstance(query, tuple) and len(query) == 1:
        query = query[0]
    if not query or not all(isinstance(one, str) for one in query):
        raise InputError('ask a question: df.pipe.table_qa("How many …?")')
    batch = options.pop("batch", options.pop("batch_size", None))
    words = catalog.build_words()
    building = {"task": catalog.find_task(task)[0]}
    building |= {name: options.pop(name) for name in list(options) if name in words}
    with _models().use(building) as (pipe, _):
        how = {"batch_size": None if batch == "auto" else batch, **options}
        return pipe(data, query if isinstance(query, str) else list(query), **how)


class Rows:
    """One run of a task over the rows of some data."""

    def __init__(self, data: Data, task: str, columns: tuple[Hashable, ...], options: dict[str, Any]) -> None:
        self.data = data
        self.task, self.form = catalog.find_task(task)
        self.into = options.pop("into", None)
        self.on_error = options.pop("on_error", "raise")
        if self.on_error not in ("raise", "skip"):
            raise InputError(f"on_error must be 'raise' or 'skip', not {self.on_error!r}")
        self.progress = options.pop("progress", None)
        self.batch = options.pop("batch", options.pop("batch_size", None))
        self.items = _items(data, self.form, columns, options)
        words = catalog.build_words()
        self.building = {"task": self.task} | {name: options.pop(name) for name in list(options) if name in words}
        self.options = options

    def results(self) -> pd.DataFrame:
        """The new columns, one row for each row of the data."""
        with _models().use(self.building) as (pipe, _):
            found = self._compute(pipe)
            columns = columns_of(pipe.kind)
        results = [None if item is None else found.get(_key(item)) for item in self.items]
        return columns.frame(results, self.into or columns.name, self.data.index)

    def shown(self) -> Any:
        """The view of the results of all rows with a value."""
        with _models().use(self.building) as (pipe, _):
            found = self._compute(pipe)
            kept = [at for at, item in enumerate(self.items) if item is not None and _key(item) in found]
            items = [self.items[at] for at in kept]
            result = annotate_batch([found[_key(item)] for item in items], pipe.kind, items, pipe.meta)
            return view_of_rows(result, self.data.index[kept].tolist())

    def streamed(self, sink: str | Path | None, on_error: str) -> Job:
        """A job over the rows that have a value, which its results count from 0."""
        items = [item for item in self.items if item is not None]
        batch = None if self.batch == "auto" else self.batch
        with _models().use(self.building) as (pipe, _):
            return pipe.stream(items, sink=sink, on_error=on_error, batch_size=batch, **self.options)

    def _compute(self, pipe: Any) -> dict[Hashable, Any]:
        """The result of each different item; with on_error="skip" none for one that fails."""
        different = {_key(item): item for item in self.items if item is not None}
        found: dict[Hashable, Any] = {}
        batch = None if self.batch == "auto" else self.batch
        keys = list(different)
        with Progress(len(different), pipe.kind, self.progress) as bar:
            for event in pipe.events(list(different.values()), batch_size=batch, **self.options):
                if isinstance(event, Done):
                    found[keys[event.index]] = event.result
                elif isinstance(event, Failed) and self.on_error == "raise":
                    event.error.add_note(f"This is row {self._label(keys[event.index])}; it failed in {event.stage}.")
                    raise event.error
                if isinstance(event, Done | Failed):
                    bar.advance()
        return found

    def _label(self, key: Hashable) -> Any:
        place = next(i for i, item in enumerate(self.items) if item is not None and _key(item) == key)
        return self.data.index[place]


def _reads_tables(task: str) -> bool:
    """Whether the input of a task is a table with a question, not a value in each row."""
    return any(field.kind is Kind.TABLE for field in catalog.find_task(task)[1].fields)


def _items(data: Data, form: Form, columns: tuple[Hashable, ...], options: dict[str, Any]) -> list[Any]:
    """The input of each row, None where a value is missing. Takes the columns' names out of the options."""
    named = {field.argument: field.key for field in form.fields if not field.option}
    parts = {argument: options.pop(n) for argument, key in named.items() for n in {argument, key} if n in options}
    for field in form.fields:  # labels= is candidate_labels=
        if field.option and field.key in options:
            options[field.argument] = options.pop(field.key)
    if isinstance(data, pd.Series):
        if columns or parts:
            raise InputError("a Series is the column itself: leave the names of columns out")
        return _values(data)
    if columns:
        if len(columns) != 1 or (parts and form.main in parts):
            raise InputError("name one column with the inputs, or the columns by their part: question=, context=")
        if not parts:
            return _values(_column(data, columns[0]))
        parts[form.main] = columns[0]
    if not parts:
        raise InputError(f"name the column with the inputs. Columns: {', '.join(map(str, data.columns))}")
    lists = {name: _part(data, value) for name, value in parts.items()}
    rows = zip(*lists.values(), strict=True)
    return [None if None in row else dict(zip(lists, row, strict=True)) for row in rows]


def _part(data: pd.DataFrame, value: Any) -> list[Any]:
    """A column by its name; a text that names none stands for every row."""
    if isinstance(value, Hashable) and value in data.columns:
        return _values(_column(data, value))
    return [value] * len(data)


def _column(data: pd.DataFrame, name: Hashable) -> pd.Series:
    if name not in data.columns:
        names = [str(column) for column in data.columns]
        raise InputError(f"there is no column {name!r}{nearest(str(name), names)}. Columns: {', '.join(names)}")
    column = data[name]
    if isinstance(column, pd.DataFrame):
        raise InputError(f"there are {column.shape[1]} columns called {name!r}: rename them first")
    return column


def _values(column: pd.Series) -> list[Any]:
    missing = column.isna()
    return [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]


def _key(item: Any) -> Hashable:
    """Equal for equal items; an item that cannot be compared stands for itself."""
    if isinstance(item, dict):
        return tuple((name, _key(value)) for name, value in item.items())
    return item if isinstance(item, Hashable) else id(item)


def _models() -> Models:
    """The pipelines in memory: the magic's, where it is loaded."""
    shell = get_ipython()
    loaded = shell.meta.get("nbpipes") if shell else None
    return loaded[0].models if loaded else _own_models
