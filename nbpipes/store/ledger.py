"""Which rows of an input are still wanted, and by what they are known again when the run is gone on with."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from nbpipes.errors import InputError, StoreError
from nbpipes.store.codec import item_hash

ENOUGH = 64
"""Rows that are compared before we say that this is another input."""

Key = str | Callable[[Any], Any] | None


class Ledger:
    """Tells the rows that are wanted from those that are there.

    Without a key a row is its position in the input, and is there if it is so with an equal item. With a key a row is
    there if its key is, wherever it stands; new ones get the next free numbers.
    rows, hashes: int64, of what is there. has_key: whether a key of that hash is there.
    """

    def __init__(self, key: Key, rows: np.ndarray, hashes: np.ndarray, has_key: Callable[[int], bool]) -> None:
        order = np.argsort(rows, kind="stable")
        self._rows, self._hashes = rows[order], hashes[order]
        self._key, self._has_key = key, has_key
        self._place, self._next = 0, int(rows.max()) + 1 if len(rows) else 0
        self._under_way: dict[int, tuple[int, str | None]] = {}
        self._asked: set[int] = set()
        self.stale: set[int] = set()
        """Rows that are there for an item that is another now."""

    def check(self, source: Iterator[Any]) -> Iterator[Any]:
        """The items of a source. StoreError if the first of them are not those that this run was begun with."""
        head = list(islice(source, min(ENOUGH, len(self._rows)) if self._key is None else 0))
        self._compare(head)
        return chain(head, source)

    def _compare(self, items: Sequence[Any]) -> None:
        first = self._rows < len(items)
        there = dict(zip(self._rows[first].tolist(), self._hashes[first].tolist(), strict=True))
        own = {row: item_hash(item) for row, item in enumerate(items) if row in there}
        changed = sum(bool(there[row] and found and found != there[row]) for row, found in own.items())
        if 2 * changed > len(own):
            raise StoreError(
                f"{changed} of the first {len(own)} rows are not those that this run was begun with: "
                "name another sink, pass resume='restart' to drop what is there, or key= if rows move"
            )

    def wants(self, position: int, item: Any) -> int | None:
        """The row of the item at a position, None if its result is there. Positions come in order."""
        if self._key is not None:
            return self._wants_key(key_of(self._key, item))
        own = item_hash(item)
        if self._is_there(position, own):
            return None
        self._under_way[position] = own, None
        return position

    def settle(self, row: int, item: Any) -> tuple[int, str | None]:
        """The hash and the key under which a row is written; those of one that is run again are made anew."""
        if row in self._under_way:
            return self._under_way.pop(row)
        key = key_of(self._key, item)
        return item_hash(item if key is None else key), key

    def written(self, rows: set[int], hashes: set[int]) -> None:
        """These rows are on the disk now."""
        self.stale -= rows
        self._asked -= hashes

    def _wants_key(self, key: str | None) -> int | None:
        own = item_hash(key)
        if own in self._asked or self._has_key(own):
            return None
        self._asked.add(own)
        row, self._next = self._next, self._next + 1
        self._under_way[row] = own, key
        return row

    def _is_there(self, row: int, own: int) -> bool:
        while self._place < len(self._rows) and self._rows[self._place] < row:
            self._place += 1
        if self._place >= len(self._rows) or self._rows[self._place] != row:
            return False
        changed = bool(own and self._hashes[self._place] and self._hashes[self._place] != own)
        if changed:
            self.stale.add(row)
        return not changed


def key_of(key: Key, item: Any) -> str | None:
    """The key of an item as text; InputError for an item without it."""
    if key is None:
        return None
    if callable(key):
        return str(key(item))
    try:
        return str(item[key])
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"an item has no {key!r}, which is the key of this run: {str(item)[:80]!r}") from error


def key_name(key: Key) -> str:
    """How a key is called in a run's description."""
    return str(getattr(key, "__qualname__", key)) if key is not None else ""
