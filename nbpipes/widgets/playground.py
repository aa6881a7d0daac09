"""The view that asks: fields for an input and for options, and the result below them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from traitlets import Unicode

from nbpipes.display import kit
from nbpipes.errors import InputError
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.registry import parts_of, spec_of
from nbpipes.widgets.view import View


class Field(NamedTuple):
    """One thing to fill in. kind: "text" for several lines, "line" for one, "choice" for one of `choices`."""

    name: str
    kind: str
    default: str = ""
    choices: Sequence[str] = ()
    optional: bool = False


class Playground(View):
    """Runs a pipeline on what the reader types. result: of the last run. selected: what is selected in it."""

    name: ClassVar[str] = "playground"
    slow: ClassVar[frozenset[str]] = frozenset({"run"})
    _esm = Unicode(bundle("playground")).tag(sync=True)

    def __init__(
        self,
        title: str,
        inputs: Sequence[Field],
        options: Sequence[Field],
        run: Callable[[Mapping[str, str], Mapping[str, str]], Any],
        meta: Mapping[str, Any],
    ) -> None:
        self.run = run
        spec = {"about": title, "title": title, "inputs": _plain(inputs), "options": _plain(options)}
        super().__init__(None, spec, meta)
        self.ops |= {"run": self._run}

    def to_html(self) -> str:
        if self.result is not None:
            return super().to_html()
        return f"<div>{kit.escape(self.spec['title'])}: run the cell for a field to try it with.</div>"

    def parts(self) -> Sequence[Any]:
        return [] if self.result is None else parts_of(self.result.task, self.result)

    def _run(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run the pipeline on the texts of the fields; options that are empty keep their defaults."""
        result = self.run(args["inputs"], args["options"])
        spec = spec_of(result.task, result, result.source)
        if spec is None:
            raise InputError(f"there is no view for results of {result.task}")
        self.result, self.selected = result, []
        spec["meta"] = {"seconds": result.meta["seconds"]} if "seconds" in result.meta else {}
        return {"spec": spec, "code": {spec["kind"]: bundle(spec["kind"])}}


def _plain(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [field._asdict() | {"choices": list(field.choices)} for field in fields]
