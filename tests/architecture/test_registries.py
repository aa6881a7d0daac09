"""The two lists, of model types and of tasks: nothing is missing from them, and every row leads somewhere."""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nbpipes.display.registry import KINDS
from nbpipes.engine.pipeline import Pipeline
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.registry import MODULES, family
from nbpipes.tasks.registry import ALIASES, TASKS


def family_files(modules: Sequence[Any]) -> list[str]:
    """Names of the files that hold families, as the registry writes them: "text.bert"."""
    names = [module.name for module in modules]
    return [name.removeprefix("models.") for name in names if re.fullmatch(r"models\.\w+\.\w+", name)]


def test_every_family_is_listed(modules: Sequence[Any]) -> None:
    listed = {
        (name, kind) for name in family_files(modules) for kind in import_module(f"nbpipes.models.{name}").FAMILIES
    }
    assert {(module, model_type) for model_type, module in MODULES.items()} == listed


@pytest.mark.parametrize("model_type", MODULES)
def test_every_model_type_leads_to_a_family(model_type: str) -> None:
    found = family(model_type)
    assert isinstance(found, Family)
    assert found.config.read({"model_type": model_type}).model_type == model_type


@pytest.mark.parametrize("model_type", MODULES)
def test_every_model_type_has_golden_cases(model_type: str, root: Path) -> None:
    assert list((root / "tests/golden" / model_type).glob("*/model.safetensors"))


def test_every_task_class_is_listed(modules: Sequence[Any]) -> None:
    defined = {
        f"{module.name.removeprefix('tasks.')}:{node.name}"
        for module in modules
        if module.package == "tasks"
        for node in module.tree.body
        if hasattr(node, "bases") and node.name.endswith("Pipeline")
    }
    assert {row.cls for row in TASKS.values()} == defined


@pytest.mark.parametrize("task", TASKS)
def test_every_task_leads_to_a_pipeline(task: str) -> None:
    row = TASKS[task]
    assert issubclass(row.pipeline_class(), Pipeline)
    assert row.heads
    assert all(isinstance(head, Head) for head in row.heads)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_drawn(task: str) -> None:
    assert KINDS[task].load().draw


def test_aliases_lead_to_tasks_and_hide_none() -> None:
    assert set(ALIASES.values()) <= TASKS.keys()
    assert not ALIASES.keys() & TASKS.keys()


def test_the_readme_names_what_works(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert [name for name in [*TASKS, *ALIASES, *MODULES] if f"`{name}`" not in readme] == []
