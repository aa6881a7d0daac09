"""The live panel of a background job: how far it is, and buttons that pause, stop and tune it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from traitlets import Unicode

from nbpipes.display import jobs, kit
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import View


class Job(Protocol):
    """What a panel needs of a job."""

    def snapshot(self) -> dict[str, Any]: ...
    def command(self, name: str, value: Any = None) -> None: ...


class Panel(View):
    """Shows a job. `refresh` takes a new picture of it: one thread calls it, at most ten times a second."""

    name: ClassVar[str] = "panel"
    _esm = Unicode(bundle("panel")).tag(sync=True)

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(job, {"about": "Background job", "job": plain(job.snapshot())})
        self.frame = dict(self.spec)
        self.ops |= {"command": self._command}

    def refresh(self) -> None:
        """Send how far the job is now, as one change of one trait."""
        self.spec = self.frame | {"job": plain(self.job.snapshot())}

    def to_html(self) -> str:
        return jobs.draw(self.job.snapshot())

    def parts(self) -> Sequence[Any]:
        return []

    def _command(self, args: Mapping[str, Any]) -> None:
        self.job.command(args["name"], args.get("value"))


def plain(value: Any) -> Any:
    """A value that JSON can hold: texts without lone surrogates, numbers without infinities."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        return kit.safe(value)
    return value if value is None or isinstance(value, bool) or kit.is_score(value) else None
