"""From the events of a run to what a call gives back: results, failures, and what was done before it ended early."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal, get_args

from nbpipes.engine.events import Done, Event, Failed
from nbpipes.engine.inputs import Given
from nbpipes.engine.progress import Progress
from nbpipes.errors import InputError, nearest
from nbpipes.results.failures import Failure

OnError = Literal["raise", "record", "skip"]


def checked(on_error: str) -> str:
    """The word, if it says what to do with items that fail."""
    if on_error not in get_args(OnError):
        words = get_args(OnError)
        raise InputError(f"on_error must be {', '.join(map(repr, words))}, not {on_error!r}{nearest(on_error, words)}")
    return on_error


def noted(event: Failed) -> Exception:
    """The error of an item, with a note that says which item it is."""
    event.error.add_note(f"This is item {event.index} of the input; it failed in {event.stage}.")
    return event.error


def results(events: Iterator[Event], on_error: str, bar: Progress, *, note: bool) -> Iterator[tuple[Any, Any]]:
    """The items and results of a run. note: whether an error says which item it is about."""
    checked(on_error)
    return _results(events, on_error, bar, note)


def _results(events: Iterator[Event], on_error: str, bar: Progress, note: bool) -> Iterator[tuple[Any, Any]]:
    with closing(events), bar:  # pyright: ignore[reportArgumentType]  run() gives a generator
        for event in events:
            if isinstance(event, Done):
                bar.advance()
                yield event.item, event.result
            elif isinstance(event, Failed):
                bar.advance()
                if on_error == "raise":
                    raise noted(event) if note else event.error
                if on_error == "record":
                    yield event.item, Failure.of(event.index, event.stage, event.error, event.item)


@contextmanager
def kept(pairs: Sequence[Any], given: Given, partial: Callable[[], Any]) -> Iterator[None]:
    """What ends a call early carries what was done until then."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if given.shape != "lazy" and pairs:
            error.partial = partial()  # type: ignore[attr-defined]
            many = f"{len(pairs):,} of {given.size:,} items were done; this exception has them as .partial"
            error.add_note(many if given.shape == "list" else "This exception has what was written as .partial")
        raise
