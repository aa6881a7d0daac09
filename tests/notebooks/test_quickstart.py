"""The quickstart notebook runs from top to bottom, and what is stored in it is what it shows."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def shown(notebook: Any) -> list[str]:
    """What each code cell shows: nothing, a text, or something drawn."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    drawn = [any("text/html" in output.get("data", {}) for output in cell) for cell in outputs]
    return ["drawn" if html else "text" if cell else "" for cell, html in zip(outputs, drawn, strict=True)]


@pytest.mark.kernel
@pytest.mark.network
@pytest.mark.slow
def test_the_quickstart_runs_and_shows_what_is_stored() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(fresh, timeout=240, kernel_name="python3", resources=resources).execute()
    assert shown(fresh) == shown(stored), "store it anew: make notebooks"
    assert "drawn" in shown(stored)
