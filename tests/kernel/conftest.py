"""An IPython shell with the extension, and tiny checkpoints as users have them: one folder each."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token classifier."""
    return _checkpoint(tmp_path_factory, "tokens")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A text classifier."""
    return _checkpoint(tmp_path_factory, "sequence")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A question answerer."""
    return _checkpoint(tmp_path_factory, "spans")


def _checkpoint(tmp_path_factory: pytest.TempPathFactory, head: str) -> str:
    folder = tmp_path_factory.mktemp(head)
    for part in (head, "tokenizer"):
        shutil.copytree(GOLDEN / "bert" / part, folder, dirs_exist_ok=True)
    return str(folder)


@pytest.fixture(scope="session")
def one_shell() -> Any:
    return InteractiveShell.instance()


@pytest.fixture
def shell(one_shell: Any) -> Iterator[Any]:
    """The shell, with the extension loaded and a namespace of its own."""
    one_shell.reset(new_session=False)
    one_shell.extension_manager.load_extension("nbpipes")
    yield one_shell
    one_shell.extension_manager.unload_extension("nbpipes")
    one_shell.config.pop("PipeMagics", None)  # what %config set outlives the extension
