"""What happens while items are computed. Calls, progress bars, widgets, jobs and stores all read these events."""

from dataclasses import dataclass
from typing import Any, Literal

Stage = Literal["read", "preprocess", "forward", "postprocess"]


@dataclass(frozen=True, slots=True)
class Started:
    """An item was read from the source."""

    index: int
    item: Any


@dataclass(frozen=True, slots=True)
class Batched:
    """A batch went through the model: chunks and their total size, seconds it took. Follows the items it completed."""

    chunks: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Partial:
    """What there is of an item that is being written: all of its new text so far. share: how much of the item has been
    read by now, from 0 to 1, where that is known."""

    index: int
    text: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An item has its result. Done and Failed come in the order of the items, unless that was not asked for."""

    index: int
    item: Any
    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """An item has no result; `stage` says where it failed."""

    index: int
    item: Any
    error: Exception
    stage: Stage


@dataclass(frozen=True, slots=True)
class Tuned:
    """Batches are computed in another way from now on: the total size of their chunks at most, and what changed why."""

    size: int
    why: str


Event = Started | Batched | Partial | Done | Failed | Tuned
