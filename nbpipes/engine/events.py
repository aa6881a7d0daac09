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
    """A batch went through the model: chunks and their total size, seconds it took."""

    chunks: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """An item has its result. Done and Failed come in the order of the items."""

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


Event = Started | Batched | Done | Failed
