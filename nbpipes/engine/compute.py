"""The one thread of a process that computes.

A second thread that ran parallel torch code leaves a second OpenMP team behind, which makes every later call about
three times slower; so calls and background jobs alike hand their forwards to this thread.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from nbpipes.engine.crew import Crew

Result = TypeVar("Result")

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None
_owner = threading.local()
crew = Crew(1)
"""How many threads compute; as many as torch may use, once the thread has begun."""


class ShuttingDown(BaseException):
    """The interpreter is closing, and nothing can be computed any more. No fault of any item's, so no Exception."""


def _mark() -> None:
    _owner.here = True
    crew.begin(torch.get_num_threads())


def _main_time() -> float:
    """Seconds that the main thread has run; 0 where the system does not tell (macOS, Windows)."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(threading.main_thread().ident or 0))


def _timed(work: Callable[[], Result], size: int, kind: int) -> Result:
    with crew.at_work():
        before = time.perf_counter(), time.thread_time(), _main_time()
        result = work()
        after = time.perf_counter(), time.thread_time(), _main_time()
    crew.ran(*(end - start for start, end in zip(before, after, strict=True)))
    if size:
        crew.worked(size, after[0] - before[0], kind)
    return result


def run(work: Callable[[], Result], *, size: int = 0, kind: int = 0) -> Result:
    """Runs `work` on the compute thread and waits for its result or its exception.

    An interrupt ends the waiting, not the work: the thread finishes what it has begun and is free again.
    size, kind: of work whose speed may tell how many threads are best: how much there is to do, and a number that work
    of another kind does not have.
    """
    if getattr(_owner, "here", False):
        return work()
    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(1, "nbpipes-compute", initializer=_mark)
    try:
        future = _executor.submit(lambda: _timed(work, size, kind))
    except RuntimeError as error:
        raise ShuttingDown from error
    return future.result()


def _forget() -> None:
    global _executor, _lock
    _executor, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # threads do not survive a fork
