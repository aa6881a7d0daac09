"""Reading a run's folder without its pipeline, also while a job in this or another process writes to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbpipes.errors import StoreError
from nbpipes.results.failures import Failure
from nbpipes.results.records import Records, annotate
from nbpipes.results.rows import numbered
from nbpipes.store.open import reader_of


class Run:
    """The results in a run's folder, as a job with `sink=` writes them. Nothing is changed here.

    Iterating gives the results in the order of the rows; in the place of one that failed there is a Failure.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        found = reader_of(self.path)
        if found is None:
            raise StoreError(f"{self.path} holds no run: pass the folder that was given as sink=")
        self._reader = found

    @property
    def about(self) -> dict[str, Any]:
        """The task, model, dtype and options that the results come from."""
        return self._reader.described()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are "done", and how many "failed"."""
        return self._reader.counts()

    def __iter__(self) -> Iterator[Any]:
        task = self.about.get("task", "")
        for _, value, item in self._reader.entries():
            yield value if isinstance(value, Failure) else annotate(value, task, item, {})

    @property
    def errors(self) -> Records:
        """The rows that failed."""
        failures = self._reader.failures()
        return Records(failures, "error", [one.source for one in failures], {}, batched=True)

    def to_df(self) -> Any:
        """A pandas DataFrame of the results; "row" is the row of the input, "key" its key if the run has one."""
        task, rows = self.about.get("task", ""), list(self._reader.entries())
        results = [annotate(value, task, item, {}) for _, value, item in rows]
        records = Records(results, task, [item for _, _, item in rows], {}, batched=True)
        keys = self._reader.keys() if self.about.get("key") else {}
        return numbered(records, [row for row, _, _ in rows], keys)

    def __repr__(self) -> str:
        counts = self.counts
        return f"<Run {self.path}: {self.about.get('task', '')}, {counts['done']:,} rows, {counts['failed']:,} failed>"
