"""A pipeline as a value: what to build it from in another process, and whether two are the same."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from nbpipes.engine.options import Options
from nbpipes.errors import InputError, need


@dataclass(frozen=True, slots=True)
class PipeSpec:
    """Task, model, revision, dtype, device and options of a pipeline. Pickles; holds no weights.

    model: Hub id, folder or GGUF file. files: of a local model, what tells that it has changed: names and sizes.
    options: those that differ from the task's defaults. pipeline_class: of the user's own, else None.
    """

    task: str
    model: str
    revision: str | None = None
    dtype: str = "float32"
    device: str = "cpu"
    batch_size: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    files: tuple[tuple[str, int], ...] = ()
    pipeline_class: type | None = None

    @classmethod
    def of(cls, pipe: Any, options: Options | None = None) -> Self:
        """Describes a pipeline. options: instead of its own."""
        repo, chosen = getattr(pipe.model, "repo", None), options or pipe.options
        here = repo.location.resolve() if repo is not None and repo.location is not None else None
        plain = type(chosen)()
        return cls(
            task=str(pipe.kind or pipe.task),
            model=str(here or (repo.name if repo is not None else "")),
            revision=repo.commit if repo is not None else None,
            dtype=str(pipe.dtype).removeprefix("torch."),
            device=str(pipe.device),
            batch_size=pipe.batch_size,
            options={
                item.name: getattr(chosen, item.name)
                for item in fields(chosen)
                if getattr(chosen, item.name) != getattr(plain, item.name)
            },
            files=_files(here) if here else (),
            pipeline_class=None if type(pipe).__module__.startswith("nbpipes.tasks.") else type(pipe),
        )

    def about(self) -> dict[str, Any]:
        """What its results depend on, as plain values: not the device, the batch size or where a folder lies."""
        model = [list(pair) for pair in self.files] or [self.model, self.revision]
        cls = self.pipeline_class
        return {
            "task": self.task,
            "model": model,
            "dtype": self.dtype,
            "options": json.loads(json.dumps(self.options, sort_keys=True, default=repr)),
            "class": f"{cls.__module__}.{cls.__qualname__}" if cls else "",
        }

    def build(self) -> Any:
        """Loads the pipeline. InputError for one whose model came from no repository."""
        if not self.model:
            raise InputError("this pipeline's model came from no repository, so it cannot be built anew")
        return need("nbpipes.factory").pipeline(
            self.task,
            self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            batch_size=self.batch_size,
            pipeline_class=self.pipeline_class,
            **self.options,
        )


def _files(here: Path) -> tuple[tuple[str, int], ...]:
    files = here.iterdir() if here.is_dir() else [here]
    return tuple(sorted((path.name, path.stat().st_size) for path in files if path.is_file()))
