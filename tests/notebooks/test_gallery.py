"""The notebook that shows every view runs from top to bottom, and is stored, small, with what it shows."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nbpipes.widgets.registry import KINDS

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "gallery.ipynb"
MOST = 2_000_000  # bytes


def test_it_is_stored_as_one_run_left_it() -> None:
    assert NOTEBOOK.stat().st_size < MOST
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "store it anew: make notebooks"
    outputs = [output for cell in cells for output in cell.outputs]
    assert "error" not in {output.output_type for output in outputs}
    drawn = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    static = {"text": "written", "image_embeddings": "embeddings"}  # whose static HTML has another name
    assert [kind for kind in KINDS if f'nbp-{static.get(kind, kind)}"' not in drawn] == []
    assert "nbp-job" in drawn


@pytest.mark.kernel
@pytest.mark.network
@pytest.mark.slow
def test_it_runs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=280, kernel_name="python3", resources=resources).execute()
    views = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data-nbp-twin" in str(output)]
    assert len(views) > 15
