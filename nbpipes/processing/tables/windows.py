"""Which rows of a table a model reads at a time, where it cannot read them all at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbpipes.errors import InputError
from nbpipes.processing.tables.tapas import Cell, TapasReader, TokenTable

TRUNCATIONS = ("drop_rows_to_fit", "do_not_truncate")
LONGEST = 4096
"""Tokens read at once where neither the model nor truncation sets a limit: memory grows with their square."""
ROWS_WANTED = 4
"""Rows that a window should hold with the header; cells are cut where they do not fit."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows that are read together, by their places in the table. words: read of each cell at most, None for all."""

    rows: tuple[int, ...]
    words: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a question. told: what the user should know of it, "" where the whole table is read at once."""

    windows: tuple[Window, ...]
    told: str = ""


def plan(
    reader: TapasReader, asked: Cell, table: TokenTable, truncation: bool | str | None, most: int | None = None
) -> Plan:
    """How a table is read for a question.

    truncation: "drop_rows_to_fit" or True reads the first rows only, "do_not_truncate" or False all of them at once;
    None reads all of them, in windows where they do not fit. most: rows that the model can tell apart.
    InputError where that is not possible.
    """
    if truncation in (False, "do_not_truncate"):
        return _whole(reader, asked, table)
    if truncation is not None or most is None or table.rows <= most:
        count, words = reader.fit(asked, table)
        dropped = table.rows - count
        if not dropped or truncation is not None:
            if not count:
                raise _too_wide(reader, table)
            told = f"only the first {count:,} of {table.rows:,} rows were read" if dropped else ""
            return Plan((Window(tuple(range(count)), words),), told)
    windows = split(reader, asked, table, most)
    return Plan(windows, f"{table.rows:,} rows were read in {len(windows):,} windows")


def split(reader: TapasReader, asked: Cell, table: TokenTable, most: int | None = None) -> tuple[Window, ...]:
    """All rows of a table in as few windows as hold them, in order."""
    room = reader.room(asked)
    words, costs = _cut(table, room)
    windows: list[Window] = []
    rows: list[int] = []
    left = room - costs[0]
    for row, cost in enumerate(costs[1:]):
        if rows and (cost > left or len(rows) == most):
            windows.append(Window(tuple(rows), words))
            rows, left = [], room - costs[0]
        rows.append(row)
        left -= cost
    windows.append(Window(tuple(rows), words))
    return tuple(_fitting(reader, asked, table, windows))


def _whole(reader: TapasReader, asked: Cell, table: TokenTable) -> Plan:
    size, limit = reader.length - reader.room(asked) + sum(table.costs), reader.limit or LONGEST
    if size > limit or table.rows >= reader.most_rows:
        raise InputError(
            f"question and table have {size:,} tokens and {table.rows:,} rows, and at most {limit:,} tokens and "
            f"{reader.most_rows - 1:,} rows can be read at once; leave truncation out to read the table in windows"
        )
    return Plan((Window(tuple(range(table.rows))),))


def _cut(table: TokenTable, room: int) -> tuple[int, list[int]]:
    """How many words of each cell are read, and what each line costs then: as many as leave room for a few rows."""
    _, _, line, start = table.flat
    longest = int(start.max(initial=0)) + 1
    counts = np.zeros((len(table.lines), longest), dtype=np.int64)
    np.add.at(counts, (line, start), 1)
    costs = counts.cumsum(1)
    for words in range(longest, 0, -1):
        own = costs[:, words - 1]
        if own[0] + min(ROWS_WANTED, table.rows) * own[1:].mean() <= room:
            break
    else:
        words = 1
    return words, costs[:, words - 1].tolist()


def _fitting(reader: TapasReader, asked: Cell, table: TokenTable, windows: list[Window]) -> Iterator[Window]:
    """The windows; cells are cut further where a row alone is too long."""
    room = reader.room(asked)
    for window in windows:
        if len(window.rows) == 1 and table.costs[0] + table.costs[window.rows[0] + 1] > room:
            count, words = reader.fit(asked, table.only(window.rows))
            if not count:
                raise _too_wide(reader, table)
            yield Window(window.rows, words)
        else:
            yield window


def _too_wide(reader: TapasReader, table: TokenTable) -> InputError:
    return InputError(
        f"a row of {table.columns:,} columns with the column names does not fit into the {reader.length:,} tokens that "
        "the model reads, next to the question: leave out columns, or shorten their names"
    )
