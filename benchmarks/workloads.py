"""Texts to run, and how long running them takes."""

import math
import random
import statistics
import time
from collections.abc import Callable
from pydoc_data.topics import topics

Case = Callable[[], object]
SLOWEST = 60.0
"""Seconds that one run may take: a case that needs more is measured once."""


def regular(rows: int) -> list[str]:
    """The same short text over and over."""
    return ["This is a test"] * rows


def irregular(rows: int) -> list[str]:
    """Short texts, and every 64th a hundred times as long."""
    return ["This is a test " * 100 if i % 64 == 0 else "This is a test" for i in range(rows)]


def natural(rows: int) -> list[str]:
    """Passages of real prose whose lengths are log-normal: the median about 45 tokens, the longest about 400."""
    draw = random.Random(0)
    words = " ".join(topics[name] for name in sorted(topics)).split()
    texts = []
    for _ in range(rows):
        count = min(200, max(3, round(draw.lognormvariate(math.log(26), 0.75))))
        start = draw.randrange(len(words) - count)
        texts.append(" ".join(words[start : start + count]))
    return texts


def asked(texts: list[str]) -> list[dict[str, str]]:
    """A question about each text."""
    return [{"question": "What is this about?", "context": text} for text in texts]


WORKLOADS = {"regular": (regular, 512), "irregular": (irregular, 256), "natural": (natural, 192)}


def seconds(work: Case, threads: int) -> float:
    """How long a run takes: processor time with one thread, by the clock with more."""
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


def rounds(cases: dict[str, Case], count: int, threads: int) -> dict[str, float]:
    """The median seconds of each case; they take turns, in the other direction every other round."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(count):
        for name in list(cases)[:: -1 if turn % 2 else 1]:
            if not (found[name] and found[name][0] > SLOWEST / count):
                found[name].append(seconds(cases[name], threads))
    return {name: statistics.median(times) for name, times in found.items()}
