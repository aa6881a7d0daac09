"""The jobs of this process."""

import atexit
import threading
from typing import Any

from nbpipes.errors import InputError

KEPT = 20
"""Jobs that have ended and are still listed."""

_lock = threading.Lock()
_jobs: list[Any] = []


class Jobs(list[Any]):
    """A list of jobs that shows how far each is."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no jobs"

    def _repr_html_(self) -> str:
        return "".join(job._repr_html_() for job in self) or "no jobs"


def jobs() -> Jobs:
    """The jobs of this process, those that run and the last few that have ended, the oldest first."""
    with _lock:
        return Jobs(_jobs)


def find(which: int | str | None = None) -> Any:
    """The job of an id, or the one that started last. InputError if there is none."""
    known = jobs()
    for job in reversed(known):
        if which is None or str(job.id) == str(which):
            return job
    listed = ", ".join(str(job.id) for job in known) or "there are none"
    raise InputError(f"there is no job {'' if which is None else which}; known: {listed}")


def add(job: Any) -> None:
    """Lists a job."""
    with _lock:
        _jobs.append(job)
        over = [one for one in _jobs if one.state in ("done", "stopped", "failed")]
        for old in over[: max(0, len(over) - KEPT)]:
            _jobs.remove(old)


@atexit.register
def _stop_all() -> None:
    for job in jobs():
        job.stop()
    for job in jobs():
        job.wait(5)
