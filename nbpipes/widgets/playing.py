"""Sounds on their way to the browser: an outline, and pieces of the sound as they are played."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from nbpipes.errors import InputError
from nbpipes.results import clips
from nbpipes.results.sounds import Sound, name_of, opened, rate_of
from nbpipes.widgets.view import View, text

WHOLE = 90.0
"""Seconds of a sound that is one piece."""
PIECE = 30.0
"""Seconds of the pieces of a longer one."""
COUNT = 1_000
"""Pairs of an outline."""
AT_ONCE = 300.0
"""Seconds of a sound whose outline comes with the view: that of a longer one takes time to read."""
SLOW = frozenset({"piece", "outline"})
"""The requests that take time."""

Asked = Callable[[Mapping[str, Any]], tuple[Any, int | None]]
"""Gives the item that a request of the front end is about, and the rate of its samples where it is an array."""


def sound(source: Any, rate: int | None) -> dict[str, Any]:
    """The sound of an item as a spec has it; without seconds where it cannot be had any more.

    piece: seconds of each piece. data: the first one. outline: see `clips.outline`, None where it is to be asked for.
    """
    shown: dict[str, Any] = {"name": text(name_of(source), 200), "seconds": None, "piece": WHOLE}
    shown |= {"data": None, "outline": None}
    try:
        with opened(source, rate) as found:
            if not found.frames:
                return shown
            long = found.seconds > WHOLE
            own: dict[str, Any] = {"seconds": found.seconds, "piece": PIECE if long else WHOLE}
            own["data"] = clips.piece(found, 0, own["piece"])
            if found.seconds <= AT_ONCE:
                own["outline"] = clips.outline(found, 0, found.seconds, COUNT)
            return shown | own
    except Exception:  # whatever is wrong with a source by now, its result can still be read
        return shown


def about(result: Any) -> tuple[Any, int | None]:
    """The item of a result, and the rate of its samples where it is an array."""
    return result.source, rate_of(result)


def requests(asked: Asked) -> dict[str, Callable[[Mapping[str, Any]], bytes]]:
    """What answers the player's requests: a piece by its number, and the outline of a part, in seconds."""

    def answer(args: Mapping[str, Any], make: Callable[[Sound], bytes]) -> bytes:
        source, rate = asked(args)
        with opened(source, rate) as found:
            return make(found)

    def piece(args: Mapping[str, Any]) -> bytes:
        number = args["piece"]

        def make(found: Sound) -> bytes:
            length = PIECE if found.seconds > WHOLE else WHOLE
            if not (type(number) is int and 0 <= number * length < found.seconds):
                raise InputError(f"there is no piece {number} of a sound of {found.seconds:g} s")
            return clips.piece(found, number * length, (number + 1) * length)

        return answer(args, make)

    def outline(args: Mapping[str, Any]) -> bytes:
        start, stop = float(args["start"]), float(args["stop"])

        def make(found: Sound) -> bytes:
            if not 0 <= start < stop <= found.seconds + 1:
                raise InputError(f"{start:g}–{stop:g} is no part of a sound of {found.seconds:g} s")
            return clips.outline(found, start, stop, COUNT)

        return answer(args, make)

    return {"piece": piece, "outline": outline}


class SoundView(View):
    """A view of a result with a player of the sound that it is about."""

    slow: ClassVar[frozenset[str]] = SLOW

    def __init__(self, result: Any, spec: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(result, spec, meta)
        self.ops |= requests(lambda _: about(self.result))
