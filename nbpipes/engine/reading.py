"""Reading the results of a job, while it runs or afterwards."""

import asyncio
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from nbpipes.engine.inputs import Given
from nbpipes.engine.shelf import Entry, Shelf
from nbpipes.results.failures import Failure
from nbpipes.results.records import Records
from nbpipes.results.rows import numbered


class Owner(Protocol):
    """What a job needs to know of its pipeline."""

    kind: Any

    @property
    def meta(self) -> dict[str, Any]: ...
    @property
    def device(self) -> Any: ...
    def annotated(self, result: Any, item: Any) -> Any: ...


class Readable:
    """The part of a job that gives results."""

    pipe: Owner
    given: Given
    shelf: Shelf
    on_error: str
    error: BaseException | None
    _change: threading.Condition
    _future: Future[None]

    def __iter__(self) -> Iterator[Any]:
        """The results in order, each as soon as it and all before it are there."""
        row = 0
        while True:
            over = self._future.done()
            found = self.shelf.after(row)
            for row, value, item in found:
                if not isinstance(value, Failure) or self.on_error == "record":
                    yield self.pipe.annotated(value, self._item_of(row, item))
            if found:
                row += 1
            elif over:
                break
            else:
                with self._change:
                    self._change.wait(0.1)
        if self.error is not None:
            raise self.error

    def result(self, timeout: float | None = None) -> Records:
        """Waits until the job has come to its end, and gives all results in order.

        A stopped job gives what is done. TimeoutError after `timeout` seconds; else what ended the job early is raised.
        """
        self._future.result(timeout)
        if self.error is not None:
            raise self.error
        return self._records(self._kept())

    def __await__(self) -> Generator[Any, None, Records]:
        yield from asyncio.wrap_future(self._future).__await__()
        return self.result()

    def to_df(self) -> Any:
        """A pandas DataFrame of what is done by now; "row" is the row of the input, "error" tells of failed rows."""
        kept = self._kept()
        return numbered(self._records(kept), [row for row, _, _ in kept], {})

    @property
    def errors(self) -> Records:
        """The failures by now."""
        failures = self.shelf.failures()
        return Records(failures, "error", [one.source for one in failures], self.pipe.meta, batched=True)

    def _kept(self) -> list[Entry]:
        skip = self.on_error != "record"
        return [entry for entry in self.shelf.entries() if not (skip and isinstance(entry[1], Failure))]

    def _records(self, kept: Sequence[Entry]) -> Records:
        items = [self._item_of(row, item) for row, _, item in kept]
        results = [self.pipe.annotated(value, item) for (_, value, _), item in zip(kept, items, strict=True)]
        return Records(results, str(self.pipe.kind), items, self.pipe.meta, batched=True)

    def _item_of(self, row: int, item: Any) -> Any:
        """The item of a row, which a store does not keep, from the input if that can be asked for it."""
        items = self.given.items
        if item is not None or getattr(self.shelf, "key", None) is not None or not isinstance(items, list | tuple):
            return item
        return items[row] if row < len(items) else None
