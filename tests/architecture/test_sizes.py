"""Files, functions and classes stay small enough to be read in one go, and parameters are named."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FILE_LINES = 400
FUNCTION_LINES = 50
CLASS_METHODS = 15

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Keywords that come from a user, or go through to an inner module. Everywhere else a parameter has a name.
OPEN_KEYWORDS = {
    "pipeline",
    "Pipeline.__init__",
    "Pipeline.events",
    "Streamed.stream",
    "BoundPipe.show",
    "BoundPipe.stream",
    "BoundPipe.__getattr__.task",
    "_Pipe.__init__.pipe",
    "Tokenizer.load",
    "__call__",
    "ensure_tensor_on_device",
    "Model.forward",
    "Residual.forward",
    "Scaled.forward",
    "through",
    "Block.forward",
    "Blocks.forward",
}


def lines(function: Function) -> int:
    """How long a function is, without its decorators and its docstring."""
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= first.end_lineno - first.lineno + 1
    return length


def functions(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, Function]]:
    """Every function with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = f"{scope}.{node.name}" if scope else node.name
            if isinstance(node, Function):
                yield name, node
            yield from functions(node, name)
        else:
            yield from functions(node, scope)


def own_files(root: Path) -> list[Path]:
    """The Python files of the repository, without those that are ignored (environments, builds)."""
    tops = [root / top for top in ("nbpipes", "notebooks", "benchmarks", "tests")]
    return sorted(path for top in tops for path in top.rglob("*.py"))


def test_files_are_short(root: Path) -> None:
    counts = {p.relative_to(root).as_posix(): p.read_text("utf-8").count("\n") for p in own_files(root)}
    assert {name: count for name, count in counts.items() if count > FILE_LINES} == {}


def test_functions_are_short(root: Path) -> None:
    long = {}
    for path in own_files(root):
        for name, function in functions(ast.parse(path.read_text("utf-8"))):
            if lines(function) > FUNCTION_LINES:
                long[f"{path.relative_to(root).as_posix()}:{function.lineno} {name}"] = lines(function)
    assert long == {}


def test_classes_have_few_methods(modules: Sequence[Any]) -> None:
    large = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                methods = {child.name for child in node.body if isinstance(child, Function)}
                if len(methods) > CLASS_METHODS:
                    large[f"{module.where}:{node.lineno} {node.name}"] = len(methods)
    assert large == {}


def test_keywords_have_names(modules: Sequence[Any]) -> None:
    wrong = []
    for module in modules:
        for name, function in functions(module.tree):
            short = name.rpartition(".")[2]
            if function.args.kwarg and not {name, short} & OPEN_KEYWORDS:
                wrong.append(f"{module.where}:{function.lineno} {name}(**{function.args.kwarg.arg})")
    assert not wrong, "\n".join(wrong)
