"""A run in a folder: a database that holds what came last, and files into which it is moved from time to time.

`run.db` (SQLite, write-ahead log) tells what is there. Every batch is one transaction, so that a process that is killed
leaves whole batches and nothing twice. Once enough rows have gathered they are written to a file in `shards`, and then,
in one transaction, listed and taken out of the database; a file that is not listed is a leftover and is removed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbpipes.results.failures import Failure
from nbpipes.store import tables
from nbpipes.store.codec import encode, short_json
from nbpipes.store.database import Database, Lost
from nbpipes.store.lease import Lease
from nbpipes.store.ledger import Key, Ledger
from nbpipes.store.reader import Reader

SEAL_ROWS, SEAL_BYTES = 65_536, 64 * 2**20
"""Rows and bytes in the database at which they move to a file."""


class SqliteStore(Reader):
    """The writer of a run. about: what the results depend on. key: by which items are known again, None = by row."""

    ordered = False

    def __init__(self, path: Path, about: dict[str, Any], key: Key = None) -> None:
        super().__init__(path)
        self.about, self.key = about, key
        self.lease = Lease(path)
        self._done: list[tables.Row] = []
        self._lost: list[Lost] = []
        self._db: Database
        self._ledger: Ledger

    def open(self) -> None:
        """Takes the lease and reads what is there; StoreError if another process has it."""
        self.lease.take()
        try:
            self._db = Database(self.path, self.about)
            self._ledger = Ledger(self.key, *self._db.known(), self._db.has_key)
        except BaseException:
            self.lease.give_back()
            raise

    def close(self) -> None:
        """Gives the lease back."""
        self._db.close()
        self.lease.give_back()

    def check(self, source: Iterator[Any]) -> Iterator[Any]:
        """The items of a source, once the first of them are known to be those of this run."""
        return self._ledger.check(source)

    def wants(self, position: int, item: Any) -> int | None:
        """The row of an item, None if its result is there."""
        return self._ledger.wants(position, item)

    def add(self, row: int, item: Any, result: Any) -> None:
        """A row has its result."""
        self._done.append(tables.Row(row, *self._ledger.settle(row, item), encode(result)))

    def fail(self, failure: Failure) -> None:
        """A row has none."""
        row, item = failure["index"], failure.source
        about = failure["stage"], failure["type"], failure["message"]
        self._lost.append(Lost(row, *self._ledger.settle(row, item), *about, short_json(item)))

    def room(self) -> bool:
        """There is always room."""
        return True

    def commit(self) -> None:
        """Writes what was added: from here on it stays."""
        if not (self._done or self._lost):
            return
        rows = {row.row for row in (*self._done, *self._lost)}
        hashes = {row.hash for row in (*self._done, *self._lost)}
        self._db.write(self._done, self._lost, rows & self._ledger.stale, self.key is not None)
        self._ledger.written(rows, hashes)
        self._done, self._lost = [], []
        if tables.has_parquet() and (self._db.rows >= SEAL_ROWS or self._db.bytes >= SEAL_BYTES):
            self._db.seal()
