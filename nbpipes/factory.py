"""`pipeline()`: the one place where tasks and models meet."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import torch

from nbpipes import demo
from nbpipes.engine import compute
from nbpipes.engine.devices import pick_device, pick_dtype
from nbpipes.engine.pipeline import Pipeline
from nbpipes.engine.saving import SETTINGS
from nbpipes.errors import InputError, RepoError, TaskError, nearest
from nbpipes.hub.config import Config
from nbpipes.hub.repo import Repo
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.processing.audio.features import load_feature_extractor
from nbpipes.processing.images import ImageProcessor
from nbpipes.processing.text import Tokenizer
from nbpipes.tasks.registry import PIPELINE_REGISTRY, Row, find, infer

__all__ = ["PIPELINE_REGISTRY", "pipeline"]
log = logging.getLogger(__name__)
LOADERS: Mapping[str, Callable[..., Any]] = {
    "feature_extractor": load_feature_extractor,
    "image_processor": ImageProcessor.load,
    "tokenizer": Tokenizer.load,
}
"""How the parts that a task names are read from a repository."""


@dataclass(frozen=True, slots=True)
class Access:
    """How repositories are opened; these are also the keys of `model_kwargs`."""

    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool | None = None
    variant: str | None = None
    dtype: str | torch.dtype | None = None

    def open(self, source: str | Path, *, revision: str | None = None) -> Repo:
        """The repository of a name or folder. revision: that of a model; other parts come from their default branch."""
        where = {"token": self.token, "cache_dir": self.cache_dir, "local_files_only": self.local_files_only}
        return Repo(source, revision=revision, **where)


def pipeline(
    task: str | None = None,
    model: str | Path | Model | None = None,
    config: str | Path | Mapping[str, Any] | Config | None = None,
    tokenizer: str | Path | tuple[str, dict[str, Any]] | Tokenizer | None = None,
    feature_extractor: Any = None,
    image_processor: Any = None,
    processor: Any = None,
    framework: str | None = None,
    revision: str | None = None,
    use_fast: bool = True,
    token: str | bool | None = None,
    device: int | str | torch.device | None = None,
    device_map: str | Mapping[str, int | str | torch.device] | None = None,
    dtype: str | torch.dtype | None = None,
    trust_remote_code: bool | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    pipeline_class: type[Pipeline] | None = None,
    torch_dtype: str | torch.dtype | None = None,
    use_auth_token: str | bool | None = None,
    **options: Any,
) -> Pipeline:
    """Builds the pipeline of a task with a model.

    task: a task's id or alias; may be left out where the model's files tell it. model: a Hub id, a folder, a loaded
    model, or "demo" for the small model that comes with nbpipes; left out, the task's default model. revision: branch,
    tag or commit of the model. tokenizer, config, …: replace what the model's repository brings. token: for private
    repositories.
    device: "auto" (the default: a GPU if there is one), "cpu", "cuda:1", a number. device_map: "auto" is the same as
    device="auto", and a dict may put all parts on one device. dtype (old name torch_dtype): float32 unless given,
    "auto" for the checkpoint's own. token is also called use_auth_token, as it once was.
    model_kwargs: more ways to open a repository: cache_dir, local_files_only, variant, dtype, revision, token.
    pipeline_class: your own subclass of the task's pipeline. options: batch_size and the task's keywords, as defaults
    of every call. use_fast and trust_remote_code change nothing: tokenizers are always fast, and code from a
    repository never runs.
    Errors: TaskError, RepoError, ConfigError, CheckpointError, TokenizerError; TypeError for an unknown keyword.
    """
    if model is None and tokenizer is not None:
        raise TaskError("a tokenizer without a model is not enough: name the model that it belongs to")
    given = {"model": model, "config": config, "tokenizer": tokenizer, "feature_extractor": feature_extractor}
    given |= {"image_processor": image_processor, "processor": processor}
    _check_ours(given)
    access = Access(revision, token if use_auth_token is None else use_auth_token, dtype=dtype or torch_dtype)
    access = _merged(access, model_kwargs or {})
    where = pick_device(_one_device(device, device_map))
    found = _find(task, model, config, access, where)
    _warn_of_another_head(found)
    wanted = [*found.row.parts, *(part for part, taken in found.row.optional.items() if taken in found.model.accepts)]
    parts = {name: given[name] for name in LOADERS}
    parts |= {name: _part(name, given[name], found.model, access) for name in wanted}
    return (pipeline_class or found.row.pipeline_class())(
        found.model,
        **parts,
        processor=processor,
        framework=framework,
        task=found.task,
        device=where,
        **_with_assistant(found.options | options, access, where),
    )


def _check_ours(given: Mapping[str, Any]) -> None:
    """InputError for a part of transformers, whose objects work otherwise, and for a model that is none."""
    for name, value in given.items():
        if type(value).__module__.partition(".")[0] == "transformers":
            source = getattr(value, "name_or_path", "") or "…"
            told = f"{name}= is a {type(value).__name__} of transformers: pass its name or folder, {name}={source!r}"
            raise InputError(f"{told}. What was changed after loading has to be saved to a folder first")
    model = given["model"]
    if not (model is None or isinstance(model, str | Path | Model)):
        raise InputError(f"model must be a name, a folder or the .model of a pipeline, not {type(model).__name__}")


@dataclass(frozen=True, slots=True)
class Found:
    """A model and the task that it is for: as the user named it, and its row. options: those it was saved with."""

    model: Model
    task: str
    row: Row
    options: dict[str, Any]


def _find(task: str | None, model: Any, config: Any, access: Access, device: torch.device) -> Found:
    if isinstance(model, Model):
        asked = task or _inferred(model.config.raw, model.repo)
        name, row = find(asked)
        return Found(_checked(model, name, row), asked, row, {})
    repo = _repository(task, model, access)
    settings, raw = repo.json_or_empty(SETTINGS), _config(config, repo, access)
    asked = task or settings.get("task") or _inferred(raw, repo)
    name, row = find(asked)
    read = partial(load_model, repo, row.heads, task=name, raw=raw, device=device, dtype=_dtype(access.dtype))
    loaded = compute.run(partial(read, variant=access.variant))  # it copies with all of torch's threads
    return Found(loaded, asked, row, settings.get("options", {}) if settings.get("task") == name else {})


def _warn_of_another_head(found: Found) -> None:
    """Files name the weights of these heads alike, so one would be taken for the other without a word."""
    architectures = tuple(str(name) for name in found.model.config.raw.get("architectures") or ())
    made, alike, kind = infer(architectures), {Head.SEQUENCE, Head.TOKENS}, found.model.kind
    if made is not None and kind in alike and kind not in (heads := find(made)[1].heads) and alike & set(heads):
        log.warning(
            "config.json names %s: the model was trained for %s, and what it answers for %s may mean nothing",
            *(", ".join(architectures), made, found.task),
        )


def _with_assistant(options: dict[str, Any], access: Access, device: torch.device) -> dict[str, Any]:
    """The options with the model that shall help to write, and its tokenizer, where only their names were given."""
    model, tokenizer = options.get("assistant_model"), options.get("assistant_tokenizer")
    if isinstance(tokenizer, str | Path):
        options = options | {"assistant_tokenizer": Tokenizer.load(access.open(tokenizer))}
    if not isinstance(model, str | Path):
        return options
    read = partial(load_model, access.open(model), (Head.CAUSAL,), task="assistance", device=device)
    return options | {"assistant_model": compute.run(partial(read, dtype=_dtype(access.dtype)))}


def _merged(given: Access, more: Mapping[str, Any]) -> Access:
    """The arguments with `model_kwargs` added, which must not contradict them."""
    names = {"torch_dtype": "dtype", "use_auth_token": "token"}
    more = {names.get(name, name): value for name, value in more.items()}
    known = [item.name for item in fields(Access)]
    for name, value in more.items():
        if name in ("load_in_8bit", "load_in_4bit", "quantization_config") and value:
            raise InputError(f"{name} is not supported: weights are not quantized. dtype='bfloat16' halves their size")
        if name not in known:
            raise InputError(f"model_kwargs has no {name!r}{nearest(name, known)}. It may hold: {', '.join(known)}")
        if getattr(given, name) not in (None, value):
            raise InputError(f"{name} is given twice, as an argument and in model_kwargs")
    return replace(given, **more)


def _repository(task: str | None, model: str | Path | None, access: Access) -> Repo:
    """The repository of the model that was named, or of the task's default."""
    if model is None:
        if task is None:
            raise TaskError("name a task or a model: pipeline('ner'), or pipeline(model='…')")
        name, row = find(task)
        model, pinned = row.default
        if not model:
            raise TaskError(f"{task} has no default model: name one, pipeline({task!r}, model=…)")
        log.warning("No model was named: using %s at %s for %s. Name one for real work.", model, pinned, name)
        return access.open(model, revision=access.revision or pinned)
    if model == "demo":
        if task is None:
            raise TaskError('model="demo" needs a task: pipeline("text-classification", model="demo")')
        return access.open(demo.folder(find(task)[0]))
    return access.open(model, revision=access.revision)


