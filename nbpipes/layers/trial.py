"""Which of two ways to compute the same is the faster one on this machine."""

import time
from collections.abc import Callable
from typing import Any

TRIALS = 3
"""Times that a way may be the slower one before it is not taken."""


def faster(one: Callable[[], Any], other: Callable[[], Any]) -> bool:
    """Whether one takes less time than the other in any of a few trials: something else may run just then, and a wrong
    answer would slow everything down from here on."""
    return any(seconds(one) < seconds(other) for _ in range(TRIALS))


def seconds(work: Callable[[], Any]) -> float:
    """The shortest of a few runs: what disturbs a run only makes it longer."""
    found = []
    for _ in range(8):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)
