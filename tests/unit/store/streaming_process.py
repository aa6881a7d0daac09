"""A process that kills its children: each streams rows into one run until it is killed; then the next goes on.

    python streaming_process.py FOLDER KILLS [KIND]

Prints one line of JSON: kills, runs, rows lost and rows that are there twice, and the most rows that were computed
again after one kill. Children are forked before anything has computed, so that torch is imported once.
"""

import json
import os
import random
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nbpipes import Run
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.models.outputs import Logits
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.store import sqlite

ROWS, BATCH = 20_000, 64
SECONDS = 0.001  # of a forward


class Logged(Pipeline[Options]):
    """Doubles numbers, one in 997 of which fails; writes down which rows it computed."""

    kind = "logged"

    def __init__(self, log: Path) -> None:
        super().__init__(nn.Linear(1, 1), device="cpu")
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def preprocess(self, item: int, options: Options | None = None) -> Iterator[Chunk]:
        yield Chunk({}, note=item, size=1 + item % 50)  # sizes differ, so rows are not computed in order

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        return Batch({"items": [chunk.note for chunk in chunks]}, (1,) * len(chunks))

    def _forward(self, inputs: Any, options: Options) -> Logits:
        items = inputs["items"]
        os.write(self.log, struct.pack(f"{len(items)}q", *items))
        time.sleep(SECONDS)
        return Logits(torch.tensor([[2 * item] for item in items]))

    def postprocess(self, outputs: Sequence[ChunkOutput], options: Options | None = None) -> dict[str, int]:
        item = outputs[0].chunk.note
        if item % 997 == 5:
            raise ValueError("bad")
        return {"double": int(outputs[0].output.logits[0])}


def child(folder: Path, log: Path, kind: str) -> int:
    """Streams all rows into the run; gives the id of the process that does."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        sqlite.SEAL_ROWS = 3000  # so that kills hit the sealing too
        rows = list(range(ROWS)) if random.random() < 0.5 else iter(range(ROWS))
        Logged(log).stream(rows, sink=folder, store=kind, batch_size=BATCH).result()
        status = 0
    finally:
        os._exit(status)


def executed(log: Path) -> list[int]:
    """The rows that a child computed."""
    data = log.read_bytes() if log.exists() else b""
    return list(struct.unpack(f"{len(data) // 8}q", data))


def there(folder: Path) -> list[int]:
    """The rows of a run, with or without a result."""
    try:
        run = Run(folder)
    except OSError:
        return []
    return [row for row, _, _ in run._reader.entries()]


def one_run(folder: Path, kind: str, chance: random.Random, wanted: int) -> dict[str, int]:
    """Kills children until the run is complete, or wanted kills have hit; then lets it end."""
    kills = again = number = 0
    while True:
        log = folder.with_name(f"{folder.name}.{number}.log")
        number += 1
        pid, deadline = child(folder, log, kind), time.monotonic() + 60
        if kills < wanted:
            while not log.exists() and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.12))
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0, f"a child ended with {status}"
            break
        kills += 1
        again = max(again, len(set(executed(log)) - set(there(folder))))
    counted = Counter(there(folder))
    values = dict(zip(sorted(counted), Run(folder), strict=False))
    wrong = sum(
        value.get("type") != "ValueError" if row % 997 == 5 else value != {"double": 2 * row}
        for row, value in values.items()
    )
    return {
        "kills": kills,
        "lost": ROWS - len(counted),
        "twice": sum(n > 1 for n in counted.values()),
        "wrong": wrong,
        "again": again,
    }


def main(folder: Path, wanted: int, kind: str) -> None:
    chance = random.Random(wanted)
    total: Counter[str] = Counter()
    again = 0
    while total["kills"] < wanted:
        found = one_run(folder / f"run{total['runs']}", kind, chance, wanted - total["kills"])
        again = max(again, found.pop("again"))
        total.update(found, runs=1)
    print(json.dumps({**total, "again": again}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "sqlite")
