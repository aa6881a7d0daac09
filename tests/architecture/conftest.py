"""The source code of the project, parsed, for tests that look at its shape."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """A Python file of the package. `name` is its dotted name without "nbpipes.", "" for nbpipes itself."""

    path: Path
    name: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The package or top-level module that it belongs to: "hub", "errors"."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Every imported module, or name of one, with the statement: `from a import b` gives "a.b"."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{'.' * node.level}{node.module}.{alias.name}") for alias in node.names)


def package_modules() -> list[Module]:
    modules = []
    for path in sorted((ROOT / "nbpipes").rglob("*.py")):
        parts = path.relative_to(ROOT / "nbpipes").with_suffix("").parts
        modules.append(Module(path, ".".join(part for part in parts if part != "__init__")))
    return modules


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """The files of the package."""
    return package_modules()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT
