"""Memory: which errors mean that there was too little of it, how to free it, how much is in use."""

import ctypes
import gc
import sys
import traceback
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

import torch

SHORTAGE = (
    "out of memory",  # CUDA, MPS, XPU, HIP
    "can't allocate memory",  # torch's allocator in main memory
    "cannot allocate memory",
    "not enough memory",  # the same on Windows
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory ran out, so that a smaller batch may go through."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SHORTAGE)


def release(error: BaseException) -> None:
    """Lets go of what the frames of a failed run hold, and gives memory that torch keeps for later back."""
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


class Tidier:
    """Gives the free pages between what is in use back to the system when they add up, where the C library can (glibc).

    Activations of many sizes leave gaps in the heap that the next ones do not fit: over 1,500 texts of natural lengths
    a small model's process grew by 340 MB. Tidying takes 3 to 15 ms, but whatever the next forwards need must be asked
    for and zeroed anew; every two seconds, this took 5 % of the time of a large model. So a look tells what the work
    holds by itself, and the heap is tidied when more has been added to it. After a pause it is asked anew: what others
    have left in the heap meanwhile is not the work's. interval: seconds of computing between looks. slack: bytes that
    may be added. pause: seconds.
    """

    def __init__(self, interval: float = 2.0, slack: int = 64 << 20, pause: float = 5.0) -> None:
        self.interval, self.slack, self.pause = interval, slack, pause
        self.computed, self.ended = 0.0, monotonic()
        self.held: int | None = None

    def worked(self, seconds: float) -> None:
        """Says that a forward took so long and has just ended."""
        before, self.ended = self.ended, monotonic()
        if self.ended - seconds - before > self.pause:
            self.held = None
        self.computed += seconds
        if self.computed < self.interval or (trim := _trim()) is None:
            return
        self.computed = 0.0
        now = in_use(torch.device("cpu")) or 0
        if self.held is None:
            self.held = now
        elif now > self.held + self.slack:
            trim(0)
            self.held = None


@lru_cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None


tidier = Tidier()
"""The one of this process: there is one heap."""


def in_use(device: torch.device) -> int | None:
    """Bytes that tensors take on a GPU, or that this process takes in main memory; None where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    if not sys.platform.startswith("linux"):
        return None
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * 4096
