"""The database of a run: what came last, and the list of the files into which earlier rows have been moved."""

import json
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nbpipes.errors import StoreError
from nbpipes.store import reader, tables

SPAN = 4096
"""From the first to the last row of a chunk, at most: so that few have to be looked at for a row."""
SCHEMA = """
create table if not exists meta (name text primary key, value text) without rowid;
create table if not exists chunks (
    id integer primary key, first integer, last integer, n integer, rows blob, hashes blob, data blob);
create index if not exists chunks_last on chunks (last);
create table if not exists shards (
    id integer primary key, name text, first integer, last integer, n integer, rows blob, hashes blob);
create table if not exists errors (
    row integer primary key, hash integer, key text, stage text, type text, message text, item text);
create table if not exists keys (hash integer primary key) without rowid;
"""
CHUNK = "insert into chunks (first, last, n, rows, hashes, data) values (?, ?, ?, ?, ?, ?)"
SHARD = "insert into shards (first, last, n, rows, hashes, name) values (?, ?, ?, ?, ?, ?)"
ERROR = "insert or replace into errors values (?, ?, ?, ?, ?, ?, ?)"


class Lost(NamedTuple):
    """A row of the table of errors."""

    row: int
    hash: int
    key: str | None
    stage: str
    type: str
    message: str
    item: str | None


class Database:
    """Writes chunks of rows, one transaction for each batch. Used by one thread at a time.

    rows, bytes: what is in it, and not in files.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.rows = self.bytes = 0
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path / reader.DATABASE, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")  # what is committed outlives the process, not a power cut
        self._db.executescript(f"begin immediate; {SCHEMA} commit;")  # all tables or none, whenever we are killed
        self._db.execute("insert or ignore into meta values ('about', ?)", [json.dumps(about)])
        size = "select coalesce(sum(n), 0), coalesce(sum(length(data)), 0) from chunks"
        self.rows, self.bytes = self._db.execute(size).fetchone()
        self._remove_leftovers()

    def close(self) -> None:
        """Writes no more."""
        with self._lock:
            self._db.close()

    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows that are there and the hashes of their items."""
        tables_ = self._db.execute("select rows, hashes from chunks union all select rows, hashes from shards")
        failed = self._db.execute("select row, hash from errors").fetchall()
        numbers, hashes = [np.array(column, np.int64) for column in zip(*failed, strict=True)] or [[], []]
        parts = [(np.frombuffer(r, np.int64), np.frombuffer(h, np.int64)) for r, h in tables_]
        parts.append((np.asarray(numbers, np.int64), np.asarray(hashes, np.int64)))
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([hashes for _, hashes in parts])

    def has_key(self, hash: int) -> bool:
        """Whether a row with a key of that hash is there."""
        return self._db.execute("select 1 from keys where hash = ?", [hash]).fetchone() is not None

    def write(self, done: list[tables.Row], lost: list[Lost], stale: set[int], keyed: bool) -> None:
        """Writes rows with results and rows without, in place of what was there for them, in one transaction.

        stale: those of them that may be there with a result.
        """
        with self._transaction():
            files = self._forget(stale)
            self._db.executemany("delete from errors where row = ?", [(row.row,) for row in done])
            for part in _parts(done):
                self._insert(part)
            self._db.executemany(ERROR, lost)
            if keyed:
                hashes = [(row.hash,) for row in (*done, *lost)]
                self._db.executemany("insert or ignore into keys values (?)", hashes)
        for file in files:
            file.unlink(missing_ok=True)

    def seal(self) -> None:
        """Moves the rows to a file, which appears whole before it is listed."""
        found = self._db.execute("select id, rows, hashes, data from chunks").fetchall()
        rows = sorted(row for _, *chunk in found for row in reader.unpacked(*chunk))
        self.rows = self.bytes = 0
        if not rows:
            return
        number = self._db.execute("select coalesce(max(id), 0) + 1 from shards").fetchone()[0]
        stem = self.path / reader.SHARDS / f"{rows[0].row:012}-{rows[-1].row + 1:012}-{number}"
        name = tables.write(stem, rows).name
        with self._transaction():
            self._db.execute(SHARD, [*_extent(rows), name])
            self._db.executemany("delete from chunks where id = ?", [(one[0],) for one in found])

    def _insert(self, rows: list[tables.Row]) -> None:
        columns = [[row.key for row in rows], [row.result for row in rows]]
        data = zlib.compress(json.dumps(columns, ensure_ascii=False).encode(), 1)
        self._db.execute(CHUNK, [*_extent(rows), data])
        self.rows += len(rows)
        self.bytes += len(data)

    def _forget(self, rows: set[int]) -> list[Path]:
        """Takes rows out; gives the files that are of no use after that."""
        gone: list[Path] = []
        if not rows:
            return gone
        for table in ("chunks", "shards"):
            overlapping = f"select * from {table} where last >= ? and first <= ?"
            for segment in self._db.execute(overlapping, [min(rows), max(rows)]).fetchall():
                held = reader.load(self.path, table, segment)
                left = [row for row in held if row.row not in rows]
                if len(left) == len(held):
                    continue
                self._db.execute(f"delete from {table} where id = ?", [segment[0]])
                if table == "shards":
                    gone.append(self.path / reader.SHARDS / segment[1])
                for part in _parts(left):
                    self._insert(part)
        return gone

    def _remove_leftovers(self) -> None:
        """Files that a killed process wrote and did not come to list."""
        folder = self.path / reader.SHARDS
        folder.mkdir(exist_ok=True)
        listed = {name for (name,) in self._db.execute("select name from shards")}
        for file in folder.iterdir():
            if file.name not in listed:
                file.unlink()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("begin immediate")
                yield
                self._db.execute("commit")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    self._db.execute("rollback")
                if isinstance(error, sqlite3.Error):
                    raise StoreError(f"cannot write to {self.path}: {error}") from error
                raise


def _parts(rows: Iterable[tables.Row]) -> Iterator[list[tables.Row]]:
    """Rows in order, cut where they lie far apart."""
    part: list[tables.Row] = []
    for row in sorted(rows, key=lambda row: row.row):
        if part and row.row - part[0].row >= SPAN:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _extent(rows: list[tables.Row]) -> tuple[int, int, int, bytes, bytes]:
    numbers, hashes = (np.array(column, np.int64).tobytes() for column in list(zip(*rows, strict=True))[:2])
    return rows[0].row, rows[-1].row, len(rows), numbers, hashes
