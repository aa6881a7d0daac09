"""Where a job puts its results: in memory, within bounds, or in what implements `Shelf` on disk."""

import threading
from collections.abc import Iterator
from typing import Any, Protocol

from nbpipes.errors import InputError
from nbpipes.results.failures import Failure

HELD = 100_000
"""Results in memory at most, where the source does not say how many items it has."""
PORTION = 256
"""Results that are read at once."""

Entry = tuple[int, Any, Any]
"""A row, its result or Failure, and its item if that is at hand, else None."""


class Shelf(Protocol):
    """What a job needs to put results away and to find them again. One thread writes, others read."""

    ordered: bool
    """Whether results have to come in the order of the rows."""

    def open(self) -> None:
        """Makes ready for adding, as its only writer."""
        ...

    def check(self, source: Iterator[Any]) -> Iterator[Any]:
        """The items of a source, once it is sure that the source may be put here."""
        ...

    def wants(self, position: int, item: Any) -> int | None:
        """The row of an item of the source, None if its result is there already."""
        ...

    def add(self, row: int, item: Any, result: Any) -> None: ...
    def fail(self, failure: Failure) -> None: ...

    def commit(self) -> None:
        """From here on what was added can be read, and stays."""
        ...

    def room(self) -> bool:
        """Whether more can be added now."""
        ...

    def after(self, row: int) -> list[Entry]:
        """The next few entries from `row` on, without a gap."""
        ...

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of the rows."""
        ...

    def failures(self) -> list[Failure]: ...

    def close(self) -> None:
        """Nothing more is added; reading goes on."""
        ...


class Held:
    """Results in memory. limit: how many at most; then those that were read leave, or the job waits for a reader."""

    ordered = True

    def __init__(self, limit: int | None = None) -> None:
        self.limit, self.dropped = limit, 0
        self._entries: dict[int, Entry] = {}
        self._failures: dict[int, Failure] = {}
        self._new: list[Entry] = []
        self._lock = threading.Lock()
        self._read = 0

    def open(self) -> None:
        pass

    def check(self, source: Iterator[Any]) -> Iterator[Any]:
        return source

    def wants(self, position: int, item: Any) -> int | None:
        return position

    def add(self, row: int, item: Any, result: Any) -> None:
        self._new.append((row, result, item))

    def fail(self, failure: Failure) -> None:
        self._new.append((failure["index"], failure, failure.source))

    def commit(self) -> None:
        with self._lock:
            for entry in self._new:
                row, value, _ = entry
                self._entries[row] = entry
                if isinstance(value, Failure):
                    self._failures[row] = value
                else:
                    self._failures.pop(row, None)
        self._new.clear()

    def room(self) -> bool:
        if self.limit is None or len(self._entries) < self.limit:
            return True
        with self._lock:
            for row in [row for row in self._entries if row < self._read]:
                del self._entries[row]
                self._failures.pop(row, None)
                self.dropped += 1
        return len(self._entries) < self.limit

    def after(self, row: int) -> list[Entry]:
        with self._lock:
            if row < self.dropped:
                raise InputError(f"the first {self.dropped:,} results were read and dropped; keep all with sink=")
            found = []
            while len(found) < PORTION and (entry := self._entries.get(row)) is not None:
                found.append(entry)
                row += 1
            self._read = max(self._read, row)
        return found

    def entries(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries.values()))

    def failures(self) -> list[Failure]:
        with self._lock:
            return list(self._failures.values())

    def close(self) -> None:
        pass
