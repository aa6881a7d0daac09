"""A run without a database, for network file systems: its files are its list of what is there.

Each file holds a range of rows, which its name tells, and appears whole or not at all. Up to a file's rows are computed
again after a crash.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nbpipes.results.failures import Failure
from nbpipes.store import tables
from nbpipes.store.codec import decode, encode, short_json
from nbpipes.store.lease import Lease
from nbpipes.store.ledger import Key, Ledger

MANIFEST, FOLDER = "run.json", "shards"
ROWS, SECONDS = 1024, 30.0
"""Rows of a file, and seconds after which a smaller one is written."""

Entry = tuple[int, Any, Any]


class ShardReader:
    """The results of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache: tuple[Any, list[tables.Row]] = None, []

    def files(self) -> list[tuple[int, int, Path]]:
        """First row, row after the last one, and path of each file, in order."""
        found = []
        for file in (self.path / FOLDER).glob("*-*.*"):
            first, _, rest = file.name.partition("-")
            if not file.name.endswith(".tmp"):
                found.append((int(first), int(rest.partition(".")[0]), file))
        return sorted(found)

    def after(self, row: int) -> list[Entry]:
        """The next few entries from `row` on."""
        for first, end, file in self.files():
            if first <= row < end:
                return [_entry(one) for one in self._read(file) if one.row >= row]
        return []

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of the rows."""
        for _, _, file in self.files():
            yield from map(_entry, tables.read(file))

    def failures(self) -> list[Failure]:
        """The rows that failed."""
        return [value for _, value, _ in self.entries() if isinstance(value, Failure)]

    def keys(self) -> dict[int, str]:
        """The keys of the rows, where the run has a key."""
        rows = (one for _, _, file in self.files() for one in tables.read(file))
        return {one.row: one.key for one in rows if one.key is not None}

    def counts(self) -> dict[str, int]:
        """How many rows have a result, and how many failed."""
        failed, rows = len(self.failures()), sum(end - first for first, end, _ in self.files())
        return {"done": rows - failed, "failed": failed}

    def described(self) -> dict[str, Any]:
        """What the results depend on."""
        return json.loads((self.path / MANIFEST).read_text("utf-8"))

    def _read(self, file: Path) -> list[tables.Row]:
        mark = file, file.stat().st_mtime_ns
        if self._cache[0] != mark:
            self._cache = mark, tables.read(file)
        return self._cache[1]


class ShardStore(ShardReader):
    """The writer of a run. about: what the results depend on. key: by which items are known again, None = by row."""

    ordered = True

    def __init__(self, path: Path, about: dict[str, Any], key: Key = None) -> None:
        super().__init__(path)
        self.about, self.key, self.lease = about, key, Lease(path)
        self._new: list[tables.Row] = []
        self._ledger: Ledger
        self._end = 0
        self._written = time.monotonic()

    def open(self) -> None:
        """Takes the lease and reads what is there; StoreError if another process has it."""
        self.lease.take()
        (self.path / FOLDER).mkdir(exist_ok=True)
        for leftover in (self.path / FOLDER).glob("*.tmp"):
            leftover.unlink()
        scratch = self.path / f"{MANIFEST}.tmp"
        scratch.write_text(json.dumps(self.about), encoding="utf-8")
        scratch.replace(self.path / MANIFEST)
        there = [(one.row, one.hash) for _, _, file in self.files() for one in tables.read(file)]
        rows, hashes = np.array(there, np.int64).reshape(-1, 2).T
        self._ledger = Ledger(self.key, rows, hashes, set(hashes.tolist()).__contains__)
        self._end = len(rows)

    def close(self) -> None:
        """Writes the rest, and gives the lease back."""
        try:
            self._write()
        finally:
            self.lease.give_back()

    def check(self, source: Iterator[Any]) -> Iterator[Any]:
        """The items of a source, once the first of them are known to be those of this run."""
        return self._ledger.check(source)

    def wants(self, position: int, item: Any) -> int | None:
        """The row of an item, None if its result is there."""
        return self._ledger.wants(position, item)

    def add(self, row: int, item: Any, result: Any) -> None:
        """A row has its result."""
        self._new.append(tables.Row(row, *self._ledger.settle(row, item), encode(result)))

    def fail(self, failure: Failure) -> None:
        """A row has none."""
        row, item = failure["index"], failure.source
        about = encode({**failure, "item": short_json(item)})
        self._new.append(tables.Row(row, *self._ledger.settle(row, item), None, about))

    def room(self) -> bool:
        """There is always room."""
        return True

    def commit(self) -> None:
        """Writes a file where enough has gathered, or enough time has passed."""
        if len(self._new) >= ROWS or time.monotonic() - self._written > SECONDS:
            self._write()

    def _write(self) -> None:
        rows, self._new = self._new, []
        self._written = time.monotonic()
        self._replace([row for row in rows if row.row < self._end])
        fresh = [row for row in rows if row.row >= self._end]
        for start in range(0, len(fresh), ROWS):
            part = fresh[start : start + ROWS]
            tables.write(self.path / FOLDER / f"{part[0].row:012}-{part[-1].row + 1:012}", part)
            self._end = part[-1].row + 1

    def _replace(self, rows: list[tables.Row]) -> None:
        """Puts rows in the place of those of the same number."""
        for first, end, file in self.files():
            own = {row.row: row for row in rows if first <= row.row < end}
            if own:
                held = [own.get(old.row, old) for old in tables.read(file)]
                written = tables.write(file.with_name(f"{first:012}-{end:012}"), held)
                if written != file:  # it was of the other format
                    file.unlink()


def _entry(row: tables.Row) -> Entry:
    if row.error is None:
        return row.row, decode(row.result or "null"), None
    values = json.loads(row.error)
    item = values.pop("item")
    source = None if item is None else json.loads(item)
    return row.row, Failure.read(values, source), source
