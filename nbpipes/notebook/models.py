"""Pipelines that the magic has built, kept so that a second run of a cell does not load the model again."""

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbpipes.errors import InputError, nearest

PLAIN = (str, int, float, bool, bytes, type(None), Path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline in the cache. bytes: of its weights; seconds: to build it; uses: runs so far; busy: runs under way."""

    id: int
    task: str
    model: str
    revision: str
    device: str
    dtype: str
    bytes: int
    seconds: float
    uses: int
    busy: int


@dataclass(frozen=True, slots=True)
class Unloaded:
    """A pipeline that left the cache; freed: its memory is free, nothing else refers to it."""

    pipeline: Loaded
    freed: bool


@dataclass(eq=False, slots=True)
class _Entry:
    """One pipeline, or the place where a thread builds it while others wait for its lock."""

    id: int
    options: Mapping[str, Any]
    stamp: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    pipe: Any = None
    bytes: int = 0
    seconds: float = 0.0
    uses: int = 0
    busy: int = 0
    used_at: float = 0.0

    def loaded(self) -> Loaded:
        meta = getattr(self.pipe, "meta", {})
        return Loaded(
            self.id,
            task=str(getattr(self.pipe, "task", "") or self.options.get("task") or ""),
            model=str(meta.get("model") or self.options.get("model") or ""),
            revision=str(meta.get("revision") or ""),
            device=str(meta.get("device") or ""),
            dtype=str(meta.get("dtype") or ""),
            bytes=self.bytes,
            seconds=self.seconds,
            uses=self.uses,
            busy=self.busy,
        )


class Models:
    """A thread-safe cache of pipelines. Beyond a budget of bytes those least recently used leave, but none in use.

    build: makes a pipeline of the options that `use` gets. budget: bytes of weights to keep.
    """

    def __init__(self, build: Callable[[Mapping[str, Any]], Any], budget: int) -> None:
        self.build, self.budget = build, budget
        self._lock = threading.Lock()
        self._entries: dict[Any, _Entry] = {}
        self._count = 0

    @contextmanager
    def use(self, options: Mapping[str, Any]) -> Iterator[tuple[Any, float]]:
        """Give the pipeline of these options and the seconds that building it took just now, 0 if it was there.

        It stays in memory while the context is open. Several threads that ask for one pipeline build it once.
        """
        key = _frozen(options)
        entry = self._enter(key, options)
        try:
            seconds = self._ensure(entry)
            yield entry.pipe, seconds
        finally:
            self._leave(key, entry)

    def loaded(self) -> tuple[Loaded, ...]:
        """What is in the cache, the oldest first."""
        with self._lock:
            return tuple(entry.loaded() for entry in self._entries.values() if entry.pipe is not None)

    def unload(self, which: str = "all") -> tuple[Unloaded, ...]:
        """Forget pipelines, and free their memory unless something else holds them.

        which: "all", or the number, the model or the task that `loaded` shows. InputError if there is none such.
        """
        with self._lock:
            found = [key for key, entry in self._entries.items() if _fits(entry, which)]
            if not found and which != "all":
                known = [name for entry in self._entries.values() for name in _names(entry)]
                raise InputError(f"no loaded pipeline is called {which!r}{nearest(which, known)}")
            gone = [(e.loaded(), weakref.ref(e.pipe)) for e in (self._entries.pop(key) for key in found)]
        free_memory()
        return tuple(Unloaded(about, freed=ref() is None) for about, ref in gone)

    def _enter(self, key: Any, options: Mapping[str, Any]) -> _Entry:
        stamp = _stamp(options.get("model"))
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.stamp != stamp:  # the files of a folder have changed since
                self._count += 1
                entry = self._entries[key] = _Entry(self._count, options, stamp)
            entry.busy += 1
            return entry

    def _ensure(self, entry: _Entry) -> float:
        with entry.lock:
            if entry.pipe is not None:
                return 0.0
            start = time.perf_counter()
            entry.pipe = self.build(entry.options)
            entry.seconds = time.perf_counter() - start
            entry.bytes = weight_bytes(entry.pipe)
        self._trim()
        return entry.seconds

    def _leave(self, key: Any, entry: _Entry) -> None:
        with self._lock:
            entry.busy -= 1
            entry.uses += 1
            entry.used_at = time.monotonic()
            if entry.pipe is None and not entry.busy and self._entries.get(key) is entry:
                del self._entries[key]  # building it failed

    def _trim(self) -> None:
        """Forget the least recently used pipelines beyond the budget."""
        dropped = False
        with self._lock:
            total = sum(entry.bytes for entry in self._entries.values())
            idle = [k for k, entry in self._entries.items() if not entry.busy]
            for key in sorted(idle, key=lambda k: self._entries[k].used_at):
                if total <= self.budget:
                    break
                total -= self._entries.pop(key).bytes
                dropped = True
        if dropped:
            free_memory()


def weight_bytes(pipe: Any) -> int:
    """Bytes of the parameters and buffers of a pipeline's model."""
    model: Any = getattr(pipe, "model", None)
    if not hasattr(model, "parameters"):
        return 0
    return sum(t.nbytes for tensors in (model.parameters(), model.buffers()) for t in tensors)


def free_memory() -> None:
    """Collect cycles, and give memory that torch keeps for later back to the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _names(entry: _Entry) -> tuple[str, ...]:
    about = entry.loaded()
    return str(about.id), about.model, about.task


def _fits(entry: _Entry, which: str) -> bool:
    return entry.pipe is not None and (which == "all" or which in _names(entry))


def _frozen(value: Any) -> Any:
    """A key: equal for equal plain values of one type, else by identity (the entry keeps the object alive)."""
    if isinstance(value, Mapping):
        return dict, tuple(sorted((str(name), _frozen(inner)) for name, inner in value.items()))
    if isinstance(value, list | tuple):
        return list, tuple(_frozen(inner) for inner in value)
    return (type(value), value) if isinstance(value, PLAIN) else (object, id(value))


def _stamp(model: Any) -> int:
    """A number that changes when the files of a local model do."""
    if not isinstance(model, str | Path):
        return 0
    try:
        return hash(tuple(sorted((f.name, f.stat().st_mtime_ns) for f in Path(model).iterdir())))
    except (OSError, ValueError):  # not a folder
        return 0
