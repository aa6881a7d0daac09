"""The view of the labels of a sound (audio-classification): a player, and scores of the whole sound or over time."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display.transcript import clock
from nbpipes.results.sounds import rate_of
from nbpipes.results.speech import times_of
from nbpipes.widgets import playing
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, score, text


class Sounds(playing.SoundView):
    """A sound with its labels: those of windows are lanes below it. selected: of the result's entries."""

    name: ClassVar[str] = "sounds"
    _esm = Unicode(bundle("sounds")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The labels, each with its score, and with its time where it is of a window."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws: the sound, and the entries of the result.

    windows: from when to when each is, in seconds; none where the labels are of the whole sound. entries: of each kind
    of fact a list: the number of its label among `labels`, its score, and the number of its window.
    """
    entries = parts_of(value)
    shown = entries[:ENTRIES]
    names = [text(str(entry.get("label")), 200) for entry in shown]
    labels = {name: number for number, name in enumerate(sorted(set(names)))}
    times = [_window(entry) for entry in shown]
    windows = {window: number for number, window in enumerate(sorted({window for window in times if window}))}
    heard = playing.sound(source, rate_of(value))
    length = f", {clock(heard['seconds'])}" if heard["seconds"] else ""
    return {
        "about": f"Labels of a sound: {len(labels):,}{length}",
        "sound": heard,
        "labels": list(labels),
        "windows": list(windows),
        "entries": {
            "labels": [labels[name] for name in names],
            "scores": [score(entry.get("score")) for entry in shown],
            "windows": [windows[window] if window else -1 for window in times],
        },
        "left_out": len(entries) - len(shown),
    }


def _window(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    start, end = (score(time) for time in times_of(entry))
    return (float(start), float(end)) if start is not None and end is not None and 0 <= start < end else None
