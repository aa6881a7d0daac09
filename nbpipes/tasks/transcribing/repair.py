"""Times that only go forward, where a model's do not."""

from collections.abc import Sequence
from typing import Any


def repaired(chunks: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """The chunks with times that go forward only and end with the sound, after `seconds`.

    A time that is missing, or lies before the one it should follow, becomes that one; a missing end becomes the next
    start. "timestamp_ok" says whether a chunk has the times that the model gave.
    """
    found, latest = [], 0.0
    for place, chunk in enumerate(chunks):
        given = start, end = chunk["timestamp"]
        start = latest if start is None else min(max(start, latest), seconds)
        if end is None:
            end = next((one["timestamp"][0] for one in chunks[place + 1 :] if one["timestamp"][0] is not None), seconds)
        latest = min(max(start, end), seconds)
        found.append(chunk | {"timestamp": (start, latest), "timestamp_ok": given == (start, latest)})
    return found
