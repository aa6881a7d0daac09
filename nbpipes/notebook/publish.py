"""Results in a notebook: static HTML that stays, and the live view that hides it while there is a kernel.

A front end shows an error, not the HTML of the same bundle, for a widget whose kernel is gone. So there are two
outputs: the twin, and the view, whose own HTML is empty. The view hides the twin when it is drawn, and a style
sheet in the twin hides what a dead view leaves.
"""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

from nbpipes.results.conversation import Conversation
from nbpipes.results.records import Record, Records
from nbpipes.results.short import short
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import OPEN, View

VIEW = "application/vnd.jupyter.widget-view+json"
STYLE = (
    "<style>"
    ".jp-OutputArea-child:has(.nbp-static):has(+ .jp-OutputArea-child .nbp-live){display:none}"
    ".jp-OutputArea-child:has([data-nbp-twin]) + .jp-OutputArea-child:not(:has(.nbp-live)){display:none}"
    "</style>"
)


@dataclass(slots=True)
class Shown:
    """The views that results opened, by the cell that shows them and the run of it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    cells: dict[str, tuple[str, list[View]]] = field(default_factory=dict)
    watched: bool = False

    def add(self, cell: str, run: str, view: View) -> None:
        with self.lock:
            before, views = self.cells.get(cell, ("", []))
            if before != run:
                _close(views)
                views = []
            self.cells[cell] = (run, [*views, view])

    def leave(self, cell: str, run: str) -> None:
        """Close the views of earlier runs of a cell."""
        with self.lock:
            before, views = self.cells.get(cell, (run, []))
            if before != run:
                _close(views)
                del self.cells[cell]

    def views(self) -> Iterator[View]:
        with self.lock:
            return iter([view for _, views in self.cells.values() for view in views])


SHOWN = Shown()
_offered: list[tuple[Any, Callable[[], View]]] = []


def offer(result: Any, make: Callable[[], View]) -> None:
    """Have a result shown by a view that can do more than the result knows of, the next time that it is shown."""
    _offered[:] = [(result, make)]


def show(result: Record | Records | Conversation) -> None:
    """Publish a result as its static HTML and its live view.

    NotImplementedError where there is no kernel, no view for it, or NBPIPES_LIVE=0: IPython then shows its HTML.
    """
    shell = get_ipython()
    if not has_kernel(shell) or not live():
        raise NotImplementedError("only a kernel has live views")
    make = next((make for offered, make in _offered if offered is result), lambda: view_of(result))
    _offered.clear()
    view = make()
    if view is None:
        raise NotImplementedError(f"there is no view for {result.task}")
    own(view)
    publish(view)


def own(view: View) -> None:
    """Close a view when the cell that runs now runs again."""
    shell = get_ipython()
    cell, run = _place(shell)
    _watch(shell)
    SHOWN.add(cell, run, view)


def show_view(view: View) -> None:
    """Publish a view that the user holds. It stays open when the cell runs again, unless the cell makes a new one."""
    if has_kernel(get_ipython()) and view.made_in == current_run():
        own(view)
    publish(view)


def current_run() -> str:
    """The run of the cell that runs now, "" where there is no kernel."""
    shell = get_ipython()
    return _place(shell)[1] if has_kernel(shell) else ""


def publish(view: View) -> None:
    """Publish the two outputs of a view: its twin has the id of the view, by which `update_twin` finds it."""
    publish_display_data(_twin(view), transient={"display_id": view.twin})
    if not live():
        return
    model = {"version_major": 2, "version_minor": 0, "model_id": view.model_id}
    publish_display_data({"text/plain": "", "text/html": "<!-- -->", VIEW: model})


def update_twin(view: View) -> None:
    """Replace the static HTML of a view that is shown."""
    publish_display_data(_twin(view), transient={"display_id": view.twin}, update=True)


def _twin(view: View) -> dict[str, str]:
    html = f'<div class="nbp-static" data-nbp-twin="{view.twin}">{STYLE if live() else ""}{view.to_html()}</div>'
    return {"text/plain": short(view.result), "text/html": html}


def view(result: Record | Records) -> View:
    """Return the open view of a result, or a new one; NotImplementedError where there is none for it."""
    for shown in SHOWN.views():
        if shown.result is result:
            return shown
    made = view_of(result)
    if made is None:
        raise NotImplementedError(f"there is no live view for a result of {result.task or 'no task'}")
    return made


def close_all() -> int:
    """Close every live view and free what it holds; the notebook shows the static HTML again. Returns how many."""
    with SHOWN.lock:
        SHOWN.cells.clear()
    views = list(OPEN)
    _close(views)
    return len(views)


def live() -> bool:
    """Whether the user wants live views: NBPIPES_LIVE=0 in the environment leaves the static HTML alone."""
    return os.environ.get("NBPIPES_LIVE") != "0"


def has_kernel(shell: Any) -> bool:
    """Whether the shell belongs to a kernel, to which a front end may speak."""
    return getattr(shell, "kernel", None) is not None


def _close(views: list[View]) -> None:
    for view in views:
        view.close()


def _place(shell: Any) -> tuple[str, str]:
    """The cell that runs, and the id of this run; one cell for all where the front end does not tell."""
    parent = shell.kernel.get_parent() or {}
    run = str(parent.get("header", {}).get("msg_id", ""))
    return str(parent.get("metadata", {}).get("cellId", "")) or run, run


def _watch(shell: Any) -> None:
    """Close the views of a cell when it runs again, whatever it shows then."""
    if SHOWN.watched:
        return
    SHOWN.watched = True

    def leave(*_: Any) -> None:
        SHOWN.leave(*_place(shell))

    shell.events.register("pre_run_cell", leave)
