"""The view of answers found in a table (table-question-answering)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import cells
from nbpipes.results.tables import computed, places
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import View, text

ANSWERS = 200
ROWS, COLUMNS = 400, 40
"""Rows and columns of a table that a view holds; of a larger one those with answers, and the first."""
CELL = 300
"""Characters of a cell."""


class Cells(View):
    """Questions about a table, and the cells that answer the chosen one marked in it."""

    name: ClassVar[str] = "cells"
    _esm = Unicode(bundle("cells")).tag(sync=True)


def describe(value: Any, source: Any) -> dict[str, Any] | None:
    """What the front end draws: questions with answers, and the table with the numbers of its rows and columns."""
    found = [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, Mapping)]
    found = found[:ANSWERS]
    grid = cells.grid_of(source)
    if grid is None or not found:
        return None
    asked = [*cells.questions(source), *[None] * len(found)]
    marked = [places(entry, grid) for entry in found]
    rows = cells.shown_rows({row for one in marked for row, _ in one}, grid.height, ROWS, ROWS)
    columns = cells.shown_columns({column for one in marked for _, column in one}, len(grid.names), COLUMNS)
    return {
        "about": f"Answers from a table of {grid.height:,} rows: {len(found):,}",
        "answers": [_answer(entry, asked[i], marked[i]) for i, entry in enumerate(found)],
        "names": [text(grid.names[column], CELL) for column in columns],
        "columns": columns,
        "width": len(grid.names),
        "rows": rows,
        "height": grid.height,
        "cells": [[text(grid.text(row, column), CELL) for column in columns] for row in rows],
    }


def _answer(entry: Mapping[str, Any], question: Any, marked: list[tuple[int, int]]) -> dict[str, Any]:
    aggregator, value, words = cells.summary(entry)
    meta = getattr(entry, "meta", None)
    read = meta.get("read") if isinstance(meta, Mapping) else None
    return {
        "question": text(question) if isinstance(question, str) else None,
        "answer": text(entry.get("answer") or ""),
        "aggregator": aggregator,
        "value": value,
        "number": computed(entry),
        "words": text(words, CELL),
        "read": read if isinstance(read, str) else "",
        "cells": [list(place) for place in marked],
    }
