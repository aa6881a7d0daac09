"""What there is to choose from: tasks, options, models on this machine."""

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from huggingface_hub import constants

from nbpipes.errors import TaskError, need
from nbpipes.notebook.forms import SHORT, Form, form_of
from nbpipes.tasks import registry


@dataclass(frozen=True, slots=True)
class Cached:
    """A model in the local Hub cache. tasks: what its config tells; bytes: of its newest snapshot."""

    id: str
    task: str
    revision: str
    bytes: int


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """A keyword of a task. choices: its words, where they are few."""

    name: str
    kind: str
    default: str
    choices: tuple[str, ...]


def task_words() -> dict[str, str]:
    """Every word that names a task, and the id of that task."""
    known = {name: name for name in registry.TASKS}
    aliases = {**SHORT, **registry.ALIASES}
    return known | {word: task for word, task in aliases.items() if task in known}


def find_task(word: str) -> tuple[str, Form]:
    """The task that a word names, as the factory takes it, and how its bodies are read.

    TaskError names the nearest for an unknown word.
    """
    words = task_words()
    try:
        task = words.get(word) or (registry.find(word) and word)
    except TaskError:
        raise TaskError(f"{registry.mistaken(word, words)}. %pipe tasks lists them") from None
    return task, form_of("chat" if word == "chat" else task)


def default_model(task: str) -> str:
    """The model that a task takes where none is named, "" if it has none."""
    return registry.find(task)[1].default[0]


def pipeline_class(task: str) -> Any:
    """The class of a task's pipelines."""
    return registry.find(task)[1].pipeline_class()


def options_of(cls: Any) -> tuple[OptionInfo, ...]:
    """The call keywords of a pipeline class."""
    return tuple(
        OptionInfo(f.name, _type_name(f.type), repr(f.default), _choices(f.type)) for f in fields(cls.options_class)
    )


def build_words() -> tuple[str, ...]:
    """The keywords that choose and build a pipeline, as `pipeline()` has them."""
    parameters = inspect.signature(need("nbpipes.factory").pipeline).parameters.values()
    return tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)


def cached_models() -> list[Cached]:
    """The models in the local Hub cache, without asking the Hub."""
    found = (_cached(folder) for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")))
    return [model for model in found if model is not None]


def cached_names() -> list[str]:
    """The ids of the models in the local Hub cache; reads no file."""
    folders = sorted(Path(constants.HF_HUB_CACHE).glob("models--*"))
    return [_model_id(folder) for folder in folders if any(folder.glob("snapshots/*/config.json"))]


def _model_id(folder: Path) -> str:
    return folder.name.removeprefix("models--").replace("--", "/")


def _cached(folder: Path) -> Cached | None:
    configs = list(folder.glob("snapshots/*/config.json"))
    try:
        newest = max(configs, key=lambda config: config.stat().st_mtime).parent
        raw = json.loads((newest / "config.json").read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in newest.rglob("*") if file.is_file())
    except (OSError, ValueError):  # no snapshot, or one that is damaged or just being deleted
        return None
    return Cached(_model_id(folder), _task_of(raw), newest.name[:7], size)


def _task_of(raw: Any) -> str:
    names = raw.get("architectures") if isinstance(raw, Mapping) else None
    return registry.infer(tuple(str(name) for name in names or ())) or ""


def _choices(annotation: Any) -> tuple[str, ...]:
    """The words of a Literal, also inside a union."""
    if get_origin(annotation) is Literal:
        return tuple(str(word) for word in get_args(annotation))
    if annotation is bool:
        return ("True", "False")
    return tuple(word for inner in get_args(annotation) for word in _choices(inner))


def _type_name(annotation: Any) -> str:
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\w+\.", "", name)  # modules
