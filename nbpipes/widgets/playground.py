"""The view that asks: fields for an input and for options, a place for a file, and the result below them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from traitlets import Unicode

from nbpipes.display import kit
from nbpipes.errors import InputError
from nbpipes.widgets import playing
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.registry import parts_of, spec_of
from nbpipes.widgets.view import View


class Field(NamedTuple):
    """One thing to fill in. kind: "text" for several lines, "line" for one, "choice" for one of `choices`, "image" or
    "audio" for a file, or its path or URL, "table" for a file of CSV, its rows or its path. default: what holds where
    it is left empty, in words."""

    name: str
    kind: str
    default: str = ""
    choices: Sequence[str] = ()
    optional: bool = False


FILES = frozenset({"image", "audio", "table"})
"""Kinds of fields that take files."""
FILE = 64_000_000
"""Bytes of a file that the reader drops."""


class Playground(View):
    """Runs a pipeline on what the reader types. result: of the last run. selected: what is selected in it."""

    name: ClassVar[str] = "playground"
    slow: ClassVar[frozenset[str]] = playing.SLOW | {"run"}
    _esm = Unicode(bundle("playground")).tag(sync=True)

    def __init__(
        self,
        title: str,
        inputs: Sequence[Field],
        options: Sequence[Field],
        run: Callable[[Mapping[str, str | bytes], Mapping[str, str]], Any],
        meta: Mapping[str, Any],
    ) -> None:
        self.run = run
        self._files = {field.name: bytearray() for field in inputs if field.kind in FILES}
        spec = {"about": title, "title": title, "inputs": _plain(inputs), "options": _plain(options)}
        super().__init__(None, spec, meta)
        self.ops |= {"run": self._run, "upload": self._upload}
        self.ops |= playing.requests(lambda _: playing.about(self.result))

    def to_html(self) -> str:
        if self.result is not None:
            return super().to_html()
        return f"<div>{kit.escape(self.spec['title'])}: run the cell for a field to try it with.</div>"

    def parts(self) -> Sequence[Any]:
        return [] if self.result is None else parts_of(self.result.task, self.result)

    def _upload(self, args: Mapping[str, Any]) -> None:
        """The next piece of a file; the first one, at 0, begins it anew."""
        name, offset, data = args["name"], args["offset"], args["data"]
        if name not in self._files:
            raise InputError(f"{name!r} takes no file")
        file = bytearray() if offset == 0 else self._files[name]
        if offset != len(file):
            raise InputError(f"a piece of the file is missing: {offset} follows {len(file)}")
        if offset + len(data) > FILE:
            raise InputError(f"the file has more than {FILE // 1_000_000} MB: give its path")
        file += data
        self._files[name] = file

    def _run(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run the pipeline on the fields; options that are empty keep their defaults. A file that was sent is None."""
        inputs = {name: bytes(self._files[name]) if value is None else value for name, value in args["inputs"].items()}
        result = self.run(inputs, args["options"])
        spec = spec_of(result.task, result, result.source)
        if spec is None:
            raise InputError(f"there is no view for results of {result.task}")
        self.result, self.selected = result, []
        spec["meta"] = {"seconds": result.meta["seconds"]} if "seconds" in result.meta else {}
        return {"spec": spec, "code": {spec["kind"]: bundle(spec["kind"])}}


def _plain(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [field._asdict() | {"choices": list(field.choices)} for field in fields]
