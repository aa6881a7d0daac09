"""Throughput and latency of text encoders against transformers, on the same work in the same process.

    python benchmarks/batching.py [--threads 2] [--dtype float32] [--rounds 3] [--only natural] [--task ner]

Workloads: the two of transformers' documentation ("This is a test" over and over; the same with every 64th text a
hundred times longer) and natural lengths (log-normal, 5 to 400 tokens, cut from the prose of Python's own manual).
transformers runs at batch sizes 1, 8, 64 and 256; nbpipes chooses for itself. The cases of a workload take turns, in
reversed order every other round; medians are shown. The model is all-MiniLM-L6-v2 under a head with drawn weights.
Both compute on one thread of the process, ours: each thread that runs torch keeps a team of OpenMP workers, and two
teams wait for each other's cores, which would slow both packages down (a call on 6 tokens from 4.3 to 7.6 ms).

With one thread the seconds are those of the processor, so other programs on the machine do not count; with more they
are those of the clock.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

# transformers turns the tokenizers' threads off for the whole process when it is first used; both get them here.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
import transformers
from checkpoint import with_head
from workloads import WORKLOADS, Case, asked, rounds

import nbpipes
from nbpipes.engine import compute

Result = TypeVar("Result")
UPSTREAM_BATCHES = (1, 8, 64, 256)
LONGEST = 1200
"""Characters of a text that surely fits into the model."""

LABELS = ["sport", "politics", "science", "food", "travel"]


TASKS: dict[str, tuple[str, int, Mapping[str, Any]]] = {
    "text-classification": ("BertForSequenceClassification", 2, {"truncation": True}),
    "token-classification": ("BertForTokenClassification", 5, {}),
    "question-answering": ("BertForQuestionAnswering", 2, {}),
    "zero-shot-classification": ("BertForSequenceClassification", 3, {"candidate_labels": LABELS}),
}
"""Of each task the class of the model in transformers, the outputs of its head, and the options of its calls."""


def there(work: Callable[[], Result]) -> Callable[[], Result]:
    """The same work on the thread that computes for us, with as many threads as ours may use."""

    def with_all() -> Result:
        torch.set_num_threads(compute.crew.most)
        return work()

    return lambda: compute.run(with_all)


def throughput(name: str, ours: nbpipes.Pipeline, theirs: transformers.Pipeline, options: argparse.Namespace) -> None:
    """Prints items per second of a workload, and our ratio to each batch size of theirs."""
    make, rows = WORKLOADS[name]
    texts: list[Any] = make(options.rows or rows)
    if options.task != "text-classification":
        texts = [text for text in texts if len(text) < LONGEST]  # these tasks do not cut, or cut differently
    if options.task == "question-answering":
        texts = asked(texts)
    given = TASKS[options.task][2]
    cases: dict[str, Case] = {"nbpipes": lambda: ours(texts, **given)}
    for size in UPSTREAM_BATCHES:
        cases[f"transformers, batch {size}"] = there(lambda size=size: theirs(texts, batch_size=size, **given))
    cases["nbpipes"]()
    there(lambda: theirs(texts[:8], batch_size=8, **given))()
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
            "transformers": there(lambda text=text, repeats=repeats: [theirs(text) for _ in range(repeats)]),
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
    parser.add_argument("--task", choices=list(TASKS), default="text-classification")
    parser.add_argument("--only", choices=[*WORKLOADS, "latency"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        architecture, outputs, _ = TASKS[options.task]
        folder = there(lambda: with_head(Path(scratch), architecture, outputs))()
        ours = nbpipes.pipeline(options.task, model=folder, dtype=options.dtype, device="cpu")
        kind = options.theirs or options.dtype
        theirs = there(lambda: transformers.pipeline(options.task, model=str(folder), dtype=kind, device="cpu"))()
        print(
            f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}, ",
            end="",
        )
        print(f"{options.threads} threads, nbpipes {options.dtype}, transformers {options.theirs or options.dtype}")
        for name in WORKLOADS:
            if options.only in (None, name):
                throughput(name, ours, theirs, options)
        if options.only in (None, "latency") and options.task == "text-classification":
            latency(ours, theirs, options)


if __name__ == "__main__":
    main()
