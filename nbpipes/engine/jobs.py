"""Jobs: runs in the background that can be watched, paused, stopped, read while they go on, and awaited."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from itertools import count
from typing import Any

from nbpipes.engine import memory, registry
from nbpipes.engine.compute import ShuttingDown
from nbpipes.engine.control import Commands, Control, quick_switching
from nbpipes.engine.inputs import Given
from nbpipes.engine.lookahead import Lookahead
from nbpipes.engine.reading import Owner, Readable
from nbpipes.engine.shelf import Shelf
from nbpipes.engine.stats import Stats
from nbpipes.engine.tuning import Limits
from nbpipes.engine.worker import Engine, Work
from nbpipes.errors import InputError, need
from nbpipes.results.failures import Failure
from nbpipes.results.short import rounded, short

_ids = count(1)


class Job(Commands, Readable):
    """A run in the background.

    Iterating gives the results in order as they come; `result()` or `await` waits for all of them; `to_df()`, `errors`
    and `snapshot()` tell at any time how far it is. Its pipeline stays usable meanwhile.
    """

    def __init__(self, pipe: Owner, given: Given, engine: Engine, limits: Limits, shelf: Shelf, on_error: str) -> None:
        self.id = next(_ids)
        self.pipe, self.given, self.limits, self.shelf, self.on_error = pipe, given, limits, shelf, on_error
        self.control, self.stats = Control(), Stats(given.size)
        self.version = 0
        """Grows with every change: a panel draws anew when it has."""
        self.error: BaseException | None = None
        self._engine, self._stopped = engine, False
        self._change = threading.Condition()
        self._work: Work
        self._future: Future[None]
        self._start(lambda: self._work.run(self._source()))
        registry.add(self)

    def retry_failed(self) -> int:
        """Runs the failed rows again in the background; says how many there are. InputError while the job runs."""
        if not self._future.done():
            raise InputError("the job is still running: retry_failed() is for when it is done or stopped")
        failures = self.shelf.failures()
        rows = [(one["index"], self._item(one)) for one in failures]
        if rows:
            self.control, self.stats.total, self.stats.skipped = Control(), None, 0
            self.stats.done = self.stats.failed = 0
            self.stats.total = len(rows)
            self.stats.errors.clear()
            self._start(lambda: self._work.run_rows(rows))
        return len(rows)

    @property
    def state(self) -> str:
        """One of "running", "waiting", "paused", "stopping", "done", "stopped", "failed"."""
        if self._future.done():
            return "failed" if self.error else "stopped" if self._stopped else "done"
        if self.control.stopping.is_set():
            return "stopping"
        if self.control.paused:
            return "paused"
        return "waiting" if self._work.waiting else "running"

    def snapshot(self) -> dict[str, Any]:
        """All that a panel shows, as plain values that JSON can hold.

        id, task, model, state, message, sink; done, total, skipped, failed (rows); seconds, left, rate (rows/s),
        history (of the rate); latency (p50 and p95 of a batch, seconds), chunks and size of the last batch, batch_size
        (what is set, None = automatic), budget, tuned (sizes and why); queue (items read ahead), memory (bytes);
        last (rows with input and output, shortened), errors (the last failures).
        """
        last = [{"row": r, "input": short(i, 120), "output": short(v, 120)} for r, i, v in list(self.stats.last)]
        return self.stats.snapshot() | {
            "id": self.id,
            "task": str(self.pipe.kind),
            "model": self.pipe.meta.get("model", ""),
            "state": self.state,
            "message": f"{type(self.error).__name__}: {self.error}" if self.error else self._work.waiting,
            "sink": str(getattr(self.shelf, "path", "")),
            "batch_size": self.limits.batch_size,
            "budget": self.limits.budget,
            "queue": self._work.ahead.depth if self._work.ahead else 0,
            "memory": memory.in_use(self.pipe.device),
            "last": last,
            "errors": [dict(one) for one in list(self.stats.errors)],
        }

    def __repr__(self) -> str:
        now = self.snapshot()
        of = "" if now["total"] is None else f" of {now['total']:,}"
        parts = [f"{now['done']:,}{of} rows", f"{rounded(now['rate'])}/s"]
        parts += [f"{now['skipped']:,} were there already"] if now["skipped"] else []
        parts += [f"{now['failed']:,} failed"] if now["failed"] else []
        parts += [now["message"]] if now["message"] else []
        return f"<Job {self.id} {now['task']}: {now['state']}, {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        return need("nbpipes.display.jobs").draw(self.snapshot())

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until something has changed, or for so many seconds; says whether the job has come to its end."""
        with self._change:
            if not self._future.done():
                self._change.wait(timeout)
        return self._future.done()

    def when_over(self, action: Callable[[], None]) -> None:
        """Calls `action` when the job has come to its end, from its thread, or at once where it has."""
        self._future.add_done_callback(lambda _: action())

    def changed(self) -> None:
        """Tells those who wait that there is something new."""
        with self._change:
            self.version += 1
            self._change.notify_all()

    def _start(self, action: Callable[[], None]) -> None:
        self.shelf.open()
        self._work = Work(self._engine, self.shelf, self.control, self.stats, self.on_error, self.changed)
        self._future, self.error = Future(), None
        self.stats.resume()
        # What the caller's context says, for instance to which cell output belongs, holds in the thread too.
        context = copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._run, action), name=f"nbpipes-job-{self.id}", daemon=True
        )
        thread.start()

    def _run(self, action: Callable[[], None]) -> None:
        try:
            with quick_switching():
                action()
            self._stopped = self.control.stopping.is_set()
        except ShuttingDown:
            self._stopped = True
        except BaseException as error:
            self.error = error
        finally:
            self._finish()

    def _finish(self) -> None:
        try:
            if self._work.ahead is not None:
                self._work.ahead.close()
            self.stats.tick()
            self.shelf.close()
        except Exception as error:
            self.error = self.error or error
        self._future.set_result(None)
        self.changed()

    def _source(self) -> Any:
        # What lies in memory need not be read ahead.
        return self.given.items if isinstance(self.given.items, list | tuple) else Lookahead(self.given.items)

    def _item(self, failure: Failure) -> Any:
        """The item of a failed row: kept with the failure, or taken from the input."""
        item = self._item_of(failure["index"], failure.source)
        if item is not None:
            return item
        raise InputError(f"the item of row {failure['index']} was not kept, and this input cannot be read again")
