"""A pipeline whose model does next to nothing, and fails where it is told to."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.models.outputs import Logits
from nbpipes.processing.batch import Batch, Chunk

SHORTAGE = (
    "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
)


class Doubling(Pipeline[Options]):
    """Doubles numbers. bad: the stage in which an item fails. short_every: forwards from one shortage to the next.
    room: chunks that fit in memory. seconds: what a forward takes."""

    kind = "doubling"
    wanted = "a number"
    budget = 1024

    def __init__(
        self,
        bad: Callable[[int], str] = lambda item: "",
        short_every: int = 0,
        room: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(nn.Linear(1, 1), device="cpu")
        self.bad, self.short_every, self.room, self.seconds = bad, short_every, room, seconds
        self.forwards = 0
        self.largest = 0

    def is_item(self, value: Any) -> bool:
        return isinstance(value, int)

    def preprocess(self, item: int, options: Options | None = None) -> Iterator[Chunk]:
        if self.bad(item) == "preprocess":
            raise ValueError(f"{item} cannot be read")
        yield Chunk({}, note=item, size=10)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        return Batch({"items": [chunk.note for chunk in chunks]}, (1,) * len(chunks))

    def _forward(self, inputs: Any, options: Options) -> Logits:
        self.forwards += 1
        items = inputs["items"]
        if self.seconds:
            time.sleep(self.seconds)
        if self.short_every and self.forwards % self.short_every == 0:
            raise RuntimeError(SHORTAGE)
        if self.room is not None and len(items) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        if any(self.bad(item) == "forward" for item in items):
            raise RuntimeError("a device error")
        self.largest = max(self.largest, len(items))
        return Logits(torch.tensor([[2 * item] for item in items]))

    def postprocess(self, outputs: Sequence[ChunkOutput], options: Options | None = None) -> dict[str, int]:
        item = outputs[0].chunk.note
        if self.bad(item) == "postprocess":
            raise KeyError(item)
        return {"double": int(outputs[0].output.logits[0])}


@pytest.fixture
def doubling() -> type[Doubling]:
    return Doubling


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], None]:
    """Waits until something holds; fails after ten seconds."""

    def wait(holds: Callable[[], Any]) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, "it did not come to hold"
            time.sleep(0.002)

    return wait
