"""What users install: a wheel with the whole package, nothing else in it, which works far from here."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path

import pytest


def run(command: Sequence[str | Path], cwd: Path) -> str:
    """What a command prints; its complaints where it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend that is installed: no network is needed."""
    target = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target], root)
    return next(target.glob("*.whl"))


def test_the_package_is_whole(root: Path, wheel: Path) -> None:
    files = [path for path in (root / "nbpipes").rglob("*") if path.is_file()]
    wanted = {path.relative_to(root).as_posix() for path in files if "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert wanted - packed == set()
    outside = {name for name in packed - wanted if not name.startswith("jupyter_nbpipes-")}
    assert outside == set()


def test_the_metadata_say_what_is_needed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(names["METADATA"]).decode())
        assert b"Apache License" in archive.read(names["licenses/LICENSE"])
    assert metadata["Name"] == "jupyter-nbpipes"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    required = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert not any("transformers" in line for line in required)


def test_no_file_in_it_is_large(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    assert {name: size for name, size in sizes.items() if size > 2 << 20} == {}
    assert sum(sizes.values()) <= 16 << 20


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel, in a folder far from the repository.

    Its dependencies are lent by this environment through a .pth file: installing torch anew would take
    minutes. A .pth file inside a lent folder is not followed, so the editable nbpipes is not lent with them.
    """
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home / "venv", with_pip=False, symlinks=os.name != "nt")
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = home / "venv" / scripts / Path(sys.executable).name
    run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel], home)
    where = run([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], home)
    Path(where.strip(), "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def test_it_is_the_installed_package_that_answers(installed: Path, tmp_path: Path) -> None:
    code = """
import json, nbpipes
from nbpipes import pipeline
answer = pipeline("text-classification", model="demo")("A warm, funny and moving film.")
print(json.dumps([nbpipes.__file__, answer]))
"""
    file, answer = json.loads(run([installed, "-I", "-c", code], tmp_path).splitlines()[-1])
    assert Path(file).is_relative_to(installed.parents[1])
    assert answer[0]["label"] == "POSITIVE"
    assert 0.5 < answer[0]["score"] <= 1


def test_it_loads_into_ipython(installed: Path, tmp_path: Path) -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "nbpipes")
shell.run_cell_magic("pipe", "text-classification model=demo -o answer", "A warm, funny and moving film.")
print(shell.user_ns["answer"][0]["label"])
"""
    assert run([installed, "-I", "-c", code], tmp_path).splitlines()[-1] == "POSITIVE"
