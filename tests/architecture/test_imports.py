"""What may import what. Layers of the package see downwards only, and no model knows another."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

FACTORY = ["tasks", "models", "engine", "hub", "processing", "demo"]  # the one place where tasks and models meet

# Who may import which parts of the package. A part includes what lies under it; errors are open to all.
MAY_IMPORT = {
    "errors": [],
    "demo": [],
    "hub": [],
    "layers": [],
    "models": ["layers", "hub"],
    "processing": ["hub", "layers"],
    "generation": ["layers.cache", "models.outputs", "models.decoding"],
    "results": [],
    "store": ["results"],
    "engine": ["layers", "hub", "processing", "results", "store", "models.outputs"],
    "tasks": [
        "engine",
        "processing",
        "generation",
        "results",
        "models.outputs",
        "models.heads",
        "models.kinds",
        "hub.config",
    ],
    "factory": FACTORY,
    "display": ["results"],
    "widgets": ["display", "results"],
    "notebook": [
        "demo",
        "factory",
        "tasks",
        "models",
        "engine",
        "hub",
        "processing",
        "results",
        "store",
        "display",
        "widgets",
    ],
}
# What may also be imported by name when it is first needed, as in errors.need("nbpipes.display").
MAY_NEED = {
    "results": ["display", "notebook.publish"],
    "widgets": ["notebook.publish"],
    "engine": ["display", "factory"],
}

# Packages that only some parts may import at the top of a file: elsewhere they slow `import nbpipes` down.
ONLY_IN = {
    "torch": [
        "layers",
        "models",
        "hub",
        "processing",
        "generation",
        "engine",
        "tasks",
        "factory",
    ],
    "pandas": ["results.frames", "notebook", "widgets"],
    "IPython": ["notebook", "widgets"],
    "ipywidgets": ["notebook", "widgets"],
    "anywidget": ["widgets"],
    "traitlets": ["notebook", "widgets"],
}
NEVER = ["transformers", "timm", "torchvision", "torchaudio"]

# Files that import modules by the names in a table.
IMPORT_BY_NAME = {
    *("", "errors", "models.registry", "tasks.registry", "display.registry"),
    "processing.audio.features",  # the registry of feature extractors
}


def under(name: str, parts: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def open_to(module: Any) -> list[str]:
    """What a module may import of the package."""
    return [*MAY_IMPORT.get(module.package, []), "errors", module.package]


def calls_of(tree: ast.AST, *functions: str) -> list[ast.Call]:
    """Calls of a function, by its last name."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [c for c in calls if getattr(c.func, "attr", getattr(c.func, "id", "")) in functions]


def test_every_part_of_the_package_has_its_rule(modules: Sequence[Any]) -> None:
    unknown = {m.package for m in modules} - MAY_IMPORT.keys() - {""}
    assert not unknown, f"say in MAY_IMPORT what these may import: {sorted(unknown)}"


def test_imports_go_one_way(modules: Sequence[Any]) -> None:
    wrong = []
    for module in modules:
        allowed = open_to(module)
        for node, name in module.imports():
            inner = name.removeprefix("nbpipes.")
            if module.package and inner != name and not under(inner, allowed):
                wrong.append(f"{module.where}:{node.lineno} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_what_is_needed_late_goes_one_way_too(modules: Sequence[Any]) -> None:
    wrong = []
    for module in modules:
        allowed = [*open_to(module), *MAY_NEED.get(module.package, [])]
        for call in calls_of(module.tree, "need"):
            name = ast.literal_eval(call.args[0]) if isinstance(call.args[0], ast.Constant) else ""
            inner = name.removeprefix("nbpipes.")
            if inner != name and not under(inner, allowed):
                wrong.append(f"{module.where}:{call.lineno} needs {name}")
    assert not wrong, "\n".join(wrong)


def test_no_model_imports_another(modules: Sequence[Any]) -> None:
    families = [m.name for m in modules if m.name.startswith("models.") and m.name.count(".") == 2]
    wrong = [
        f"{module.where}:{node.lineno} imports {name}"
        for module in modules
        if module.name in families
        for node, name in module.imports()
        if under(name.removeprefix("nbpipes."), families)
    ]
    assert not wrong, "\n".join(wrong)


def test_heavy_packages_stay_where_they_belong(modules: Sequence[Any]) -> None:
    wrong = [
        f"{module.where}:{node.lineno} imports {name}"
        for module in modules
        for node, name in module.imports()
        for package, parts in ONLY_IN.items()
        if under(name, [package]) and not under(module.name, parts)
    ]
    assert not wrong, "\n".join(wrong)


def test_other_implementations_are_never_imported(modules: Sequence[Any]) -> None:
    wrong = [
        f"{module.where}:{node.lineno} imports {name}"
        for module in modules
        for node, name in module.imports()
        if under(name, NEVER)
    ]
    for module in modules:
        for call in calls_of(module.tree, "need", "import_module", "__import__"):
            if call.args and isinstance(call.args[0], ast.Constant) and under(str(call.args[0].value), NEVER):
                wrong.append(f"{module.where}:{call.lineno}")
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute_and_at_the_top(modules: Sequence[Any]) -> None:
    wrong = []
    for module in modules:
        wrong += [f"{module.where}:{n.lineno} is relative" for n, name in module.imports() if name[0] == "."]
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                late = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
                wrong += [f"{module.where}:{n.lineno} is inside a function; use errors.need" for n in late]
    assert not wrong, "\n".join(wrong)


def test_modules_are_imported_by_name_in_registries_only(modules: Sequence[Any]) -> None:
    wrong = [
        f"{module.where}:{call.lineno}"
        for module in modules
        if module.name not in IMPORT_BY_NAME
        for call in calls_of(module.tree, "import_module", "__import__")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["torch", "pandas", "IPython", "ipywidgets", "huggingface_hub"])
def test_importing_nbpipes_is_light(package: str) -> None:
    code = f"import sys, nbpipes; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_listing_the_tasks_needs_no_torch() -> None:
    code = """
import sys
from nbpipes.notebook import commands
assert "text-classification" in str(commands.tasks([], None, {}))
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
