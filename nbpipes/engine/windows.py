"""Reading items in windows, cutting them into chunks, and filling batches with these.

A window's chunks are sorted by size and cut into batches under a budget. A list whose results are wanted together is
read 16 items ahead at first (64 where texts are written), then 32, ... up to 1024. Where they are wanted as they come,
and where a source does not know its length (a generator), it is one item at first, then 2, 4, ...; but whenever reading
a generator had to wait, as for a queue or a request, the next items are answered one by one, so that nobody waits for
an answer that hangs on the next question.

Where cutting an item takes long and needs no interpreter (images are decoded and resized), threads do it a bounded way
ahead of what is computed, and a batch is computed as soon as it is full.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from nbpipes.engine.events import Stage
from nbpipes.engine.tuning import FIRST_WINDOW, Limits
from nbpipes.processing.batch import Chunk

LAST_WINDOW = 1024
WINDOW_BATCHES = 64
"""Full batches that a window holds at most: what waits to be computed takes memory, most of all images."""
WAITED = 1e-3
"""Seconds beyond its own computing that reading an item may take before we say that it waited."""
SINGLES = 64
"""Items that are answered one by one after the source has waited."""
AHEAD = 32
"""Items that threads cut before they are asked for, at most."""

Cut = Callable[[], Iterable[Chunk]]


@dataclass(slots=True)
class Slot:
    """An item under way. cut: gives its chunks. outputs: what the model answers to them."""

    index: int
    item: Any
    cut: Cut
    outputs: list[Any] = field(default_factory=list)
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


class Window(NamedTuple):
    """Items that began, and chunks to compute. whole: whether all that waits is to be computed now."""

    slots: list[Slot]
    pieces: list[Piece]
    whole: bool


class Reader:
    """Reads items, cuts them into chunks, and hands out windows, with threads also parts of them.

    patient: whether reading ahead is harmless because the source is all there. soon: whether results are wanted as they
    come. ready: whether the source has another item at once. threads: how many cut items ahead; 0 where it is done
    between the batches.
    """

    def __init__(
        self,
        items: Iterable[Any],
        cut: Callable[[Any], Iterator[Chunk]],
        limits: Limits,
        *,
        patient: bool,
        soon: bool = False,
        ready: Callable[[], bool] | None = None,
        threads: int = 0,
    ) -> None:
        self.source, self.cut, self.patient, self.ready = enumerate(items), cut, patient, ready
        start = limits.batch_size or 1
        self.first = max(limits.window, start) if patient and not soon else start
        self.limit, self.singles = self.first, 0
        self.slots: list[Slot] = []
        self.pieces: list[Piece] = []
        self.limits, self.begun, self.held, self.size = limits, 0, 0, 0
        self.waited, self.error = False, None
        self.ahead: deque[Slot] = deque()
        self.threads, self.pool = threads, None

    def __iter__(self) -> Iterator[Window]:
        try:
            yield from self._windows()
        finally:
            if self.pool is not None:
                self.pool.shutdown(wait=False, cancel_futures=True)

    def _windows(self) -> Iterator[Window]:
        for slot in self._slots():
            self.slots.append(slot)
            self.begun += 1
            for piece in self._pieces(slot):
                # Only once there is one more, so that an item whose last piece fills a window is complete with it.
                if self.held >= max(self.limit, FIRST_WINDOW) or self._heavy:
                    yield self._window()
                self.pieces.append(piece)
                self.held += 1
                self.size += piece.chunk.size
            if self.waited or self._heavy or self.begun >= self.limit or not self._has_more:
                yield self._window()
            elif self.pool is not None:
                yield self._part(whole=False)
        if self.slots or self.held:
            yield self._window()

    @property
    def _heavy(self) -> bool:
        return self.size >= WINDOW_BATCHES * self.limits.budget

    @property
    def _has_more(self) -> bool:
        return bool(self.ahead) or self.ready is None or self.ready()

    def _window(self) -> Window:
        self.begun, self.held, self.size = 0, 0, 0
        if self.waited:
            self.limit, self.singles, self.waited = self.first, SINGLES, False
        elif self.singles:
            self.singles -= 1
        else:
            self.limit = min(2 * self.limit, max(LAST_WINDOW, self.first))
        return self._part(whole=True)

    def _part(self, *, whole: bool) -> Window:
        slots, pieces, self.slots, self.pieces = self.slots, self.pieces, [], []
        return Window(slots, [piece for piece in pieces if piece.slot.failure is None], whole)

    def _slots(self) -> Iterator[Slot]:
        open_ = True
        while True:
            while open_ and (not self.ahead or self._may_read_on):
                slot = self._next()
                if slot is None:
                    open_ = False
                else:
                    self.ahead.append(slot)
            if not self.ahead:
                return
            yield self.ahead.popleft()

    @property
    def _may_read_on(self) -> bool:
        """Whether another item can be read ahead, at once."""
        if not self.threads or len(self.ahead) >= AHEAD:
            return False
        return self.patient if self.ready is None else self.ready()

    def _next(self) -> Slot | None:
        wall, busy = time.perf_counter(), time.thread_time()
        try:
            index, item = next(self.source)
        except StopIteration:
            return None
        except Exception as error:  # the source's own: what was read before it still counts
            self.error = error
            return None
        if not self.patient:
            self.waited = time.perf_counter() - wall - (time.thread_time() - busy) > WAITED
        return Slot(index, item, self._begin(item))

    def _begin(self, item: Any) -> Cut:
        """Has an item cut by a thread. The first one is cut when it is asked for: it may be the only one."""
        if not (self.threads and (self.ahead or self.pool is not None)):
            return partial(self.cut, item)
        if self.pool is None:
            self.pool = ThreadPoolExecutor(self.threads, "nbpipes-reader")
        return self.pool.submit(lambda: list(self.cut(item))).result

    def _pieces(self, slot: Slot) -> Iterator[Piece]:
        try:
            for place, chunk in enumerate(slot.cut()):
                slot.outputs.append(None)
                slot.missing += 1
                yield Piece(slot, place, chunk)
        except Exception as error:
            slot.failure = error, "preprocess"
        slot.open = False


class Gathering:
    """The chunks that wait to be computed."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: dict[Any, list[Piece]] = {}

    def batches(self, window: Window) -> Iterator[list[Piece]]:
        """Adds a window; gives batches of one group each: those that are full, after a whole window all of them."""
        touched: dict[Any, list[Piece]] = {}
        for piece in window.pieces:
            touched[piece.chunk.group] = self.waiting.setdefault(piece.chunk.group, [])
            touched[piece.chunk.group].append(piece)
        if window.whole:
            groups, self.waiting = self.waiting, {}
            for group in groups.values():
                yield from batches(group, self.limits)
            return
        for group in touched.values():
            while count := self._full(group):
                full = group[:count]
                del group[:count]
                yield full

    def _full(self, group: Sequence[Piece]) -> int:
        """How many of the first chunks make a full batch, 0 where it could take one more like the last of them."""
        total, most = 0, self.limits.batch_size
        for count, piece in enumerate(group, 1):
            size = piece.chunk.size
            if count > 1 and total + size > self.limits.budget:
                return count - 1
            total += size
            if total + size > self.limits.budget or count == most:
                return count
        return 0


def batches(group: list[Piece], limits: Limits) -> Iterator[list[Piece]]:
    """Cuts chunks of one group into batches: the longest first, neighbours of about equal size."""
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
    if batch:
        yield batch
