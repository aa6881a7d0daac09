"""A table as texts, whatever it was given as."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nbpipes.errors import InputError

MISSING = "nan"
"""The text of a cell without a value, which TAPAS reads as an empty cell."""
WHOLE = 1e15
"""Below this, a float without a fraction is written as a whole number."""
MIDNIGHT = datetime.time()


@dataclass(frozen=True, slots=True)
class Table:
    """Column names and rows of cells, all of them texts. Names may repeat; rows are counted from 0."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def only(self, rows: Iterable[int]) -> "Table":
        """The table of some of its rows."""
        return Table(self.names, tuple(self.rows[row] for row in rows))


def is_table(value: Any) -> bool:
    """Whether a value looks like a table: a DataFrame, or a dict."""
    return isinstance(value, Mapping) or _is_frame(value)


def read_table(value: Any) -> Table:
    """The texts of a table: a dict of columns, or a DataFrame with any kinds of columns. It is not changed.

    InputError for something else, for columns of unequal length, and for a table without rows or columns.
    """
    if isinstance(value, Table):
        return value
    if _is_frame(value):
        names, columns = list(value.columns), [_values(value.iloc[:, i]) for i in range(len(value.columns))]
    elif isinstance(value, Mapping):
        names, columns = list(value), [_column(name, column) for name, column in value.items()]
    else:
        raise InputError(f"a table must be a dict of columns or a DataFrame, not {type(value).__name__}")
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        told = ", ".join(f"{_name(name)!r} has {len(column):,}" for name, column in zip(names, columns, strict=True))
        raise InputError(f"the columns of a table must be equally long: {told:.300}")
    if not columns or not columns[0]:
        raise InputError(f"table is empty: it has {len(columns)} columns and no rows")
    texts = [[text_of(cell) for cell in column] for column in columns]
    return Table(tuple(map(_name, names)), tuple(zip(*texts, strict=True)))


def text_of(cell: Any) -> str:
    """The text of a cell: whole numbers without a fraction, days without an hour, MISSING for what is missing."""
    if isinstance(cell, str):
        return cell
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return MISSING
    if hasattr(cell, "dtype") and getattr(cell, "ndim", None) == 0 and not hasattr(cell, "isoformat"):
        cell = float(str(cell)) if cell.dtype.kind == "f" else cell.item()  # a float32 as short as it is written
    if isinstance(cell, float):
        if cell != cell:
            return MISSING
        return str(int(cell)) if cell.is_integer() and abs(cell) < WHOLE else f"{cell:.12g}"
    if isinstance(cell, datetime.datetime) and cell.time() == MIDNIGHT and cell.tzinfo is None:
        return cell.date().isoformat()
    return str(cell)


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _values(series: Any) -> list[Any]:
    """The values of a column of a DataFrame, with the types they have there: a list would widen a float32."""
    kind = getattr(series.dtype, "kind", "O")
    return list(series.to_numpy()) if kind in "fiub" else list(series)


def _column(name: Any, column: Any) -> list[Any]:
    if isinstance(column, str | bytes | Mapping) or not isinstance(column, Iterable):
        raise InputError(f"column {_name(name)!r} of the table must be a list of cells, not {column!r:.80}")
    return list(column)


def _name(name: Any) -> str:
    """The name of a column; one with several levels has them one after the other."""
    return " ".join(map(text_of, name)) if isinstance(name, tuple) else text_of(name)
