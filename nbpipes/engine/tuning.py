"""How large batches may be: as large as is fast, measured while running, and as memory allows.

Pure Python that is fed sizes and seconds, so that tests can play a machine to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from nbpipes.engine.events import Tuned

FIRST_WINDOW = 16
"""Items of a list that are read ahead at first: enough for full batches of most, and soon there."""
STEP = 1.5
"""From one size that is tried to the next."""
GAIN = 1.04
"""How much faster another size must be before it is taken: below that it is noise."""
SAMPLES = 5
"""Batches of each of two sizes that are compared, by their medians."""
WARM_UP = 3
"""Batches that are not measured: kernels are being prepared."""
FULL = 0.7
"""A batch tells about a size if it fills at least this part of it."""
PAUSE, LONGEST_PAUSE = 32, 1024
"""Full batches between two tries once both neighbours have lost; doubled each time."""
NARROW, WIDE = 8, 16
"""How far below and above the first size the search goes, as factors."""
CALM, LONGEST_CALM = 32, 4096
"""Full batches without a shortage after which a lowered ceiling rises; doubled by each shortage."""
PROVEN = 16
"""Batches of a size that went through, after which one shortage at that size does not count yet."""


@dataclass(slots=True)
class Sizes:
    """What a pipeline remembers from run to run. budget: the size that is fast; ceiling: what memory allows."""

    budget: int
    ceiling: int | None = None


class Limits:
    """How much may go into one forward, now.

    batch_size: chunks at most, None for as many as fit; may be set at any time. budget: their total size at most.
    tuned: whether the budget follows the measured speed, where no batch_size is given. sizes: those of earlier runs.
    window: items of a list that are read before the first forward.
    """

    def __init__(
        self,
        batch_size: int | None,
        budget: int,
        *,
        tuned: bool = False,
        sizes: Sizes | None = None,
        window: int = FIRST_WINDOW,
    ) -> None:
        self.batch_size, self.sizes, self.window = batch_size, sizes or Sizes(budget), window
        self._climber = Climber(self.sizes.budget, budget // NARROW or 1, budget * WIDE) if tuned else None
        self._proven, self._calm, self._patience = 0, 0, CALM
        self._struck = False

    @property
    def budget(self) -> int:
        """The total size of the chunks in one forward, at most."""
        climbing = self._climber is not None and self.batch_size is None
        size = self._climber.size if climbing and self._climber else self.sizes.budget
        return size if self.sizes.ceiling is None else min(size, self.sizes.ceiling)

    def worked(self, size: int, seconds: float) -> Tuned | None:
        """Learns from a batch that went through."""
        ceiling = self.sizes.ceiling
        if size >= FULL * self.budget:
            self._proven += 1
            if self._proven >= PROVEN:
                self._struck = False
        if ceiling is not None and ceiling < self.sizes.budget:
            return self._raised(ceiling, size)
        if self._climber is None or self.batch_size is not None:
            return None
        why = self._climber.measured(size, seconds)
        self.sizes.budget = self._climber.base
        return Tuned(self.sizes.budget, why) if why else None

    def ran_out(self, size: int, worked: int) -> Tuned | None:
        """Learns from a batch for which memory was short. worked: the largest part of it that went through, or 0."""
        if not self._struck and self._proven >= PROVEN:
            self._struck, self._proven = True, 0
            return Tuned(self.budget, f"memory was short once at {size:,}, which had worked: done again in parts")
        if not worked and (size <= self.budget and self._proven):
            return None  # one piece alone: the others have gone through in larger batches
        lowered = max(1, worked or size // 2)
        self.sizes.ceiling = lowered if self.sizes.ceiling is None else min(self.sizes.ceiling, lowered)
        self._proven, self._calm, self._patience = 0, 0, min(2 * self._patience, LONGEST_CALM)
        return Tuned(self.budget, f"memory was short at {size:,}")

    def _raised(self, ceiling: int, size: int) -> Tuned | None:
        self._calm += size >= FULL * ceiling
        if self._calm < self._patience:
            return None
        self._calm = 0
        grown = int(ceiling * STEP) + 1
        self.sizes.ceiling = None if grown >= self.sizes.budget else grown
        return Tuned(self.budget, f"memory sufficed for {self._patience} batches")


class Climber:
    """Finds the size at which most is done per second: tries a neighbour of `base` against it, and moves if it wins.

    The two take turns, batch by batch, so that a machine that gets busy or texts that get longer hit both alike.
    """

    def __init__(self, base: int, least: int, most: int) -> None:
        self.base, self.least, self.most = base, least, most
        self._rival: int | None = None
        self._up, self._lost = True, 0
        self._wait, self._pause = WARM_UP, PAUSE
        self._rates: dict[bool, list[float]] = {True: [], False: []}
        self._idle = 0

    @property
    def size(self) -> int:
        """The size for the next batch."""
        if self._rival is None or len(self._rates[True]) > len(self._rates[False]):
            return self.base
        return self._rival

    def measured(self, size: int, seconds: float) -> str:
        """Learns that so much took so long; says why `base` has moved, "" if it has not."""
        if self._rival is None:
            self._wait -= size >= FULL * self.base
            if self._wait <= 0:
                self._challenge()
            return ""
        asked = self.size
        if not FULL * asked <= size <= asked / FULL:
            self._idle += 1
            if self._idle > 8 * SAMPLES:  # the input does not fill batches of that size
                return self._decide(1.0)
            return ""
        self._rates[asked == self._rival].append(size / max(seconds, 1e-9))
        if min(map(len, self._rates.values())) < SAMPLES:
            return ""
        return self._decide(median(self._rates[True]) / median(self._rates[False]))

    def _challenge(self) -> None:
        rival = int(self.base * STEP) if self._up else int(self.base / STEP)
        self._rates, self._idle = {True: [], False: []}, 0
        if self.least <= rival <= self.most:
            self._rival = rival
        else:
            self._lose()

    def _decide(self, ratio: float) -> str:
        rival, self._rival = self._rival, None
        if ratio < GAIN or rival is None:
            self._lose()
            return ""
        old, self.base = self.base, rival
        self._lost, self._wait, self._pause = 0, 1, PAUSE
        return f"{ratio:.2f} × the speed of {old:,}"

    def _lose(self) -> None:
        self._up, self._lost, self._wait = not self._up, self._lost + 1, 1
        if self._lost >= 2:
            self._lost, self._wait = 0, self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
