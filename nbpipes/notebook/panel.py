"""A job's panel in a cell: HTML that a thread replaces while the job runs, and that stays as it was at the end."""

import threading
from collections.abc import Sequence
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import HTML, display

from nbpipes.display.jobs import draw
from nbpipes.notebook.publish import has_kernel

INTERVAL = 0.1
"""Seconds between two updates, at least: browsers drop what comes faster."""
IDLE = 1.0
"""Seconds after which a panel is drawn anew though nothing has changed: time passes, and speed falls."""


class Panels:
    """Jobs that show their panels where they are displayed."""

    def __init__(self, jobs: Sequence[Any]) -> None:
        self.jobs = jobs

    def _ipython_display_(self) -> None:
        for job in self.jobs:
            show(job)
        if not self.jobs:
            print("no jobs")


def show(job: Any) -> None:
    """Displays a job, live until it is over; its text where there is no kernel."""
    if not has_kernel(get_ipython()):
        print(repr(job))
        return
    handle = display(HTML(draw(job.snapshot())), display_id=True)
    if handle is not None and not job.wait(0):
        # An update finds its output by its id. It counts as output of the cell that runs then, since what belongs to
        # a cell that has ended is ignored by nbconvert.
        threading.Thread(target=_follow, args=(job, handle), name=f"nbpipes-panel-{job.id}", daemon=True).start()


def _follow(job: Any, handle: Any) -> None:
    pause = threading.Event()
    over = False
    while not over:
        pause.wait(INTERVAL)
        over = job.wait(IDLE)
        handle.update(HTML(draw(job.snapshot())))
