"""The loop that every call, stream and job runs: read, preprocess, batch, forward, postprocess, in order.

Items are read and batches are filled as engine/windows.py says. Results leave in the order of the items as soon as all
before them are there.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from nbpipes.engine import compute
from nbpipes.engine.events import Batched, Done, Event, Failed, Partial, Started, Tuned
from nbpipes.engine.memory import is_shortage, release, tidier
from nbpipes.engine.tuning import Limits
from nbpipes.engine.windows import Gathering, Piece, Reader, Slot
from nbpipes.processing.batch import Chunk

Given = TypeVar("Given", contravariant=True)


@dataclass(slots=True)
class ChunkOutput:
    """What the model answered to one chunk: tensors in main memory, also as `out["logits"]`."""

    chunk: Chunk
    output: Any

    def __getitem__(self, name: str) -> Any:
        return self.output[name]


class Steps(Protocol[Given]):
    """The three steps of a pipeline that the loop calls."""

    def preprocess(self, item: Any, options: Given) -> Iterator[Chunk]: ...
    def forward(self, chunks: Sequence[Chunk], options: Given) -> list[ChunkOutput]: ...
    def postprocess(self, outputs: list[ChunkOutput], options: Given) -> Any: ...


Growth = tuple[int, str] | tuple[int, str, float | None]
"""The number of a chunk, its text so far, and maybe how much of its item has been read, from 0 to 1."""


@runtime_checkable
class Telling(Protocol[Given]):
    """A pipeline whose forward can tell what there is while it runs."""

    def forward_stream(self, chunks: Sequence[Chunk], options: Given) -> Generator[Growth, None, list[ChunkOutput]]: ...


@runtime_checkable
class Ahead(Protocol):
    """A pipeline whose preprocess takes long and lets others compute meanwhile: as many threads as `readers` do it."""

    @property
    def readers(self) -> int: ...


class Interrupted(KeyboardInterrupt):
    """The user has ended a forward early. outputs: what each chunk has by then; their items are Done, then it rises."""

    def __init__(self, outputs: list[ChunkOutput]) -> None:
        super().__init__("stopped")
        self.outputs = outputs


def run(
    steps: Steps[Given],
    items: Iterable[Any],
    options: Given,
    limits: Limits,
    *,
    sized: bool,
    soon: bool = False,
    ordered: bool = True,
    ready: Callable[[], bool] | None = None,
    partial: bool = False,
) -> Iterator[Event]:
    """Computes the items and says what happens. A failing item costs itself only; a failing source raises at its end.

    sized: whether reading ahead is harmless because the source is all there. soon: whether results are read as they
    come, so that the first should not wait for others. ordered: False gives each result as soon as it is there.
    ready: whether the source has another item at once; where it has not, what was read is computed.
    partial: whether to tell what there is of items that are being written.
    """

    def cut(item: Any) -> Iterator[Chunk]:
        return steps.preprocess(item, options)

    threads = steps.readers if isinstance(steps, Ahead) else 0
    reader = Reader(items, cut, limits, patient=sized, soon=soon, ready=ready, threads=threads)
    gathering = Gathering(limits)
    under_way: deque[Slot] = deque()
    settled = _settled if ordered else _settled_anywhere
    for window in reader:
        for slot in window.slots:
            under_way.append(slot)
            yield Started(slot.index, slot.item)
        yield from settled(steps, under_way, options)
        for batch in gathering.batches(window):
            reports, stopped = [], None
            try:
                for report in _compute(steps, batch, options, limits, partial):
                    if isinstance(report, Partial):
                        yield report
                    else:
                        reports.append(report)
            except Interrupted as interrupt:
                stopped = interrupt
            yield from settled(steps, under_way, options)
            yield from reports
            if stopped is not None:
                raise stopped
    yield from settled(steps, under_way, options)
    if reader.error is not None:
        raise reader.error


def _compute(
    steps: Steps[Given], batch: list[Piece], options: Given, limits: Limits, partial: bool
) -> Iterator[Batched | Tuned | Partial]:
    """One forward. If it fails it is done again in halves, until the chunk at fault stands alone.

    Where memory is short a chunk alone gets a second chance, as others may have freed some.
    """
    parts, again = [batch], set[int]()
    short, worked = 0, 0
    while parts:
        pieces = [piece for piece in parts.pop() if piece.slot.failure is None]
        if not pieces:
            continue
        size = sum(piece.chunk.size for piece in pieces)
        start, threads = time.perf_counter(), compute.crew.now
        error = yield from _forward(steps, pieces, options, partial)
        if error is None:
            seconds, worked = time.perf_counter() - start, max(worked, size)
            tidier.worked(seconds)
            yield Batched(len(pieces), size, seconds)
            # Sizes are not judged where memory was short or a number of threads is on trial.
            if not short and compute.crew.rival is None and (tuned := limits.worked(size, seconds)):
                yield tuned
            if threads != compute.crew.now:
                yield Tuned(limits.budget, f"{compute.crew.now} of {compute.crew.most} threads compute: it is faster")
            continue
        if shortage := is_shortage(error):
            short = max(short, size)
            release(error)
        half = len(pieces) // 2
        if half:
            parts += [pieces[half:], pieces[:half]]
        elif shortage and id(pieces[0]) not in again:
            again.add(id(pieces[0]))
            parts.append(pieces)
        else:
            pieces[0].slot.failure = error, "forward"
    if short and (tuned := limits.ran_out(short, worked)):
        yield tuned


def _forward(
    steps: Steps[Given], pieces: list[Piece], options: Given, partial: bool
) -> Generator[Partial, None, Exception | None]:
    """Gives the chunks their outputs, or says why not. The error leaves here, so that nothing of it is kept alive."""
    chunks = [piece.chunk for piece in pieces]
    try:
        if partial and isinstance(steps, Telling):
            outputs = yield from _told(steps.forward_stream(chunks, options), pieces)
        else:
            outputs = steps.forward(chunks, options)
    except Interrupted as interrupt:
        _give(pieces, interrupt.outputs)
        raise
    except Exception as error:
        return error
    _give(pieces, outputs)
    return None


def _told(
    stream: Generator[Growth, None, list[ChunkOutput]], pieces: list[Piece]
) -> Generator[Partial, None, list[ChunkOutput]]:
    with closing(stream):
        while True:
            try:
                told = next(stream)
            except StopIteration as end:
                return end.value
            number, text, share = told if len(told) == 3 else (*told, None)
            yield Partial(pieces[number].slot.index, text, share)


def _give(pieces: list[Piece], outputs: list[ChunkOutput]) -> None:
    for piece, output in zip(pieces, outputs, strict=True):
        piece.slot.outputs[piece.place] = output
        piece.slot.missing -= 1


def _settled(steps: Steps[Given], under_way: deque[Slot], options: Given) -> Iterator[Event]:
    """Takes the leading items that are complete out of the queue."""
    while under_way and under_way[0].settled:
        yield _finished(steps, under_way.popleft(), options)


def _settled_anywhere(steps: Steps[Given], under_way: deque[Slot], options: Given) -> Iterator[Event]:
    """Takes all items that are complete out of the queue."""
    complete = [slot for slot in under_way if slot.settled]
    if complete:
        left = [slot for slot in under_way if not slot.settled]
        under_way.clear()
        under_way.extend(left)
    for slot in complete:
        yield _finished(steps, slot, options)


def _finished(steps: Steps[Given], slot: Slot, options: Given) -> Done | Failed:
    if slot.failure is None:
        try:
            outputs = [output for output in slot.outputs if output is not None]
            return Done(slot.index, slot.item, steps.postprocess(outputs, options))
        except Exception as error:
            slot.failure = error, "postprocess"
    return Failed(slot.index, slot.item, *slot.failure)
