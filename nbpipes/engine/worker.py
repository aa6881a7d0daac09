"""What the thread of a job does: drives the engine, puts results away, heeds what it is asked."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from nbpipes.engine.answers import noted
from nbpipes.engine.control import Control
from nbpipes.engine.events import Batched, Done, Event, Failed, Tuned
from nbpipes.engine.lookahead import Lookahead
from nbpipes.engine.shelf import Shelf
from nbpipes.engine.stats import Stats
from nbpipes.results.failures import Failure

WAIT = 0.05
"""Seconds between two looks for room, where results wait for a reader."""
PENDING = 64
"""Rows that are committed together at most, where no batch comes to its end."""


class Engine(Protocol):
    """Runs items, as `engine.loop.run` does with all but these given."""

    def __call__(self, items: Iterable[Any], *, ordered: bool, ready: Callable[[], bool] | None) -> Iterator[Event]: ...


@dataclass
class Work:
    """One run of a job. rows: pairs of a row and its item that are to be computed, else those of source are.

    changed: called whenever results were committed, or the state has changed.
    """

    engine: Engine
    shelf: Shelf
    control: Control
    stats: Stats
    on_error: str
    changed: Callable[[], None]
    waiting: str = ""
    ahead: Lookahead | None = None
    pending: int = 0

    def run(self, source: Iterable[Any]) -> None:
        """Runs a source's items, as far as the shelf wants them. A Lookahead is read as it comes."""
        if isinstance(source, Lookahead):
            self.ahead, self.control.wake = source, source.close
            if self.control.stopping.is_set():
                source.close()
        self._drive(self._wanted(source))

    def run_rows(self, rows: Iterable[tuple[int, Any]]) -> None:
        """Runs the items of these rows."""
        self._drive(iter(rows))

    def _wanted(self, source: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        for position, item in enumerate(self.shelf.check(iter(source))):
            if self.control.stopping.is_set():
                return
            row = self.shelf.wants(position, item)
            if row is None:
                self.stats.skipped += 1
                if self.stats.skipped % PENDING == 0:
                    self.changed()
            else:
                yield row, item

    def _drive(self, wanted: Iterator[tuple[int, Any]]) -> None:
        rows: dict[int, int] = {}

        def feed() -> Iterator[Any]:
            for number, (row, item) in enumerate(wanted):
                rows[number] = row
                yield item

        ready = self.ahead.ready if self.ahead is not None else None
        events = self.engine(feed(), ordered=self.shelf.ordered, ready=ready)
        try:
            with closing(events):  # pyright: ignore[reportArgumentType]  run() gives a generator
                for event in events:
                    self._heed(event, rows)
                    if self.control.stopping.is_set():
                        break
        finally:
            self._commit()

    def _heed(self, event: Event, rows: dict[int, int]) -> None:
        match event:
            case Done():
                row = rows.pop(event.index)
                self.shelf.add(row, event.item, event.result)
                self.stats.finished(row, event.item, event.result)
                self.pending += 1
            case Failed():
                row = rows.pop(event.index)
                if self.on_error == "raise":
                    raise noted(event)
                failure = Failure.of(row, event.stage, event.error, event.item)
                event.error.__traceback__ = None  # its frames hold tensors
                self.shelf.fail(failure)
                self.stats.lost(failure)
                self.pending += 1
            case Batched():
                self.stats.batched(event)
                self._between_batches()
            case Tuned():
                self.stats.tuned.append(event)
        if self.pending >= PENDING and not isinstance(event, Batched):
            self._commit()

    def _between_batches(self) -> None:
        self._commit()
        if self.control.paused:
            self.changed()
            self.control.wait()
            self.stats.resume()
        while not (self.shelf.room() or self.control.stopping.is_set()):
            if not self.waiting:
                self.waiting = "as many results are held as may be: read them, or give the next job a sink"
                self.changed()
            time.sleep(WAIT)
            self.stats.resume()
        self.waiting = ""

    def _commit(self) -> None:
        if self.pending:
            self.shelf.commit()
            self.pending = 0
            self.stats.tick()
            self.changed()
