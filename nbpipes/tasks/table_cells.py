"""From the logits of cells to the cells that answer a question, also over several windows of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbpipes.models.outputs import Cells
from nbpipes.processing.tables.tapas import COLUMN, PREVIOUS, ROW, SEGMENT, Read
from nbpipes.processing.tables.windows import Window

Place = tuple[int, int]
"""Row and column of a cell, both from 0."""
LOWEST = -88.7
"""Below this, the exponential of a float32 overflows."""
CHOSEN = 0.5


@dataclass(slots=True)
class Found:
    """What a model found in a window, or in several: how likely each cell is, and how likely each aggregator."""

    cells: dict[Place, float] = field(default_factory=dict)
    aggregation: np.ndarray | None = None

    @property
    def chosen(self) -> list[Place]:
        """The cells that are part of the answer, in order."""
        return sorted(place for place, chance in self.cells.items() if chance > CHOSEN)

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows that hold them."""
        return tuple(sorted({row for row, _ in self.chosen}))


def found(output: Cells, read: Read, window: Window) -> Found:
    """What the model says of a window, by places in the whole table."""
    logits = np.maximum(output.logits.float().numpy(), np.float32(LOWEST))
    chances = 1 / (1 + np.exp(-logits))
    types = read.types
    there = (types[:, SEGMENT] == 1) & (types[:, ROW] > 0) & (types[:, COLUMN] > 0)
    parts: dict[Place, list[float]] = {}
    for row, column, chance in zip(
        types[there, ROW].tolist(), types[there, COLUMN].tolist(), chances[there].tolist(), strict=True
    ):
        parts.setdefault((window.rows[row - 1], column - 1), []).append(chance)
    cells = {place: float(np.mean(values)) for place, values in parts.items()}
    return Found(cells, None if output.aggregation is None else output.aggregation.float().numpy())


def marked(read: Read, window: Window, previous: Iterable[Place]) -> Read:
    """A question with the cells that answered the one before."""
    types, before = read.types.copy(), set(previous)
    for token in np.flatnonzero((types[:, SEGMENT] == 1) & (types[:, ROW] > 0)):
        place = window.rows[types[token, ROW] - 1], int(types[token, COLUMN]) - 1
        types[token, PREVIOUS] = place in before
    return Read(read.ids, types)


def joined(parts: Sequence[Found]) -> Found:
    """What was found in several windows as one: the cells of the column that has most, of all windows that chose any.

    Their aggregators are averaged, over all windows where none chose a cell.
    """
    telling = [part for part in parts if part.chosen] or list(parts)
    weights: dict[int, float] = {}
    for part in telling:
        for place in part.chosen:
            weights[place[1]] = weights.get(place[1], 0.0) + part.cells[place]
    best = max(weights, key=lambda column: weights[column], default=None)
    cells = {place: chance for part in telling for place, chance in part.cells.items() if place[1] == best}
    logits = [part.aggregation for part in telling if part.aggregation is not None]
    return Found(cells, np.mean([_shares(one) for one in logits], axis=0) if logits else None)


def _shares(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def answer(found: Found, rows: Sequence[Sequence[str]], names: Sequence[str], none: int | None) -> dict[str, Any]:
    """The answer as the documents show it. rows: the texts of the table. names: of the aggregators, none is the number
    of the one that leaves the cells as they are."""
    places = found.chosen
    cells = [rows[row][column] for row, column in places]
    result: dict[str, Any] = {"answer": ", ".join(cells), "coordinates": places, "cells": cells}
    if names and found.aggregation is not None:
        best = int(found.aggregation.argmax())
        result["aggregator"] = names[best]
        if best != none:
            result["answer"] = f"{names[best]} > {result['answer']}"
    return result