def _config(config: str | Path | Mapping[str, Any] | Config | None, repo: Repo, access: Access) -> dict[str, Any]:
    match config:
        case Config():
            return config.raw
        case Mapping():
            return dict(config)
        case None:
            return repo.json("config.json")
    return access.open(config).json("config.json")


def _inferred(raw: Mapping[str, Any], repo: Repo | None) -> str:
    """The task that a model was made for, from the class named in its config, else from the Hub."""
    architectures = tuple(str(name) for name in raw.get("architectures") or ())
    if found := infer(architectures):
        return found
    if repo is not None and not repo.is_local:
        try:
            tag = huggingface_hub.HfApi().model_info(repo.name).pipeline_tag
        except Exception as error:  # whatever the Hub or the way there answers, the task stays unknown
            log.info("the Hub did not tell the task of %s: %s", repo.name, error)
        else:
            if tag:
                return tag
    told = f"its config.json names {', '.join(architectures)}" if architectures else "its config.json names no class"
    raise TaskError(
        f"the task of {repo.name if repo else 'this model'} cannot be told ({told}); name it: pipeline(task, …)"
    )


def _one_device(
    device: int | str | torch.device | None, device_map: str | Mapping[str, int | str | torch.device] | None
) -> int | str | torch.device | None:
    if device_map is None:
        return device
    if device is not None:
        raise InputError("give device or device_map, not both")
    if isinstance(device_map, Mapping):
        if len(places := {str(place): place for place in device_map.values()}) == 1:
            return next(iter(places.values()))
        raise InputError("a device_map that spreads a model over devices is not supported; use device=")
    return "auto" if device_map in ("auto", "balanced", "balanced_low_0", "sequential") else device_map


def _dtype(wanted: str | torch.dtype | None) -> torch.dtype | None:
    """None, for what the checkpoint holds, where "auto" is wanted."""
    return None if wanted == "auto" else pick_dtype(wanted)


def _checked(model: Model, task: str, row: Row) -> Model:
    if model.kind not in row.heads:
        wanted = " or ".join(row.heads)
        raise TaskError(f"{task} needs a model with a {wanted} head; this {model.config.model_type} has: {model.kind}")
    return model


def _part(part: str, given: Any, model: Model, access: Access) -> Any:
    """A part as given, or read from the repository that was named for it, or from the model's."""
    if isinstance(given, tuple):
        source, overrides = given
        return LOADERS[part](access.open(source), **overrides)
    if isinstance(given, str | Path):
        return LOADERS[part](access.open(given))
    if given is not None:
        return given
    if model.repo is None:
        raise RepoError(f"the model object does not know its repository: pass {part}= too")
    return LOADERS[part](model.repo)
