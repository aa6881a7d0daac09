"""The view of many results: a table whose rows are fetched as one scrolls, and one of them in full."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from traitlets import Dict, Int, List, Unicode

from nbpipes.errors import InputError
from nbpipes.results.sounds import rate_of
from nbpipes.widgets import playing
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import thumbnail
from nbpipes.widgets.rows import Rows, excerpt
from nbpipes.widgets.view import View, text

WINDOW = 500  # rows of one answer
NAME = 40  # characters of the label of a row
FIRST = 100  # rows that come with the view: a page of the front end


@dataclass(frozen=True, slots=True)
class Items:
    """What a gallery shows.

    sources: the item of each value. describe: gives the spec of one of them; its "kind" is the view that draws it, and
    whose code is in `bundles`. parts: gives what can be selected in one of them. classes: those that have a colour.
    name: what an item is called in its row. pictures: rows show small copies of their items. labels: of the rows of a
    table that the values belong to.
    """

    values: Sequence[Any]
    sources: Sequence[Any]
    rows: Rows
    describe: Callable[[int], dict[str, Any]]
    parts: Callable[[int], Sequence[Any]]
    bundles: tuple[str, ...]
    classes: tuple[str, ...] = ()
    name: Callable[[Any], str] = excerpt
    pictures: bool = False
    labels: Sequence[Any] | None = None


class Gallery(View):
    """Many results: rows are searched, sorted and selected, one is shown in full.

    selected: the results of the selected rows. selected_parts: what is selected within the one shown in full.
    code: the JavaScript of the views that show one result, by their names. revealed: the row that Python shows in full.
    """

    name: ClassVar[str] = "gallery"
    slow: ClassVar[frozenset[str]] = playing.SLOW | {"thumbs"}
    _esm = Unicode(bundle("gallery")).tag(sync=True)
    code = Dict().tag(sync=True)
    revealed = Int(-1).tag(sync=True)
    selected_parts = List()

    def __init__(self, result: Any, items: Items, meta: Mapping[str, Any], about: str) -> None:
        self.items = items
        self._orders: dict[tuple[int, bool, str], list[int]] = {}
        self._words: list[str] = []
        columns = [column._asdict() for column in items.rows.columns]
        first = self._rows(range(FIRST))
        spec = {"about": about, "count": len(items.values), "columns": columns, "first": first}
        spec |= {"classes": list(items.classes), "pictures": items.pictures}
        super().__init__(result, spec, meta)
        self.labels = items.labels
        self.code = {name: bundle(name) for name in items.bundles}
        self.ops |= {"rows": self._window, "item": self._item, "pick": self._pick, "thumbs": self._thumbs}
        self.ops |= playing.requests(self._heard)
        self.ops["place"] = self._place

    def parts(self) -> Sequence[Any]:
        return self.items.values

    def reveal(self, label: Any) -> None:
        """Show a row in full. label: of the row of the table that the results belong to; else its number."""
        labels = range(len(self.items.values)) if self.labels is None else list(self.labels)
        if label not in labels:
            raise InputError(f"no row is called {label!r}")
        self.revealed = -1  # the front end hears of changes alone
        self.revealed = labels.index(label)

    def _rows(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        values, sources, cells = self.items.values, self.items.sources, self.items.rows.of
        labels = self.items.labels
        return [
            {
                "index": index,
                "name": str(index) if labels is None else text(str(labels[index]), NAME),
                "text": self.items.name(sources[index]),
                "cells": cells(values[index]),
            }
            for index in indices
            if index < len(values)
        ]

    def _window(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Rows from `start` to before `stop` of those that hold `query`, sorted by a column (-1: not sorted)."""
        start, stop = int(args["start"]), int(args["stop"])
        order = self._order(int(args["by"]), bool(args["down"]), str(args["query"]).casefold())
        return {"total": len(order), "rows": self._rows(order[start : min(stop, start + WINDOW)])}

    def _place(self, args: Mapping[str, Any]) -> int:
        """Where a row stands among those that a query finds, -1 for nowhere."""
        order = self._order(int(args["by"]), bool(args["down"]), str(args["query"]).casefold())
        return order.index(args["index"]) if args["index"] in order else -1

    def _order(self, by: int, down: bool, query: str) -> list[int]:
        key = by, down, query
        if key not in self._orders:
            if len(self._orders) > 8:
                self._orders.clear()
            order = [index for index in range(len(self.items.values)) if not query or query in self._text(index)]
            if by >= 0:
                order.sort(key=lambda index: _key(self.items.rows.of(self.items.values[index])[by]), reverse=down)
            self._orders[key] = order
        return self._orders[key]

    def _text(self, index: int) -> str:
        """What a search looks at: the text of the item and of its cells."""
        if not self._words:
            rows = self._rows(range(len(self.items.values)))
            named = self.labels is not None
            self._words = [f"{row['text']}\n{row['cells']}\n{row['name'] if named else ''}".casefold() for row in rows]
        return self._words[index]

    def _thumbs(self, args: Mapping[str, Any]) -> list[Any]:
        """Small copies of the pictures of some rows."""
        return [thumbnail(self.items.sources[self._index({"index": index})]) for index in args["indices"][:WINDOW]]

    def _item(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return self.items.describe(self._index(args))

    def _heard(self, args: Mapping[str, Any]) -> tuple[Any, int | None]:
        index = self._index(args)
        return self.items.sources[index], rate_of(self.items.values[index])

    def _pick(self, args: Mapping[str, Any]) -> None:
        parts = self.items.parts(self._index(args))
        self.selected_parts = [parts[part] for part in args["indices"]]

    def _index(self, args: Mapping[str, Any]) -> int:
        index = args["index"]
        if not (type(index) is int and 0 <= index < len(self.items.values)):
            raise InputError(f"there are {len(self.items.values)} results; {index} is none of them")
        return index


def _key(cell: Any) -> tuple[bool, float, str]:
    """Sorts numbers among numbers, texts among texts, and what is missing first."""
    if isinstance(cell, list):
        return True, float(len(cell)), ""
    if isinstance(cell, str):
        return True, 0.0, cell.casefold()
    return cell is not None, float(cell or 0), ""
