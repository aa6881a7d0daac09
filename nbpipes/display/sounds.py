"""Labels of a sound (audio-classification): a player, and the labels with their scores, or when each was heard."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from nbpipes.display import kit, scores
from nbpipes.display.transcript import PLAYED, clock, player
from nbpipes.results.sounds import name_of
from nbpipes.results.speech import times_of


def draw(value: Any, source: Any, room: int) -> str:
    """Return a player where the sound can be had, and its labels; those of windows in the order of time."""
    entries = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    if any("timestamp" in one for one in entries):
        table = _over_time(entries, room // 3)
    else:
        table = scores.draw(value, None, room // 3)
    return player(value, source, min(PLAYED, room - kit.size(table))) + table


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per sound: its best label, or all scores where all have the same labels."""

    def name(index: int) -> str:
        return kit.cell(kit.escape(name_of(sources[index]), 60))

    return scores.batch_table(values, "sound", name, room)


def _over_time(entries: Sequence[Mapping[str, Any]], room: int) -> str:
    """The best label of each window, a row each."""
    windows = [list(own) for _, own in groupby(entries, times_of)]
    best = [max(own, key=lambda one: kit.share(one.get("score"))) for own in windows]
    colours = kit.colours(str(one.get("label")) for one in best)

    def rows() -> Iterator[str]:
        for one in best:
            start, end = times_of(one)
            label = str(one.get("label"))
            chip = kit.chip(f"<bdi>{kit.escape(label, 80)}</bdi>", colours[label])
            yield (
                kit.cell(clock(start), kit.NUMBER)
                + kit.cell(clock(end), kit.NUMBER)
                + kit.cell(chip)
                + kit.cell(kit.number(one.get("score")), kit.NUMBER)
                + kit.bar(one.get("score"), colours[label])
            )

    return kit.table(kit.heads(">start", ">end", "label", ">score", ""), rows(), len(best), room)
