"""What all views share: a picture of a result on its way to the browser, and the requests that come back."""

import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import anywidget
from traitlets import Dict, List, Unicode

from nbpipes.display import kit
from nbpipes.errors import InputError, need
from nbpipes.results.records import Record, Records
from nbpipes.results.short import short

log = logging.getLogger(__name__)
VERSION = 1
TEXT = 200_000  # characters of a text that a view shows
ENTRIES = 20_000  # labels, entities or candidates of one item


OPEN: "weakref.WeakSet[View]" = weakref.WeakSet()
"""Views that nobody has closed."""


class View(anywidget.AnyWidget):
    """A live view of a result.

    spec: what the front end draws; only Python writes it. twin: marks the static HTML that the view replaces.
    selected: what the user has selected, parts of `result`: `view.observe(f, "selected")` hears of changes.
    labels: of the rows of a table that the parts belong to; where there are any, `selected` has these instead.
    """

    name: ClassVar[str] = ""
    """Folder of the front-end source, and name of the bundle."""
    slow: ClassVar[frozenset[str]] = frozenset()
    """Requests that run on a thread of their own, so that the kernel hears the next ones."""

    spec = Dict().tag(sync=True)
    twin = Unicode().tag(sync=True)
    selected = List()

    def __init__(self, result: Any, spec: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        self.result = result
        """What is shown."""
        self.labels: Sequence[Any] | None = None
        self.made_in = need("nbpipes.notebook.publish").current_run()
        """The run of a cell that made the view."""
        super().__init__(spec=frame(self.name, meta or {}) | dict(spec))
        self.twin = str(self.model_id)
        self.ops: dict[str, Callable[[Mapping[str, Any]], Any]] = {"select": self._select}
        self.on_msg(self._receive)
        OPEN.add(self)

    def close(self) -> None:
        """End the view in the browser too, and let go of the result."""
        OPEN.discard(self)
        self.layout.close()  # a widget of its own, which ipywidgets leaves open
        super().close()

    def to_html(self) -> str:
        """The static HTML that stands for the view where there is no kernel."""
        html = self.result.to_html() if isinstance(self.result, Record | Records) else ""
        return html + _rows(self.labels or ())

    def parts(self) -> Sequence[Any]:
        """What can be selected, by the numbers that the front end gives them."""
        return self.result if isinstance(self.result, list) else [self.result]

    def _select(self, args: Mapping[str, Any]) -> None:
        """The front end says which parts are selected."""
        parts = self.parts()
        indices = args["indices"]
        if not all(type(index) is int and 0 <= index < len(parts) for index in indices):
            raise InputError(f"there are {len(parts)} parts to select, not {indices}")
        chosen = parts if self.labels is None else self.labels
        self.selected = [chosen[index] for index in indices]

    def _receive(self, _widget: Any, message: Any, buffers: Any) -> None:
        """Answers a request {id, op, args} of the front end; runs on whatever thread the kernel hears messages on.

        Bytes that come with it are `args["data"]`.
        """
        if not isinstance(message, dict) or "id" not in message:
            return
        number, op, args = message["id"], message.get("op"), message.get("args") or {}
        if buffers:
            args["data"] = bytes(buffers[0])
        if op not in self.slow:
            return self._answer(number, op, args)
        self.send({"id": number, "state": "heard"})
        threading.Thread(target=self._answer, args=(number, op, args), name=f"nbpipes-{op}", daemon=True).start()

    def _answer(self, number: Any, op: Any, args: Mapping[str, Any]) -> None:
        try:
            result = self.ops[op](args)
        except Exception as error:  # the kernel would swallow it
            log.debug("a view asked for what failed", exc_info=True)
            self.send({"id": number, "state": "failed", "error": f"{type(error).__name__}: {error}"})
        else:
            content, buffers = parcel(result)
            self.send({"id": number, "state": "done", "result": content}, buffers)

    def _ipython_display_(self) -> None:
        need("nbpipes.notebook.publish").show_view(self)


def _rows(labels: Sequence[Any]) -> str:
    """Which row of a table each number of the static HTML is, unless these are the same."""
    if list(labels) == list(range(len(labels))):
        return ""
    names = ", ".join(f"{index} = {kit.escape(str(label), 40)}" for index, label in enumerate(labels[: kit.ROWS]))
    return f'<div style="{kit.MUTED}">Rows: {names}{" …" if len(labels) > kit.ROWS else ""}</div>'


def frame(kind: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """What every spec has. colours: those that the user chose, by label, if any."""
    chosen = {text(label, 200): colour._asdict() for label, colour in kit.CHOSEN.items()}
    return {"version": VERSION, "kind": kind, "meta": about(meta)} | ({"colours": chosen} if chosen else {})


def about(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What the footer of a view tells, as plain values."""
    words = {
        name: kit.safe(str(meta[name]))[:200] for name in ("model", "revision", "device", "dtype") if meta.get(name)
    }
    seconds = {"seconds": float(meta["seconds"])} if kit.is_score(meta.get("seconds")) else {}
    return words | seconds | ({"stopped": True} if meta.get("stopped") is True else {})


def parcel(value: Any) -> tuple[Any, list[bytes]]:
    """A value without its bytes, which JSON cannot hold, and these: {"buffer": n} stands for the n-th of them.

    In a trait, ipywidgets does the same.
    """
    buffers: list[bytes] = []

    def bare(part: Any) -> Any:
        if isinstance(part, bytes):
            buffers.append(part)
            return {"buffer": len(buffers) - 1}
        if isinstance(part, Mapping):
            return {key: bare(inner) for key, inner in part.items()}
        return [bare(inner) for inner in part] if isinstance(part, list | tuple) else part

    return bare(value), buffers


def text(value: Any, limit: int = 2_000) -> str:
    """Any value as a text that can travel as JSON; lone surrogates become one visible character each."""
    whole = value if isinstance(value, str) else short(value, limit)
    return kit.safe(whole[:limit])


def score(value: Any) -> float | None:
    """A finite number, or None: JSON has no other."""
    return value if kit.is_score(value) else None


def prose(value: str | None) -> dict[str, Any]:
    """The text of an item as a spec has it: "text", None where there is none, and how many characters are left out."""
    if value is None:
        return {"text": None, "more": 0}
    return {"text": kit.safe(value[:TEXT]), "more": max(len(value) - TEXT, 0)}
