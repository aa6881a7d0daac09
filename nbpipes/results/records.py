"""Results as the plain dicts and lists they are, which also know their task and input and so draw themselves."""

import io
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np

from nbpipes.errors import InputError, need
from nbpipes.results.short import short


class _Drawn:
    """What a Record and a Records add to the builtin they are: how to show and export them."""

    __slots__ = ()

    task: str
    source: Any
    meta: dict[str, Any]

    def to_df(self) -> Any:
        """Return a pandas DataFrame with one row per label, entity, answer or token.

        Its columns depend on the task alone, so an empty result has them too. Column "row" is the index of the
        item in this result; offsets ("start", "end") are code points of the input text.
        """
        return need("nbpipes.results.frames").frame(self)

    def to_html(self) -> str:
        """Return the static HTML that a notebook shows: a fragment of at most 100 KB, without style or script tags."""
        return need("nbpipes.display").render(self.task, self, self.source, self.meta)

    def save(self, path: str | Path) -> Path:
        """Write a page of its own with the HTML of `to_html` to `path` (a name ending in .html); return the path."""
        path = Path(path)
        if path.suffix.lower() not in {".html", ".htm"}:
            raise InputError(f"save() writes HTML, so the name has to end in .html: {str(path)!r}")
        display = need("nbpipes.display")
        path.write_text(display.page(self.to_html(), title=self.task or "nbpipes"), encoding="utf-8")
        return path

    def view(self) -> Any:
        """Return the live view of this result, the one that a cell shows if there is one.

        Its `selected` holds what the user has selected. NotImplementedError where the task has none.
        """
        return need("nbpipes.notebook.publish").view(self)

    def _ipython_display_(self) -> None:
        need("nbpipes.notebook.publish").show(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": short(self), "text/html": self.to_html()}


class Record(_Drawn, dict[str, Any]):
    """One answer: equal to a dict in every way, and aware of the task, the input item and the model it came from."""

    __slots__ = ("meta", "source", "task")

    def __init__(self, value: Any = (), task: str = "", source: Any = None, meta: dict[str, Any] | None = None) -> None:
        dict.__init__(self, value)
        self.task = task
        self.source = source
        self.meta = {} if meta is None else meta

    def copy(self) -> "Record":
        return Record(self, self.task, self.source, self.meta)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Record":
        # The input is shared: a copy of an answer is no reason to copy an image or an hour of sound.
        return Record(deepcopy(dict(self), memo), self.task, self.source, self.meta)

    def __reduce__(self) -> tuple[Any, ...]:
        return Record, (dict(self), self.task, lasting(self.source), self.meta)


class Records(_Drawn, list[Any]):
    """A list of answers, equal to a list in every way: all answers for one item, or (`batched`) one per item.

    `source` is the item, or the list of items if `batched`. A slice keeps the sources of its own rows.
    """

    __slots__ = ("batched", "meta", "source", "task")

    def __init__(
        self,
        value: Any = (),
        task: str = "",
        source: Any = None,
        meta: dict[str, Any] | None = None,
        batched: bool = False,
    ) -> None:
        list.__init__(self, value)
        self.task = task
        self.source = source
        self.meta = {} if meta is None else meta
        self.batched = batched

    @property
    def sources(self) -> list[Any]:
        """The input item of each entry."""
        if not self.batched:
            return [self.source] * len(self)
        # Entries know their own source; the list serves those that are plain values, while it still lines up.
        given = self.source if len(self.source) == len(self) else [None] * len(self)
        return [
            entry.source if isinstance(entry, _Drawn) else source for entry, source in zip(self, given, strict=True)
        ]

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if not isinstance(index, slice):
            return list.__getitem__(self, index)
        source = self.sources[index] if self.batched else self.source
        return Records(list.__getitem__(self, index), self.task, source, self.meta, self.batched)

    def copy(self) -> "Records":
        return Records(self, self.task, self.source, self.meta, self.batched)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Records":
        return Records(deepcopy(list(self), memo), self.task, self.source, self.meta, self.batched)

    def __reduce__(self) -> tuple[Any, ...]:
        return Records, (list(self), self.task, lasting(self.source), self.meta, self.batched)


def lasting(source: Any) -> Any:
    """A source as it is pickled: of an open file its name stays, which is read as well; None if it has none."""
    if hasattr(source, "read") and hasattr(source, "seek") and not isinstance(source, io.BytesIO | io.StringIO):
        name = getattr(source, "name", None)
        return name if isinstance(name, str) else None
    if type(source) is list:
        return [lasting(one) for one in source]
    return {key: lasting(one) for key, one in source.items()} if type(source) is dict else source


def annotate(result: Any, task: str, source: Any, meta: dict[str, Any]) -> Any:
    """Return the result of one item as a Record or Records that knows where it came from.

    result: a dict; a list of dicts (or of lists of dicts), whose dicts become Records of the same source; or a list
        of anything else, e.g. an embedding, whose entries stay as they are. All other types are returned unchanged.
    task: its canonical name.
    source: the input item, as the user gave it; kept, not copied.
    meta: "model", "revision", "device", "dtype", "seconds", as far as known; one dict may serve many results.
    """
    kind = type(result)
    if kind is dict:
        return _record(result, task, source, meta)
    if kind is not list:
        return result
    inner = type(result[0]) if result else dict
    if inner is dict or (inner is list and result[0] and type(result[0][0]) is dict):
        return Records([annotate(entry, task, source, meta) for entry in result], task, source, meta)
    return Records(result, task, source, meta)


def annotate_batch(results: Sequence[Any], task: str, sources: Sequence[Any], meta: dict[str, Any]) -> Records:
    """Return the results of a call on several items, each (made) aware of its own source.

    results: one entry per item, plain or already annotated.
    sources: the items, in the same order.
    """
    entries = [
        result if isinstance(result, _Drawn) else annotate(result, task, source, meta)
        for result, source in zip(results, sources, strict=True)
    ]
    return Records(entries, task, list(sources), meta, batched=True)


def _record(result: dict[str, Any], task: str, source: Any, meta: dict[str, Any]) -> Record:
    record = Record(result, task, source, meta)
    for key, value in result.items():
        if isinstance(value, np.generic):  # json.dumps refuses numpy's scalars
            record[key] = value.item()
    return record
