"""Makes the scripts of notebooks/ importable, as they are for a notebook that lies beside them."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _notebooks_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "notebooks"))
