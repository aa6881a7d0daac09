"""Answers from tables: what they add up to, and the tables as they are shown."""

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from nbpipes.results.short import short

NUMBER = re.compile(r"(?:(?:^|(?<=\s))[+-])?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)

LONGEST = 200
"""Characters of a cell in which its number is looked for."""


def computed(answer: Mapping[str, Any]) -> int | float | None:
    """The number that an answer's aggregator makes of its cells: COUNT, SUM or AVERAGE.

    None for another aggregator or none, and where no cell holds a number. Cells without one are left out.
    """
    aggregator, cells = answer.get("aggregator"), answer.get("cells") or ()
    if aggregator == "COUNT":
        return len(cells)
    numbers = numbers_of(cells)
    if aggregator not in ("SUM", "AVERAGE") or not numbers:
        return None
    total = math.fsum(numbers)
    value = float(f"{total / len(numbers) if aggregator == 'AVERAGE' else total:.12g}")
    return int(value) if value.is_integer() else value


def numbers_of(cells: Sequence[Any]) -> list[float]:
    """The first number in each cell that has one, without its unit: 36542 of "36,542 stars"."""
    found = (NUMBER.search(cell[:LONGEST] if isinstance(cell, str) else short(cell, LONGEST)) for cell in cells)
    numbers = (float(match[0].replace(",", "")) for match in found if match)
    return [number for number in numbers if math.isfinite(number)]


class Grid:
    """A table as it was given, to be shown: a dict of columns or a DataFrame, read cell by cell."""

    def __init__(self, table: Any) -> None:
        """ValueError for something that is no table."""
        self._frame = hasattr(table, "iloc") and hasattr(table, "columns")
        if not self._frame and not (isinstance(table, Mapping) and all(map(_is_column, table.values()))):
            raise ValueError(f"a {type(table).__name__} is no table")
        self._table: Any = table if self._frame else list(table.values())
        names: Any = table.columns if self._frame else table  # pyright: ignore[reportAttributeAccessIssue]
        self.names = [_text(name) for name in names]
        self.height = len(table) if self._frame else min(map(len, self._table), default=0)

    def text(self, row: int, column: int) -> str:
        """The text of a cell; "" where nothing is in it."""
        value = self._table.iat[row, column] if self._frame else self._table[column][row]
        return _text(value)


def _is_column(values: Any) -> bool:
    return (isinstance(values, Sequence) and not isinstance(values, str | bytes)) or hasattr(values, "__array__")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, np.generic):
        value = float(str(value)) if isinstance(value, np.floating) else value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    plain = isinstance(value, Number) or hasattr(value, "isoformat")  # a number, a date or a time
    return str(value).removesuffix(" 00:00:00") if plain else short(value, 300)


def places(answer: Any, grid: Grid) -> list[tuple[int, int]]:
    """Row and column of the cells of an answer that are in the table."""
    given = answer.get("coordinates") if isinstance(answer, Mapping) else None
    pairs = [pair for pair in given if _is_place(pair)] if isinstance(given, list) else []
    return [(row, column) for row, column in pairs if 0 <= row < grid.height and 0 <= column < len(grid.names)]


def _is_place(pair: Any) -> bool:
    return isinstance(pair, Sequence) and len(pair) == 2 and all(type(number) is int for number in pair)
