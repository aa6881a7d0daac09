"""How many threads compute: all that torch may use, or fewer while something else needs the processor.

All threads of an operation wait for the slowest. Where a core is busy with something else (a cell that runs Python,
another program), each of a model's many small operations waits for the scheduler: two threads on two cores beside three
busy programs took six times as long as one. So while the thread that leads them often stands still, fewer are tried,
and kept where they are about as fast as the last forwards were; later more are tried again. For the main thread, which
runs the cells of a notebook, a core is left as long as it computes.

Pure Python that is fed sizes and times, so that tests can play a machine to it.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch

CROWDED = 0.85
"""The share of a forward that its leading thread runs: below it, something else is in the way. Left alone it is 1."""
BUSY = 0.5
"""The share of a forward that the main thread runs: from it on, it is busy with a cell."""
MEASURED = 0.1
"""Seconds of computing from which on shares are told."""
SAMPLES = 3
"""Forwards with each of two numbers that are compared, by their medians."""
KIND = 0.95
"""How fast fewer threads must be next to more to be preferred: they leave something to others."""
PAUSE, LONGEST_PAUSE = 4.0, 32.0
"""Seconds of computing between two tries; doubled by each that changes nothing."""


class Crew:
    """The number of threads for the next forward. most: all that there may be."""

    def __init__(self, most: int) -> None:
        self.begin(most)

    def begin(self, most: int) -> None:
        """Starts anew, with so many threads."""
        self.most, self.now = most, most
        self.rival: int | None = None
        self._kind = 0
        self._last, self._tried = deque[float](maxlen=SAMPLES), deque[float](maxlen=SAMPLES)
        self.beside = False
        """Whether the main thread is busy too."""
        self._share, self._ran = 1.0, (0.0, 0.0, 0.0)
        self._since, self._pause = 0.0, PAUSE

    @property
    def size(self) -> int:
        """How many threads the next forward is to use."""
        if self.beside:
            return max(1, min(self.now, self.most - 1))
        return self.now if self.rival is None or len(self._tried) > len(self._last) else self.rival

    def ran(self, wall: float, lead: float, main: float) -> None:
        """Learns how long a forward took, and for how much of that its leading thread and the main thread ran, all in
        seconds."""
        wall, lead, main = (sum(pair) for pair in zip(self._ran, (wall, lead, main), strict=True))
        self._ran = wall, lead, main
        if wall >= MEASURED:
            self._share, self.beside, self._ran = lead / wall, main / wall >= BUSY, (0.0, 0.0, 0.0)

    def worked(self, size: int, seconds: float, kind: int = 0) -> None:
        """Learns that work of that size took so long. kind: speeds of one kind of work can be compared."""
        if self.most == 1 or self.beside:
            return
        if kind != self._kind:
            if self.rival is not None:
                self._decide(self.rival, 0.0)
            self._kind = kind
            self._last.clear()
        rates = self._tried if self.size == self.rival else self._last
        rates.append(size / max(seconds, 1e-9))
        if self.rival is None:
            self._consider(seconds)
        elif min(len(self._tried), len(self._last)) == SAMPLES:
            self._decide(self.rival, median(self._tried) / median(self._last))

    def _consider(self, seconds: float) -> None:
        self._since += seconds
        if self._since < self._pause and (self.now < self.most or self._pause > PAUSE):
            return
        if self._share < CROWDED and self.now > 1:
            # One less where a single core is wanted elsewhere; if that was not enough, a half.
            self.rival = self.now - 1 if self.now == self.most else self.now // 2
        elif self.now < self.most:
            self.rival = self.most
        self._tried.clear()

    def _decide(self, rival: int, ratio: float) -> None:
        better = ratio >= KIND if rival < self.now else ratio > 1 / KIND
        self.rival, self._since, self._share = None, 0.0, 1.0
        if better:
            self.now, self._pause = rival, PAUSE
            self._last.clear()
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Sets the number of threads of the calling thread, and sets it back: to some of the libraries it is one of the
        whole process, in which others compute too."""
        size = self.size
        if size == self.most:
            yield
            return
        torch.set_num_threads(size)
        try:
            yield
        finally:
            torch.set_num_threads(self.most)
