"""The notebook about pictures runs from top to bottom, and is stored with what it shows, small enough to be read."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "vision.ipynb"


def test_it_is_stored_as_one_run_left_it() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "store it anew: make notebooks"
    outputs = [output for cell in cells for output in cell.outputs]
    assert "error" not in {output.output_type for output in outputs}
    drawn = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert "Egyptian cat" in drawn
    assert "data:image/" in drawn
    assert NOTEBOOK.stat().st_size < 2_000_000


@pytest.mark.kernel
@pytest.mark.network
@pytest.mark.slow
def test_it_runs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("holiday.jpg" in text and "InputError" in text for text in texts)
