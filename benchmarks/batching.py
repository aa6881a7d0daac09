"""Throughput and latency of text classification against transformers, on the same work in the same process.

    python benchmarks/batching.py [--threads 2] [--dtype float32] [--rounds 3] [--only natural]

Workloads: the two of transformers' documentation ("This is a test" over and over; the same with every 64th text a
hundred times longer) and natural lengths (log-normal, 5 to 400 tokens, cut from the prose of Python's own manual).
transformers runs at batch sizes 1, 8, 64 and 256; nbpipes chooses for itself. The cases of a workload take turns, in
reversed order every other round; medians are shown. The model is all-MiniLM-L6-v2 under a classifier with two labels.

With one thread the seconds are those of the processor, so other programs on the machine do not count; with more they
are those of the clock.
"""

import argparse
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# transformers turns the tokenizers' threads off for the whole process when it is first used; both get them here.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

from pydoc_data.topics import topics

import torch
import transformers
from checkpoint import classifier

import nbpipes

UPSTREAM_BATCHES = (1, 8, 64, 256)
SLOWEST = 60.0
"""Seconds that one run may take: an upstream batch size that needs more is measured once."""

Case = Callable[[], object]


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


def throughput(name: str, ours: nbpipes.Pipeline, theirs: transformers.Pipeline, options: argparse.Namespace) -> None:
    """Prints items per second of a workload, and our ratio to each batch size of theirs."""
    make, rows = WORKLOADS[name]
    texts = make(options.rows or rows)
    cases: dict[str, Case] = {"nbpipes": lambda: ours(texts, truncation=True)}
    for size in UPSTREAM_BATCHES:
        cases[f"transformers, batch {size}"] = lambda size=size: theirs(texts, batch_size=size, truncation=True)
    cases["nbpipes"]()
    theirs(texts[:8], batch_size=8)
    times = rounds(cases, options.rounds, options.threads)
    best = min(time for case, time in times.items() if case != "nbpipes")
    print(f"\n{name}, {len(texts)} texts: {best / times['nbpipes']:.2f} × the best of transformers")
    for case, taken in times.items():
        print(f"  {case:26} {len(texts) / taken:9.1f} texts/s   {taken / times['nbpipes']:6.2f} ×")


def latency(ours: nbpipes.Pipeline, theirs: transformers.Pipeline, options: argparse.Namespace) -> None:
    """Prints milliseconds of one call on a short text and on one of about 130 tokens."""
    for name, text, repeats in (("6 tokens", "This is a test", 50), ("130 tokens", "This is a test " * 32, 10)):
        cases: dict[str, Case] = {
            "nbpipes": lambda text=text, repeats=repeats: [ours(text) for _ in range(repeats)],
            "transformers": lambda text=text, repeats=repeats: [theirs(text) for _ in range(repeats)],
        }
        for work in cases.values():
            work()
        times = rounds(cases, 2 * options.rounds + 1, options.threads)
        print(f"\none call, {name}: {times['transformers'] / times['nbpipes']:.2f} ×")
        for case, taken in times.items():
            print(f"  {case:26} {1000 * taken / repeats:8.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--theirs", help="dtype of transformers, if another")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--only", choices=[*WORKLOADS, "latency"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = classifier(Path(scratch))
        ours = nbpipes.pipeline("text-classification", model=folder, dtype=options.dtype, device="cpu")
        theirs = transformers.pipeline(
            "text-classification", model=str(folder), dtype=options.theirs or options.dtype, device="cpu"
        )
        print(
            f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}, ",
            end="",
        )
        print(f"{options.threads} threads, nbpipes {options.dtype}, transformers {options.theirs or options.dtype}")
        for name in WORKLOADS:
            if options.only in (None, name):
                throughput(name, ours, theirs, options)
        if options.only in (None, "latency"):
            latency(ours, theirs, options)


if __name__ == "__main__":
    main()
