"""What a job tells of itself while it runs: counts, speed, latencies, why batches have the size they have."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nbpipes.engine.events import Batched, Tuned
from nbpipes.engine.tuning import percentile
from nbpipes.results.failures import Failure

SMOOTH = 3.0
"""Seconds over which the speed is averaged."""
POINTS, SPACING = 120, 0.5
"""Points of the history of the speed, and seconds between them."""


@dataclass
class Stats:
    """Counts and measures. One thread writes; others read whatever is there.

    done: rows with a result or a failure in this run; skipped: rows that were there before it.
    """

    total: int | None = None
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    failed: int = 0
    skipped: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    chunks: int = 0
    size: int = 0
    history: deque[float] = field(default_factory=lambda: deque(maxlen=POINTS))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=POINTS))
    tuned: deque[Tuned] = field(default_factory=lambda: deque(maxlen=10))
    last: deque[tuple[int, Any, Any]] = field(default_factory=lambda: deque(maxlen=5))
    errors: deque[Failure] = field(default_factory=lambda: deque(maxlen=20))

    def __post_init__(self) -> None:
        self.resume()
        self._point = self._tick

    def resume(self) -> None:
        """Time starts, or goes on after a pause."""
        self._tick, self._before = self.clock(), self.done

    def finished(self, row: int, item: Any, result: Any) -> None:
        """A row has its result."""
        self.done += 1
        self.last.append((row, item, result))

    def lost(self, failure: Failure) -> None:
        """A row has failed."""
        self.done += 1
        self.failed += 1
        self.errors.append(failure)

    def batched(self, event: Batched) -> None:
        """A batch went through."""
        self.chunks, self.size = event.chunks, event.size
        self.latencies.append(event.seconds)
        self.tick()

    def tick(self) -> None:
        """Brings times and speed up to date."""
        now = self.clock()
        passed = now - self._tick
        if passed <= 0:
            return
        rows, self._before, self._tick = self.done - self._before, self.done, now
        self.seconds += passed
        share = min(1.0, passed / min(SMOOTH, self.seconds))
        self.rate += share * (rows / passed - self.rate)
        if now - self._point >= SPACING:
            self.history.append(self.rate)
            self._point = now

    @property
    def left(self) -> float | None:
        """Seconds to the end at this speed, None where nobody knows."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done - self.skipped) / self.rate

    def snapshot(self) -> dict[str, Any]:
        """The numbers as plain values."""
        return {
            "done": self.done + self.skipped,
            "total": self.total,
            "skipped": self.skipped,
            "failed": self.failed,
            "seconds": self.seconds,
            "rate": self.rate,
            "history": list(self.history),
            "left": self.left,
            "latency": {share: percentile(list(self.latencies), value) for share, value in SHARES.items()},
            "chunks": self.chunks,
            "size": self.size,
            "tuned": [{"size": one.size, "why": one.why} for one in list(self.tuned)],
        }


SHARES = {"p50": 0.5, "p95": 0.95}
