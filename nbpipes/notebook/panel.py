"""A job's panel in a cell: a live view, and HTML that a thread replaces too and that stays as it was at the end."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from IPython.core.getipython import get_ipython

from nbpipes.notebook.publish import has_kernel, own, publish, update_twin
from nbpipes.widgets.panel import Panel

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
    panel = Panel(job)
    own(panel)
    publish(panel)
    if not job.wait(0):
        # An update finds its output by its id. It counts as output of the cell that runs then, since what belongs to
        # a cell that has ended is ignored by nbconvert.
        threading.Thread(target=_follow, args=(job, panel), name=f"nbpipes-panel-{job.id}", daemon=True).start()


def _follow(job: Any, panel: Panel) -> None:
    """The only thread that writes to the panel. Its twin is replaced less often: it is seen without a kernel alone."""
    pause = threading.Event()
    over, drawn = False, 0.0
    while not over:
        pause.wait(INTERVAL)
        over = job.wait(IDLE)
        panel.refresh()
        if over or time.monotonic() - drawn >= IDLE:
            drawn = time.monotonic()
            update_twin(panel)
