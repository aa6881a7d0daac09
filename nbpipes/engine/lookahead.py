"""Reads a source in a thread of its own, a bounded way ahead of what is computed."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

AHEAD = 1024
"""Items that are read before anybody has asked for them, at most."""


class Lookahead:
    """The items of a source, which a thread reads while others are computed.

    A source that fails raises its error here, after the items that it gave. `close` ends the iteration at once; a
    thread that hangs in the source ends with it.
    """

    def __init__(self, source: Iterable[Any], ahead: int = AHEAD) -> None:
        self._source, self._ahead = source, ahead
        self._read: deque[Any] = deque()
        self._own: deque[Any] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = self._closed = False
        self._thread = threading.Thread(target=self._run, name="nbpipes-reader", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._own:
            self._fetch()
        return self._own.popleft()

    def ready(self) -> bool:
        """Whether the next item, or the end, is there already."""
        return bool(self._own or self._read) or self._ended or self._closed

    @property
    def depth(self) -> int:
        """Items that are read and not yet taken."""
        return len(self._own) + len(self._read)

    def close(self) -> None:
        """No more items."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fetch(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._read or self._ended or self._closed)
            if self._closed:
                raise StopIteration
            # All at once: one lock for many items.
            self._own, self._read = self._read, self._own
            self._changed.notify_all()
        if not self._own:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            raise StopIteration

    def _run(self) -> None:
        try:
            for item in self._source:
                if not self._put(item):
                    return
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, item: Any) -> bool:
        with self._changed:
            if len(self._read) >= self._ahead:
                self._changed.wait_for(lambda: self._closed or len(self._read) < self._ahead)
            self._read.append(item)
            if len(self._read) == 1:
                self._changed.notify_all()
            return not self._closed
