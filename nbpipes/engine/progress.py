"""A progress bar for every kind of run: HTML in a notebook, which needs no widgets, tqdm in a terminal."""

import sys
import time
from html import escape
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self

from nbpipes.errors import need
from nbpipes.results.short import rounded

PATIENCE = 1.0
"""Seconds after which a bar is shown that nobody asked for."""
INTERVAL = 0.1
"""Seconds between two updates: more often than that is too much for a browser."""


class Face(Protocol):
    """Where a bar is drawn."""

    def draw(self, done: int, state: str) -> None: ...


class Progress:
    """Counts items, and shows how many are done. shown: True, False, or None for runs that take more than a second.

    total: None where nobody knows it. Use as a context: leaving it draws the last state, which stays.
    """

    def __init__(self, total: int | None, title: str = "", shown: bool | None = None) -> None:
        self.total, self.title, self.done = total, title, 0
        self._wanted = shown
        now = time.monotonic()
        self._start = now
        self._due = now if shown else float("inf") if shown is False or not _watched() else now + PATIENCE
        self._face: Face | None = None

    def advance(self) -> None:
        """One more item is done."""
        self.done += 1
        now = time.monotonic()
        if now >= self._due:
            self._due = now + INTERVAL
            self._draw("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._face is not None or self._wanted:
            self._draw("done" if kind is None else "stopped")

    def _draw(self, state: str) -> None:
        if self._face is None:
            kernel = notebook()
            self._face = Html(self, kernel) if kernel else Terminal(self)
        self._face.draw(self.done, state)

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.monotonic() - self._start


class Terminal:
    """A bar of tqdm."""

    def __init__(self, progress: Progress) -> None:
        bar = need("tqdm").tqdm
        self._bar = bar(total=progress.total, desc=progress.title or None, unit=" rows", initial=0)
        self._bar.start_t -= progress.seconds

    def draw(self, done: int, state: str) -> None:
        self._bar.update(done - self._bar.n)
        self._bar.refresh()
        if state:
            self._bar.close()


class Html:
    """An output of the cell that is replaced as the run goes on."""

    def __init__(self, progress: Progress, display: ModuleType) -> None:
        self._progress, self._html = progress, display.HTML
        self._handle = display.display(self._page(""), display_id=True)

    def draw(self, done: int, state: str) -> None:
        if self._handle is not None:
            self._handle.update(self._page(state))

    def _page(self, state: str) -> Any:
        p = self._progress
        rate = p.done / p.seconds if p.seconds else 0.0
        return self._html(bar(p.done, p.total, p.seconds, rate, p.title, state))


def bar(done: int, total: int | None, seconds: float, rate: float, title: str, state: str) -> str:
    """The HTML of a bar, whose text says it all where styles are stripped."""
    words = [f"{done:,} of {total:,} rows" if total is not None else f"{done:,} rows", duration(seconds)]
    words += [f"{rounded(rate)}/s"] if rate else []
    if state:
        words.append(state)
    elif total and rate:
        words.append(f"{duration((total - done) / rate)} left")
    size = f'value="{done}" max="{total or 1}"' if total else 'value="1" max="1"' if state else ""
    head = f"{escape(title)} " if title else ""
    return (
        f'<div class="nbp-static nbp-progress">{head}<progress {size} style="width:16em;vertical-align:middle">'
        f"</progress> <span>{' · '.join(words)}</span></div>"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.8 s, 45 s, 3:05, 2:03:05."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def notebook() -> ModuleType | None:
    """IPython's display functions, if this runs in a notebook's kernel. Where it does, IPython is there already."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return need("IPython.display") if getattr(shell, "kernel", None) is not None else None


def _watched() -> bool:
    """Whether somebody sees a bar."""
    return notebook() is not None or (sys.stderr is not None and sys.stderr.isatty())
