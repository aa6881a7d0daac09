"""Which view shows which result."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nbpipes.display import registry
from nbpipes.results.records import Record, Records
from nbpipes.widgets import entities
from nbpipes.widgets.view import View


class Kind(NamedTuple):
    """A view, and what makes its spec of the result and the source of one item."""

    view: type[View]
    describe: Callable[[Any, Any], dict[str, Any]]


# By the display module that draws the same result as static HTML.
KINDS: Mapping[str, Kind] = {
    "spans": Kind(entities.Entities, entities.describe),
}


def kind_of(task: str, value: Any) -> Kind | None:
    """What shows the result of one item; None where there is only the static HTML."""
    return KINDS.get(registry.find(task, value).module)


def view_of(result: Record | Records) -> View | None:
    """Make the live view of a result; None where there is only the static HTML."""
    if isinstance(result, Records) and result.batched:
        return None
    kind = kind_of(result.task, result)
    return kind and kind.view(result, kind.describe(result, result.source), result.meta)
