"""The loop that every call, stream and job runs: read, preprocess, batch, forward, postprocess, in order.

Items are read in windows. A window's chunks are sorted by size and cut into batches under a budget, and results leave
in the order of the items as soon as all before them are there. A source that knows its length is read 16 items ahead
at first, then 32, ... up to 1024. One that does not (a generator) is read one item at first, then 2, 4, ...; but
whenever reading it had to wait, as for a queue or a request, the next items are answered one by one, so that nobody
waits for an answer that hangs on the next question.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from nbpipes.engine.events import Batched, Done, Event, Failed, Partial, Stage, Started, Tuned
from nbpipes.engine.memory import is_shortage, release, tidier
from nbpipes.engine.tuning import Limits
from nbpipes.processing.batch import Chunk

FIRST_WINDOW, LAST_WINDOW = 16, 1024
WINDOW_BATCHES = 64
"""Full batches that a window holds at most: what waits to be computed takes memory, most of all images."""
WAITED = 1e-3
"""Seconds beyond its own computing that reading an item may take before we say that it waited."""
SINGLES = 64
"""Items that are answered one by one after the source has waited."""

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


@runtime_checkable
class Telling(Protocol[Given]):
    """A pipeline whose forward can tell what there is while it runs: the number of a chunk, and its text so far."""

    def forward_stream(
        self, chunks: Sequence[Chunk], options: Given
    ) -> Generator[tuple[int, str], None, list[ChunkOutput]]: ...


class Interrupted(KeyboardInterrupt):
    """The user has ended a forward early. outputs: what each chunk has by then; their items are Done, then it rises."""

    def __init__(self, outputs: list[ChunkOutput]) -> None:
        super().__init__("stopped")
        self.outputs = outputs


@dataclass(slots=True)
class Slot:
    """An item under way."""

    index: int
    item: Any
    outputs: list[ChunkOutput | None] = field(default_factory=list)
    open: bool = True
    missing: int = 0
    failure: tuple[Exception, Stage] | None = None

    @property
    def settled(self) -> bool:
        return self.failure is not None or (not self.open and self.missing == 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of an item, and its place there."""

    slot: Slot
    place: int
    chunk: Chunk


def run(
    steps: Steps[Given],
    items: Iterable[Any],
    options: Given,
    limits: Limits,
    *,
    sized: bool,
    ordered: bool = True,
    ready: Callable[[], bool] | None = None,
    partial: bool = False,
) -> Iterator[Event]:
    """Computes the items and says what happens. A failing item costs itself only; a failing source raises at its end.

    sized: whether reading ahead is harmless because the source is all there. ordered: False gives each result as soon
    as it is there. ready: whether the source has another item at once; where it has not, what was read is computed.
    partial: whether to tell what there is of items that are being written.
    """
    reader = Reader(items, lambda item: steps.preprocess(item, options), limits, patient=sized, ready=ready)
    under_way: deque[Slot] = deque()
    settled = _settled if ordered else _settled_anywhere
    for slots, pieces in reader:
        for slot in slots:
            under_way.append(slot)
            yield Started(slot.index, slot.item)
        yield from settled(steps, under_way, options)
        for batch in batches(pieces, limits):
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


class Reader:
    """Reads items, cuts them into chunks, and hands out windows: the items that began, and the chunks to compute."""

    def __init__(
        self,
        items: Iterable[Any],
        cut: Callable[[Any], Iterator[Chunk]],
        limits: Limits,
        *,
        patient: bool,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self.source, self.cut, self.patient, self.ready = enumerate(items), cut, patient, ready
        start = limits.batch_size or 1
        self.first = max(FIRST_WINDOW, start) if patient else start
        self.limit, self.singles = self.first, 0
        self.slots: list[Slot] = []
        self.limits, self.size = limits, 0
        self.waited, self.error = False, None

    def __iter__(self) -> Iterator[tuple[list[Slot], list[Piece]]]:
        pieces: list[Piece] = []
        for slot in self._slots():
            self.slots.append(slot)
            for piece in self._pieces(slot):
                # Only once there is one more, so that an item whose last piece fills a window is complete with it.
                if len(pieces) >= max(self.limit, FIRST_WINDOW) or self._heavy:
                    yield self._window(pieces)
                    pieces = []
                pieces.append(piece)
                self.size += piece.chunk.size
            if (
                self.waited
                or self._heavy
                or len(self.slots) >= self.limit
                or (self.ready is not None and not self.ready())
            ):
                yield self._window(pieces)
                pieces = []
        if self.slots or pieces:
            yield self._window(pieces)

    @property
    def _heavy(self) -> bool:
        return self.size >= WINDOW_BATCHES * self.limits.budget

    def _window(self, pieces: list[Piece]) -> tuple[list[Slot], list[Piece]]:
        slots, self.slots, self.size = self.slots, [], 0
        if self.waited:
            self.limit, self.singles, self.waited = self.first, SINGLES, False
        elif self.singles:
            self.singles -= 1
        else:
            self.limit = min(2 * self.limit, max(LAST_WINDOW, self.first))
        return slots, [piece for piece in pieces if piece.slot.failure is None]

    def _slots(self) -> Iterator[Slot]:
        while True:
            wall, busy = time.perf_counter(), time.thread_time()
            try:
                index, item = next(self.source)
            except StopIteration:
                return
            except Exception as error:  # the source's own: what was read before it still counts
                self.error = error
                return
            if not self.patient:
                self.waited = time.perf_counter() - wall - (time.thread_time() - busy) > WAITED
            yield Slot(index, item)

    def _pieces(self, slot: Slot) -> Iterator[Piece]:
        try:
            for place, chunk in enumerate(self.cut(slot.item)):
                slot.outputs.append(None)
                slot.missing += 1
                yield Piece(slot, place, chunk)
        except Exception as error:
            slot.failure = error, "preprocess"
        slot.open = False


def batches(pieces: Sequence[Piece], limits: Limits) -> Iterator[list[Piece]]:
    """Cuts a window into batches: chunks of one group, the longest first, neighbours of about equal size."""
    groups: dict[Any, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.chunk.group, []).append(piece)
    for group in groups.values():
        group.sort(key=lambda piece: -piece.chunk.size)
        batch: list[Piece] = []
        total = 0
        for piece in group:
            full = limits.batch_size is not None and len(batch) >= limits.batch_size
            if batch and (full or total + piece.chunk.size > limits.budget):
                yield batch
                batch, total = [], 0
            batch.append(piece)
            total += piece.chunk.size
        yield batch


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
        start = time.perf_counter()
        error = yield from _forward(steps, pieces, options, partial)
        if error is None:
            seconds, worked = time.perf_counter() - start, max(worked, size)
            tidier.worked(seconds)
            yield Batched(len(pieces), size, seconds)
            if not short and (tuned := limits.worked(size, seconds)):
                yield tuned
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
    stream: Generator[tuple[int, str], None, list[ChunkOutput]], pieces: list[Piece]
) -> Generator[Partial, None, list[ChunkOutput]]:
    with closing(stream):
        while True:
            try:
                number, text = next(stream)
            except StopIteration as end:
                return end.value
            yield Partial(pieces[number].slot.index, text)


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
