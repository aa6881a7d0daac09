"""The code of the widgets, built from the folder widgets/ of the repository."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"


@cache
def bundle(name: str) -> str:
    """Return the JavaScript of a widget.

    It is handed to anywidget as a text: a Path would keep every widget alive for ever.
    """
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")
