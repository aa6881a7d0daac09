"""One run of a pipeline for a cell: it can be interrupted, and keeps what is done."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from nbpipes.engine.answers import noted
from nbpipes.engine.drafts import drafted
from nbpipes.engine.events import Done, Failed
from nbpipes.engine.progress import Progress
from nbpipes.results.failures import Failure


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. value: None where nothing was done. total: None if the source does not tell.

    done, failed: how many items have a result, and how many have a Failure in its place. stopped: the user interrupted
    it. error: why it ended early otherwise, or why the first item that failed did. seconds: of the run; loading: of the
    model.
    """

    value: Any
    done: int
    total: int | None
    seconds: float
    loading: float = 0.0
    failed: int = 0
    stopped: bool = False
    error: Exception | None = None


def run(
    pipe: Any,
    value: Any,
    options: Mapping[str, Any],
    *,
    batch: int | None = None,
    limit: int | None = None,
    progress: bool | None = None,
) -> Outcome:
    """Run `pipe` on what a call would get, and answer as the call would; an interrupt or an error of the source ends it
    early. An item that fails costs itself only: a Failure stands in its place.

    batch: chunks in one forward at most. limit: only so many of the first items, where there are many.
    progress: whether a bar is shown; None shows one for many items that take more than a second.
    """
    start = time.perf_counter()
    named = dict(options)
    given = pipe.arguments((value,), named)
    chosen = pipe.options.updated(named, pipe.task)
    total = given.size if limit is None or given.size is None else min(given.size, limit)
    pairs: list[tuple[Any, Any]] = []
    failures: list[Failure] = []
    error, stopped = None, False
    told = pipe.events(islice(given.items, limit), sized=given.size is not None, batch_size=batch, **named)
    events = drafted(told, shown=progress is not False)
    bar = Progress(total, pipe.kind, False if given.shape == "one" else progress)
    try:
        with closing(told), bar:
            for event in events:
                if isinstance(event, Done):
                    bar.advance()
                    pairs.append((event.item, event.result))
                elif isinstance(event, Failed):
                    bar.advance()
                    if error is None:
                        error = noted(event) if given.shape != "one" else event.error
                    failures.append(Failure.of(event.index, event.stage, event.error, event.item))
                    pairs.append((event.item, failures[-1]))
    except KeyboardInterrupt:
        stopped = True
    except Exception as raised:  # the source's own: what it gave before counts
        error = raised
    done = len(pairs) - len(failures)
    answer = _answer(pipe, given.shape, pairs, chosen) if done or not (stopped or error) else None
    seconds = time.perf_counter() - start
    if isinstance(meta := getattr(answer, "meta", None), dict):
        meta["seconds"] = seconds
        if stopped:
            meta["stopped"] = True
    return Outcome(answer, done, total, seconds, failed=len(failures), stopped=stopped, error=error)


def _answer(pipe: Any, shape: str, pairs: list[tuple[Any, Any]], options: Any) -> Any:
    if shape == "one":
        item, result = pairs[0]
        return pipe.annotated(pipe.present(result, item, options), item)
    return pipe.gather([result for _, result in pairs], [item for item, _ in pairs], options)
