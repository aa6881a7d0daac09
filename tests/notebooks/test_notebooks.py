"""The notebooks run from top to bottom on real models, and are stored, small enough to be read, with what they show."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nbpipes.widgets.registry import KINDS

FOLDER = Path(__file__).parents[2] / "notebooks"
MOST = 2_000_000  # bytes
TWIN = "data-nbp-twin"  # marks the static HTML that stands for a view
OTHERWISE = {"text": "written", "image_embeddings": "embeddings"}  # views whose static HTML has another name
VIEWS = [f'nbp-{OTHERWISE.get(kind, kind)}"' for kind in KINDS]
DRAWN = {  # at least so many times
    "audio": {"<audio": 5},
    "gallery": {"nbp-job": 1} | dict.fromkeys(VIEWS, 1),
    "quickstart": {"nbp-scores": 1, "nbp-spans": 1},
    "tables": {"<mark": 1, "1,704 rows were read in": 1},
    "vision": {"Egyptian cat": 1, "data:image/": 1},
}
PRINTED = {
    "audio": ("00:00:00,000 --> 00:00:07,000\nCongratulations!", "✓ Please leave your message after the tone"),
    "gallery": (),
    "quickstart": ("Everyone has the right to rest and leisure",),
    "tables": ("'coordinates': [(",),
    "vision": ("InputError: 'holiday.jpg'",),
}
NETWORK = [pytest.mark.network]
SPEECH = pytest.mark.skipif(not shutil.which("apt-get"), reason="the recordings come from a package of Debian")
MARKS = {"audio": [*NETWORK, SPEECH], "gallery": NETWORK, "quickstart": NETWORK, "vision": NETWORK}


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def html_of(notebook: nbformat.NotebookNode) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs_of(notebook))


def test_all_are_tested() -> None:
    names = {path.stem for path in FOLDER.glob("*.ipynb")}
    assert DRAWN.keys() == PRINTED.keys() == names


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_stored_as_one_run_left_it(name: str) -> None:
    notebook = read(name)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "store it anew: make notebooks"
    assert "error" not in {output.output_type for output in outputs_of(notebook)}
    drawn = html_of(notebook)
    assert {text: drawn.count(text) for text, least in DRAWN[name].items() if drawn.count(text) < least} == {}
    assert (FOLDER / f"{name}.ipynb").stat().st_size < MOST


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in PRINTED])
def test_it_runs(name: str) -> None:
    notebook = read(name)
    views = html_of(notebook).count(TWIN)
    NotebookClient(
        notebook, timeout=280, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    printed = "".join(output.get("text", "") for output in outputs_of(notebook))
    assert [text for text in PRINTED[name] if text not in printed] == []
    assert html_of(notebook).count(TWIN) == views, "as many views as are stored"
