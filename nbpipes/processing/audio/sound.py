"""A sound that is read as it is needed: an hour of it never lies in memory at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nbpipes.errors import InputError

Samples = NDArray[np.float32]
"""`(samples,)` of one channel, from -1 to 1."""


class Sound:
    """Samples of one channel at `rate`, read from the beginning to the end, once.

    blocks: the samples, in pieces of any size. name: what messages call it. seconds: how long it is, as far as its
    header tells that. stride: how many samples at its start and end only give context. extras: what else a dict held.
    close: what frees the file. `downloaded` is the file, where it came from the network.
    """

    def __init__(
        self,
        blocks: Iterable[Samples],
        rate: int,
        *,
        name: str = "the sound",
        seconds: float | None = None,
        stride: tuple[int, int] | None = None,
        extras: Mapping[str, Any] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.rate, self.name, self.seconds = rate, name, seconds
        self.stride, self.extras = stride, dict(extras or {})
        self.downloaded: bytes | None = None
        self._blocks, self._close = iter(blocks), close
        self._held: list[Samples] = []
        self._count, self._total = 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the file; what was not read is lost."""
        if self._close is not None:
            self._close()
        self._close, self._blocks = None, iter(())

    @property
    def total(self) -> int:
        """Samples that have come by now; at the end, all there are."""
        return self._total

    def read(self, count: int) -> Samples:
        """The next `count` samples; fewer at the end, none after it.

        InputError where the sound is damaged, has no samples at all, or holds values that are no finite numbers.
        """
        while self._count < count:
            block = next(self._blocks, None)
            if block is None:
                self._ended()
                break
            if not np.isfinite(block).all():
                raise InputError(f"{self.name} holds values that are no finite numbers")
            self._held.append(block)
            self._count += len(block)
            self._total += len(block)
        return self._taken(min(count, self._count))

    def longer(self, seconds: float) -> bool:
        """Whether more than so many seconds are left. They are read, but stay to be read."""
        count = int(seconds * self.rate) + 1
        found = self.read(count)
        self._held, self._count = [found, *self._held], self._count + len(found)
        return len(found) == count

    def all(self, limit: float | None = None) -> Samples:
        """The samples that are left. limit: seconds; InputError for more."""
        if limit is not None and self.longer(limit):
            raise InputError(f"{self.name} is longer than the {limit:g} s that can be heard at once")
        return np.concatenate([np.zeros(0, np.float32), *self.blocks(self.rate * 60)])

    def blocks(self, count: int) -> Iterator[Samples]:
        """Pieces of `count` samples, the last one shorter."""
        while len(block := self.read(count)):
            yield block

    def windows(self, length: int, step: int) -> Iterator[tuple[Samples, bool]]:
        """Windows of `length` samples that begin `step` samples after each other, and whether each is the last one:
        it reaches the end of the sound, and may be shorter."""
        window, last = self.read(length), False
        while not last:
            after = self.read(step)
            last = len(after) == 0
            yield window, last
            window = np.concatenate([window[step:], after])

    def _taken(self, count: int) -> Samples:
        if not count:
            return np.zeros(0, np.float32)
        samples = self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
        self._held = [samples[count:]] if count < len(samples) else []
        self._count -= count
        return samples[:count]

    def _ended(self) -> None:
        self.close()
        if not self._total:
            raise InputError(f"{self.name} has no samples, so there is nothing to hear")
