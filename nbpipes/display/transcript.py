"""What is said in a sound (automatic-speech-recognition): a player, the text, and a table of times."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from nbpipes.display import kit, plain
from nbpipes.results.sounds import copy_of, name_of, rate_of
from nbpipes.results.speech import chunks_of, times_of

PLAYED = 64_000
"""Bytes of the sound that a single result carries, as text."""
PLAYED_EACH = 12_000
"""The same, of each result in a batch."""


def draw(value: Any, source: Any, room: int) -> str:
    """Return a player where the sound can be had, the text, and when its parts were said."""
    return _draw(PLAYED, value, source, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first sounds with their texts one below the other."""
    return kit.blocks(partial(_draw, PLAYED_EACH), values, sources, room)


def player(value: Any, source: Any, room: int) -> str:
    """Return an audio element with as much of the sound as `room` bytes hold, or nothing where it cannot be had.

    value: the result that is about it.
    """
    found = copy_of(source, max(room - 600, 0) * 3 // 4, rate_of(value))
    if found is None:
        return ""
    name = kit.escape(name_of(source), 80)
    note = "" if found.seconds > found.whole - 0.05 else f"the first {clock(found.seconds)} of {clock(found.whole)}"
    return (
        f'<div><audio controls src="{found.uri}" style="height:2.2em;max-width:100%;vertical-align:middle"></audio> '
        f'<span style="{kit.MUTED}">{name} {note}</span></div>'
    )


def clock(seconds: Any) -> str:
    """Seconds as 0:05.25, or 1:02:03.50; a dash where there is no time."""
    if not kit.is_score(seconds) or seconds < 0:
        return "–"
    minutes, rest = divmod(float(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def _draw(played: int, value: Any, source: Any, room: int) -> str:
    if not isinstance(value, Mapping) or not isinstance(value.get("text"), str):
        return plain.draw(value, source, room)
    words = value["text"].strip() or "(nothing said)"
    html, shown = kit.prose(words, min(room // 2, 20_000))
    text = f'<div dir="auto" style="margin:.3em 0">{html}{kit.more(len(words) - shown, "character")}</div>'
    parts = chunks_of(value)
    table = _table(parts, min(room // 4, 12_000)) if parts else ""
    left = room - kit.size(text) - kit.size(table)
    sound = player(value, source, min(played, left))
    return f"{sound}{text}{table}"


def _table(parts: Sequence[Mapping[str, Any]], room: int) -> str:
    spoken = any("language" in part for part in parts)

    def rows() -> Iterator[str]:
        for part in parts:
            start, end = times_of(part)
            language = kit.cell(kit.escape(part.get("language") or "", 20)) if spoken else ""
            words = f"<bdi>{kit.escape(str(part.get('text', '')).strip(), 300)}</bdi>"
            yield kit.cell(clock(start), kit.NUMBER) + kit.cell(clock(end), kit.NUMBER) + language + kit.cell(words)

    names = (">start", ">end", *(["language"] if spoken else []), "text")
    return kit.table(kit.heads(*names), rows(), len(parts), room)
