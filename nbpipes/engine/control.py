"""Stop, pause and go on: what other threads ask of a job, which heeds it between batches."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nbpipes.engine.tuning import Limits
from nbpipes.errors import InputError, nearest

SWITCH = 1e-5
"""Seconds between two changes of thread while jobs run: a busy cell would else hold each of a model's many small
operations up for 5 ms."""

_lock = threading.Lock()
_running = 0
_before = 0.0


class Control:
    """Flags that any thread may set."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self.wake: Callable[[], None] = lambda: None
        """Called by a stop, to end what the job waits for."""

    @property
    def paused(self) -> bool:
        return not self._free.is_set()

    def stop(self) -> None:
        """Ends the job after the batch under way, also where it is paused."""
        self.stopping.set()
        self._free.set()
        self.wake()

    def pause(self) -> None:
        """Holds the job after the batch under way."""
        if not self.stopping.is_set():
            self._free.clear()

    def resume(self) -> None:
        """Lets the job go on."""
        self._free.set()

    def wait(self) -> None:
        """Waits while the job is paused."""
        self._free.wait()


class Commands:
    """What a user or a panel asks of a job. Any thread may; the job heeds it after the batch under way."""

    control: Control
    limits: Limits
    retry_failed: Callable[[], int]
    changed: Callable[[], None]

    def stop(self) -> None:
        """Ends the job; what is done stays."""
        self.control.stop()
        self.changed()

    def pause(self) -> None:
        """Holds the job until `resume`."""
        self.control.pause()
        self.changed()

    def resume(self) -> None:
        """Goes on after `pause`."""
        self.control.resume()
        self.changed()

    def set_batch_size(self, batch_size: int | str | None) -> None:
        """Chunks in one forward at most from now on; "auto" or None: as many as are fast."""
        if batch_size in ("auto", None):
            self.limits.batch_size = None
        elif isinstance(batch_size, int) and batch_size > 0 and batch_size is not True:
            self.limits.batch_size = batch_size
        else:
            raise InputError(f'batch_size must be a number from 1 on or "auto", not {batch_size!r}')
        self.changed()

    def command(self, name: str, value: Any = None) -> None:
        """Does what a panel asks: "stop", "pause", "resume", "retry_failed", or "set_batch_size" with its value."""
        if name == "set_batch_size":
            self.set_batch_size(value)
            return
        actions = {"stop": self.stop, "pause": self.pause, "resume": self.resume, "retry_failed": self.retry_failed}
        if name not in actions:
            raise InputError(f"a job knows no command {name!r}{nearest(name, actions)}")
        actions[name]()


@contextmanager
def quick_switching() -> Iterator[None]:
    """Threads take turns more often while this is open, by whomever and however often."""
    global _running, _before
    with _lock:
        if not _running:
            _before = sys.getswitchinterval()
            sys.setswitchinterval(min(SWITCH, _before))
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                sys.setswitchinterval(_before)
