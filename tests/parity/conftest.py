"""Real checkpoints and real texts for the live comparison with transformers."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNT = 50


@pytest.fixture(scope="session")
def checkpoint() -> Callable[[str], Path]:
    """The folder of a real checkpoint by name, brought into the cache if it is not there."""

    def folder(name: str) -> Path:
        cache = Path(os.environ.get("NBPIPES_CHECKPOINTS", Path.home() / ".cache/nbpipes/checkpoints"))
        if not (cache / name).is_dir():
            command = [sys.executable, str(ROOT / "notebooks/checkpoints.py"), str(cache), "--only", name]
            subprocess.run(command, check=True)
        return cache / name

    return folder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Paragraphs full of names, addresses, dates and links, of many lengths: what packages say about themselves."""
    found = list(dict.fromkeys(paragraphs()))
    wanted = COUNT - len(ODD)
    chosen = [found[i * len(found) // wanted] for i in range(wanted)] + ODD
    assert len(set(chosen)) == COUNT
    return chosen


def paragraphs() -> Iterator[str]:
    """Up to four from each licence, list of authors and description of the installed packages."""
    for package in sorted(metadata.distributions(), key=lambda one: one.name.lower()):
        for file in sorted(package.files or (), key=str):
            path = Path(str(file.locate()))
            if not re.match(r"(LICEN[CS]E|AUTHORS|NOTICE|METADATA)", path.name) or not path.is_file():
                continue
            parts = re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace"))
            kept = (part.strip() for part in parts if 20 < len(part.strip()) < 900)
            yield from sorted(kept, key=lambda part: -len(re.findall(r"@|\d|https?:|[A-Z][a-z]+ [A-Z]", part)))[:4]


ODD = [
    "John Smith, 42 Baker Street, Springfield, IL 62704. Phone: +1 (555) 010-9999, born 12/03/1987.",
    "Zoë Müller wohnt in der Königstraße 5, 70173 Stuttgart; IBAN DE89 3704 0044 0532 0130 00.",
    "Écrivez à Éloïse Lefèvre <eloise.lefevre@example.fr> avant le 1er février.",
    "山田太郎は東京都に住んでいます。 Ольга живёт в Москве.",
    "CALL ME at 555-0100!!! or mail  to\tjane.doe+spam@mail.example.co.uk 🙂🙂",
    "x",
]
