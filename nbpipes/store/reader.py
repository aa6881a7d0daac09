"""Reading a run in a folder, also while another process writes it."""

import heapq
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nbpipes.results.failures import Failure
from nbpipes.store import tables
from nbpipes.store.codec import decode

DATABASE, SHARDS = "run.db", "shards"
PORTION = 1024
"""Rows that are read at once."""
REACH = 4096 + PORTION
"""How far behind a row the last row of a chunk with it can be."""
FAILED = "select row, stage, type, message, item from errors"

Entry = tuple[int, Any, Any]
"""A row, its result or Failure, and its item, which a run does not keep unless it failed."""


class Reader:
    """The results of a run. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache: tuple[str, list[tables.Row]] = "", []

    def begun(self) -> bool:
        """Whether the database has its tables; a process that was killed at once leaves it without."""
        with self._reading() as db:
            return db.execute("select 1 from sqlite_master where name = 'chunks'").fetchone() is not None

    def after(self, row: int) -> list[Entry]:
        """The next few entries from `row` on, without a gap."""
        found: dict[int, Entry] = {}
        with self._reading() as db:
            chunks = db.execute("select * from chunks where last between ? and ?", [row, row + REACH]).fetchall()
            for chunk in chunks:
                found |= {one.row: _entry(one) for one in load(self.path, "chunks", chunk) if one.row >= row}
            for shard in db.execute("select * from shards where last >= ? and first <= ?", [row, row + PORTION]):
                held = self._shard(shard)
                start = int(np.searchsorted(np.array([one.row for one in held]), row))
                found |= {one.row: _entry(one) for one in held[start : start + PORTION]}
            failed = db.execute(f"{FAILED} where row between ? and ?", [row, row + PORTION])
            found |= {one[0]: _failed(one) for one in failed}
        return list(_unbroken(found, row))

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of the rows; what is committed meanwhile is not among them."""
        with self._reading() as db:
            sources = [(first, "chunks", number) for number, first in db.execute("select id, first from chunks")]
            sources += [(first, "shards", number) for number, first in db.execute("select id, first from shards")]
            waiting = [(row, _Later(value, item)) for row, value, item in map(_failed, db.execute(FAILED))]
            heapq.heapify(waiting)
            for first, table, number in sorted(sources):
                while waiting and waiting[0][0] < first:
                    row, later = heapq.heappop(waiting)
                    yield row, later.value, later.item
                segment = db.execute(f"select * from {table} where id = ?", [number]).fetchone()
                for one in load(self.path, table, segment):
                    heapq.heappush(waiting, (one.row, _Later(one.result, None, raw=True)))
            while waiting:
                row, later = heapq.heappop(waiting)
                yield row, later.value, later.item

    def failures(self) -> list[Failure]:
        """The rows that failed."""
        with self._reading() as db:
            return [_failed(one)[1] for one in db.execute(f"{FAILED} order by row")]

    def keys(self) -> dict[int, str]:
        """The keys of the rows, where the run has a key."""
        with self._reading() as db:
            found = {row: key for row, key in db.execute("select row, key from errors") if key is not None}
            for table in ("chunks", "shards"):
                for segment in db.execute(f"select * from {table}"):
                    found |= {one.row: one.key for one in load(self.path, table, segment) if one.key is not None}
        return found

    def counts(self) -> dict[str, int]:
        """How many rows have a result, and how many failed."""
        with self._reading() as db:
            held = "select (select coalesce(sum(n), 0) from chunks) + (select coalesce(sum(n), 0) from shards)"
            return {
                "done": db.execute(held).fetchone()[0],
                "failed": db.execute("select count(*) from errors").fetchone()[0],
            }

    def described(self) -> dict[str, Any]:
        """What the results depend on; empty for a run that holds nothing."""
        with self._reading() as db:
            found = db.execute("select value from meta where name = 'about'").fetchone()
        return json.loads(found[0]) if found else {}

    def _shard(self, shard: Sequence[Any]) -> list[tables.Row]:
        """The rows of a file; the one that was read last is kept, as readers ask for its rows in turn."""
        if self._cache[0] != shard[1]:
            self._cache = shard[1], load(self.path, "shards", shard)
        return self._cache[1]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(f"{(self.path / DATABASE).as_uri()}?mode=rw", uri=True, isolation_level=None)
        try:
            db.execute("pragma query_only=on")
            db.execute("begin")  # one state of the run, whatever is written meanwhile
            yield db
        finally:
            db.close()


class _Later:
    """A result that is read when its turn comes, and that a heap does not compare."""

    __slots__ = ("_value", "item", "raw")

    def __init__(self, value: Any, item: Any, raw: bool = False) -> None:
        self._value, self.item, self.raw = value, item, raw

    @property
    def value(self) -> Any:
        return decode(self._value) if self.raw else self._value

    def __lt__(self, other: "_Later") -> bool:
        return False


def load(path: Path, table: str, segment: Sequence[Any]) -> list[tables.Row]:
    """The rows of a chunk or of a shard, in order."""
    if table == "shards":
        return tables.read(path / SHARDS / segment[1])
    return list(unpacked(*segment[4:]))


def unpacked(rows: bytes, hashes: bytes, data: bytes) -> Iterator[tables.Row]:
    """The rows of a chunk."""
    keys, results = json.loads(zlib.decompress(data))
    numbers, own = np.frombuffer(rows, np.int64).tolist(), np.frombuffer(hashes, np.int64).tolist()
    return map(tables.Row, numbers, own, keys, results)


def _entry(row: tables.Row) -> Entry:
    return row.row, decode(row.result or "null"), None


def _failed(found: Sequence[Any]) -> Entry:
    row, stage, kind, message, item = found
    source = None if item is None else json.loads(item)
    return row, Failure.read({"index": row, "stage": stage, "type": kind, "message": message}, source), source


def _unbroken(found: dict[int, Entry], row: int) -> Iterator[Entry]:
    while row in found:
        yield found[row]
        row += 1
