"""Starting a job on a pipeline, and describing the pipeline to one in another process."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from nbpipes.engine import registry
from nbpipes.engine.answers import OnError, checked
from nbpipes.engine.events import Event
from nbpipes.engine.inputs import Given, by_name
from nbpipes.engine.jobs import Job
from nbpipes.engine.loop import run
from nbpipes.engine.options import Options
from nbpipes.engine.shelf import HELD, Held, Shelf
from nbpipes.engine.spec import PipeSpec
from nbpipes.engine.tuning import Limits
from nbpipes.store.open import open_store

Resume = bool | Literal["restart"]


class Streamed:
    """The part of a pipeline that runs in the background."""

    options: Any
    task: str
    input_names: ClassVar[tuple[str, ...]]
    arguments: Callable[[tuple[Any, ...], dict[str, Any]], Given]
    limits: Callable[[int | None], Limits]

    @property
    def spec(self) -> PipeSpec:
        """What this pipeline is, as a value that can be pickled and built elsewhere."""
        return PipeSpec.of(self)

    def stream(
        self,
        *args: Any,
        sink: str | Path | None = None,
        on_error: OnError = "record",
        key: str | Callable[[Any], Any] | None = None,
        resume: Resume = True,
        store: Literal["auto", "sqlite", "shards"] = "auto",
        batch_size: int | None = None,
        **options: Any,
    ) -> Job:
        """Runs many items in the background and returns at once.

        args, options: as in a call. on_error: "record" puts a Failure in the place of a result, "skip" leaves the item
        out of the results (it stays in `job.errors`), "raise" ends the job.
        sink: a folder that keeps the results as they come. Run again with it, the job goes on where it was ended, by
        whatever: rows that are there are skipped if their items are unchanged. resume: False wants a new folder,
        "restart" empties it first. key: of a dict item, or a function of the item, by which a row is known again where
        the order of the items changes. store: "sqlite", or "shards" for network file systems; "auto" looks.
        Without a sink the results are kept in memory: all of them where the input tells its length, else at most
        100,000 that were not yet read by iterating over the job, which then waits.
        """
        given = self.arguments(by_name(args, options, self.input_names), options)
        chosen = self.options.updated(options, self.task)
        limits = self.limits(batch_size)
        shelf = self._shelf(given, chosen, sink, key, resume, store)
        return Job(self, given, self._engine(chosen, limits), limits, shelf, checked(on_error))  # pyright: ignore

    def _shelf(
        self, given: Given, options: Options, sink: str | Path | None, key: Any, resume: Resume, store: str
    ) -> Shelf:
        if sink is None:
            return Held(None if given.size is not None else HELD)
        for job in registry.jobs():  # the cell was run again: the new job goes on where the old one is stopped
            if getattr(job.shelf, "path", None) == Path(sink).resolve():
                job.stop()
                while not job.wait(1):
                    pass
        about = PipeSpec.of(self, options).about()
        return open_store(Path(sink).resolve(), about, key=key, resume=resume, kind=store)

    def _engine(self, options: Options, limits: Limits) -> Callable[..., Iterator[Event]]:
        def engine(items: Iterable[Any], *, ordered: bool, ready: Callable[[], bool] | None) -> Iterator[Event]:
            steps: Any = self
            return run(steps, items, options, limits, sized=True, soon=True, ordered=ordered, ready=ready, partial=True)

        return engine
