"""What a stream costs and spares: overhead, first result, a busy cell beside it, memory.

    python benchmarks/streams.py [--threads 2] [--rows 1500] [--only overhead]

overhead: rows per second of a stream, and of one with a store, next to a plain call on the same rows.
first: until the first result of a stream is there, next to a single call.
beside: a stream next to a cell that is busy with pure Python, each against itself alone.
trap: a single call before and after another thread has run torch.
memory: what fresh processes of nbpipes and transformers take at most after the same texts of natural lengths.

The model is all-MiniLM-L6-v2 under a classifier. Cases take turns; medians are shown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
from checkpoint import with_head
from workloads import natural, rounds

import nbpipes
from nbpipes.engine import compute
from nbpipes.engine.jobs import Job

TRUNCATE = {"truncation": True}
PEAK = """
import json, resource, sys
sys.path.insert(0, {here!r})
from workloads import natural
import torch
from {package} import pipeline
torch.set_num_threads({threads})
pipe = pipeline("text-classification", model={folder!r}, device="cpu")
texts = natural({rows})
pipe(texts, truncation=True, {options})
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


def overhead(pipe: nbpipes.Pipeline, options: argparse.Namespace) -> None:
    """Prints what the machinery of streams adds to a plain call."""
    texts = natural(options.rows)
    with tempfile.TemporaryDirectory() as scratch:
        cases = {
            "plain call": lambda: pipe(texts, **TRUNCATE),
            "stream": lambda: pipe.stream(texts, **TRUNCATE).result(),
            "stream with a store": lambda: pipe.stream(
                texts, sink=Path(scratch) / str(time.monotonic_ns()), **TRUNCATE
            ).result(),
        }
        pipe(texts[:64], **TRUNCATE)
        times = rounds(cases, 3, options.threads)
    print(f"\noverhead, {len(texts)} texts")
    for name, taken in times.items():
        print(f"  {name:22} {len(texts) / taken:8.1f} texts/s   {100 * (taken / times['plain call'] - 1):+6.1f} %")


def first(pipe: nbpipes.Pipeline, options: argparse.Namespace) -> None:
    """Prints the time to a stream's first result against that of a single call on the same text."""
    texts = natural(options.rows)

    def begin() -> float:
        start = time.perf_counter()
        job = pipe.stream(texts, **TRUNCATE)
        next(iter(job))
        taken = time.perf_counter() - start
        job.stop()
        while not job.wait(1):
            pass
        return taken

    def single() -> float:
        start = time.perf_counter()
        pipe(texts[0], **TRUNCATE)
        return time.perf_counter() - start

    single()
    stream, call = (statistics.median(work() for _ in range(9)) for work in (begin, single))
    print(
        f"\nfirst result of a stream {1000 * stream:.1f} ms, a single call {1000 * call:.1f} ms: {stream / call:.2f} ×"
    )


def count(until: Callable[[], bool]) -> float:
    """Turns of a loop of pure Python a second, in the thread that calls. until: takes no lock, since a lock that is
    asked for lets other threads run."""
    start, turns, total = time.perf_counter(), 0, 0
    while not until():
        for number in range(1000):
            total += number * number
        turns += 1
    return turns / (time.perf_counter() - start)


def cell(job: Job) -> float:
    """A busy cell until the job is over: its turns a second."""
    over = []
    job.when_over(lambda: over.append(True))
    return count(lambda: bool(over))


def use(threads: int) -> None:
    """Has as many threads compute from now on."""
    compute.run(lambda: torch.set_num_threads(threads))
    compute.crew.begin(threads)


def beside(pipe: nbpipes.Pipeline, options: argparse.Namespace) -> None:
    """Prints how a stream and a cell of pure Python slow each other down. A stream is timed to its end: results come
    in order, so rows are done in bursts. A stream that has a core less is shown too: no more is left beside a cell."""
    texts = natural(options.rows)
    pipe(texts[:256], **TRUNCATE)
    found: dict[str, list[float]] = {"alone": [], "spare": [], "beside": [], "cell": [], "cell beside": []}
    for _ in range(3):
        end = time.perf_counter() + 2
        found["cell"].append(count(lambda end=end: time.perf_counter() > end))
        for name, threads in (("alone", options.threads), ("spare", max(1, options.threads - 1))):
            use(threads)
            start = time.perf_counter()
            pipe.stream(texts, **TRUNCATE).result()
            found[name].append(time.perf_counter() - start)
        use(options.threads)
        start = time.perf_counter()
        found["cell beside"].append(cell(pipe.stream(texts, **TRUNCATE)))
        found["beside"].append(time.perf_counter() - start)
    took = {name: statistics.median(values) for name, values in found.items()}
    print(f"\na stream alone {took['alone']:.2f} s, with a core less {took['spare']:.2f} s", end="")
    print(f", beside a busy cell {took['beside']:.2f} s: ", end="")
    print(" and ".join(f"{took['beside'] / took[name]:.2f} ×" for name in ("alone", "spare")))
    print(f"the cell alone {took['cell']:.0f} turns/s, beside a stream {took['cell beside']:.0f}: ", end="")
    print(f"{took['cell'] / took['cell beside']:.2f} × slower")


def trap(pipe: nbpipes.Pipeline, options: argparse.Namespace) -> None:
    """Prints a call's time before and after another Python thread ran torch."""

    def call() -> float:
        start = time.perf_counter()
        for _ in range(50):
            pipe("This is a test")
        return (time.perf_counter() - start) / 50

    def other() -> None:
        x = torch.randn(2000, 2000)
        for _ in range(3):
            x @ x

    call()
    before = statistics.median(call() for _ in range(5))
    job = pipe.stream(natural(64), **TRUNCATE)
    job.result()
    after_job = statistics.median(call() for _ in range(5))
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    after = statistics.median(call() for _ in range(5))
    print(f"\none call {1000 * before:.2f} ms; after a stream {1000 * after_job:.2f} ms ({after_job / before:.2f} ×)")
    print(f"after a foreign thread ran torch {1000 * after:.2f} ms ({after / before:.2f} ×)")


def memory(folder: Path, options: argparse.Namespace) -> None:
    """Prints the peak of both packages, each in a fresh process, theirs at batch size 8."""
    found = {}
    for package, extra in (("nbpipes", ""), ("transformers", "batch_size=8")):
        script = PEAK.format(
            package=package,
            here=str(Path(__file__).parent),
            folder=str(folder),
            rows=options.rows,
            options=extra,
            threads=options.threads,
        )
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
        found[package] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\npeak over {options.rows} texts: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in found.items()), end=""
    )
    print(f": {found['nbpipes'] / found['transformers']:.2f} ×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rows", type=int, default=1500)
    parts = {"overhead": overhead, "first": first, "beside": beside, "trap": trap}
    parser.add_argument("--only", choices=[*parts, "memory"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = with_head(Path(scratch), "BertForSequenceClassification", 2)
        pipe = nbpipes.pipeline("text-classification", model=folder, device="cpu")
        for name, part in parts.items():
            if options.only in (None, name):
                part(pipe, options)
        if options.only in (None, "memory"):
            memory(folder, options)


if __name__ == "__main__":
    main()
