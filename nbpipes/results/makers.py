"""The pipelines in memory, for views that ask the model again.

A result knows its model's name, not its pipeline: results are stored and sent around, pipelines are not.
"""

import threading
import weakref
from collections.abc import Mapping
from typing import Any

SAME = ("model", "revision", "device", "dtype")
"""What of a result's meta tells which model it is from."""

_makers: "weakref.WeakSet[Any]" = weakref.WeakSet()
_lock = threading.Lock()


def remember(pipe: Any) -> None:
    """Keep a pipeline in mind for as long as somebody else holds it."""
    with _lock:
        _makers.add(pipe)


def maker_of(task: str, meta: Mapping[str, Any]) -> Any:
    """A pipeline that gives results of a task by the model that `meta` tells; None where there is none any more."""
    with _lock:
        known = list(_makers)
    for pipe in known:
        if pipe.kind == task and all(pipe.meta.get(key) == meta.get(key) for key in SAME):
            return pipe
    return None
