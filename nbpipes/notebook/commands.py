"""The subcommands of %pipe: what there is, what is loaded, what a task takes."""

from collections.abc import Callable, Mapping
from inspect import getdoc
from types import MappingProxyType
from typing import Any

from nbpipes.demo import FOLDERS
from nbpipes.engine import registry
from nbpipes.errors import InputError
from nbpipes.notebook import catalog
from nbpipes.notebook.forms import MEDIA, Form, Kind
from nbpipes.notebook.line import OPTIONS, SHORT
from nbpipes.notebook.models import Models
from nbpipes.notebook.panel import Panels
from nbpipes.notebook.table import Table, Text, in_bytes

STOPPING = 2.0  # seconds to wait for a job's last batch, so that its state is told
USAGE = """\
%%pipe TASK [model=ID] [key=value …] [--option …] [-o NAME | NAME <<]
the text below, or = and a Python expression, or one path per line for images and sound

%pipe TASK [key=value …] "text"      the same in one line; x = %pipe … keeps the result
%pipe tasks · info TASK · models [TASK] · loaded · unload [ID|all] · alias [NAME MODEL [key=value …]]
%pipe jobs · stop [ID]

key=value goes to the pipeline: literals, plain words, or objects as key=$name and key={expression}.
{{expression}} in the text is filled in; lines --- separate inputs; %config PipeMagics shows the defaults."""
EXAMPLES: Mapping[Kind, str] = MappingProxyType(
    {Kind.TEXT: "a text", Kind.IMAGE: "photos/*.jpg", Kind.AUDIO: "speech.wav", Kind.VIDEO: "clip.mp4"}
)


def usage(words: list[str], models: Models, aliases: dict[str, str]) -> Text:
    """How the magics are written."""
    short = {long: name for name, long in SHORT.items()}
    names = {
        name: ", ".join(filter(None, (short.get(name), f"{name} {o.value}".strip()))) for name, o in OPTIONS.items()
    }
    width = max(map(len, names.values()))
    lines = [f"  {names[name]:{width}}  {option.about}" for name, option in OPTIONS.items()]
    return Text("\n".join([USAGE, "", "Options:", *lines]))


def tasks(words: list[str], models: Models, aliases: dict[str, str]) -> Table:
    """All tasks, their other names and default models."""
    others: dict[str, list[str]] = {}
    for word, task in catalog.task_words().items():
        others.setdefault(task, []).extend([word] if word != task else [])
    rows = [(task, ", ".join(names), catalog.default_model(task)) for task, names in sorted(others.items())]
    return Table(("task", "also", "default model"), rows, note="%pipe info TASK tells its options")


def info(words: list[str], models: Models, aliases: dict[str, str]) -> Table:
    """What a task takes and gives."""
    if len(words) != 1:
        raise InputError("name one task: %pipe info ner")
    return task_info(words[0])


def task_info(word: str) -> Table:
    """The options of a task, what it takes and gives, and an example."""
    task, form = catalog.find_task(word)
    cls = catalog.pipeline_class(task)
    rows = [(o.name, o.default, " | ".join(o.choices) or o.kind) for o in catalog.options_of(cls)]
    note = "\n\n".join(
        part
        for part in (
            getdoc(cls.options_class) or "",
            f"Default model: {catalog.default_model(task)}",
            f"%%pipe {word}\n{_example(form)}",
        )
        if part
    )
    return Table(("option", "default", "values"), rows, title=f"{task}\n\n{getdoc(cls) or ''}".strip(), note=note)


def _example(form: Form) -> str:
    parts = [f for f in form.fields if not f.optional or f.kind is Kind.TURN]
    if len(parts) < 2:
        return EXAMPLES[form.kind]
    return "\n".join(f"{f.key}: {EXAMPLES[f.kind] if f.kind in MEDIA else '…'}" for f in parts)


def models_here(words: list[str], models: Models, aliases: dict[str, str]) -> Table:
    """The models that need no download: the local Hub cache, aliases, and the demo."""
    wanted = catalog.find_task(words[0])[0] if words else None
    cached = [m for m in catalog.cached_models() if wanted in (None, m.task)]
    rows = [(m.id, m.task, m.revision, in_bytes(m.bytes)) for m in cached]
    rows += [(name, "", "", f"alias of {model}") for name, model in sorted(aliases.items())]
    rows += [("demo", task, "", "comes with nbpipes") for task in FOLDERS if wanted in (None, task)]
    return Table(("model", "task", "revision", "size"), rows, note="in the local cache; the Hub has more")


def loaded(words: list[str], models: Models, aliases: dict[str, str]) -> Table:
    """The pipelines in memory."""
    rows = [
        (str(p.id), p.task, p.model, p.device, p.dtype, in_bytes(p.bytes), f"{p.seconds:.1f} s", str(p.uses))
        for p in models.loaded()
    ]
    total = sum(p.bytes for p in models.loaded())
    note = f"{in_bytes(total)} of at most {in_bytes(models.budget)}; %pipe unload ID frees one"
    return Table(("id", "task", "model", "device", "dtype", "size", "loading", "runs"), rows, note=note)


def unload(words: list[str], models: Models, aliases: dict[str, str]) -> Text:
    """Free pipelines."""
    gone = [one for word in words or ["all"] for one in models.unload(word)]
    lines = []
    for one in gone:
        about = f"{one.pipeline.task} {one.pipeline.model} ({in_bytes(one.pipeline.bytes)})"
        why = "a run is using it" if one.pipeline.busy else "a variable or an output still holds it"
        lines.append(f"freed {about}" if one.freed else f"forgot {about}, but {why}")
    return Text("\n".join(lines) or "nothing was loaded")


def alias_table(words: list[str], models: Models, aliases: dict[str, str]) -> Table:
    """The aliases of models."""
    return Table(("alias", "stands for"), sorted(aliases.items()))


def jobs(words: list[str], models: Models, aliases: dict[str, str]) -> Panels:
    """The panels of the jobs that run, and of the last ones that are over."""
    return Panels([registry.find(word) for word in words] or registry.jobs())


def stop(words: list[str], models: Models, aliases: dict[str, str]) -> Text:
    """Stop jobs, by default the one that started last."""
    found = [registry.find(word) for word in words] or [registry.find()]
    for job in found:
        job.stop()
        job.wait(STOPPING)
    return Text("\n".join(map(repr, found)))


Command = Callable[[list[str], Models, dict[str, str]], Any]
COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "help": usage,
        "tasks": tasks,
        "info": info,
        "models": models_here,
        "loaded": loaded,
        "unload": unload,
        "alias": alias_table,
        "jobs": jobs,
        "stop": stop,
    }
)


def checked_alias(name: str) -> str:
    """The name, if it can stand for a model: not a command, nor a task."""
    words = {**COMMANDS, **catalog.task_words()}
    if name in words or not name.replace("-", "_").isidentifier():
        raise InputError(f"{name!r} cannot be an alias: it is a task, a command, or no word")
    return name
