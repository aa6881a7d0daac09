#!/usr/bin/env python3
"""Make the pictures of the README: what cells of notebooks/gallery.ipynb show, live in JupyterLab.

    python docs/pictures.py [NAME ...]

Needs Chromium, what notebooks/gallery.ipynb needs, and the recordings of notebooks/recordings.py.
`make pictures` finds the rest.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Locator, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "browser"))

from lab import FLAGS, Notebook, Server, new_context, opened  # noqa: E402

COLOURS = (256, 160, 96, 48)
"""Of a picture, the most that fit: as PNG, photographs are small so."""
VIEWPORT = {"width": 920, "height": 1500}
MOST = 150_000
"""Bytes of a picture."""

SPEECH = """
from recordings import folder as recorded

hear = pipeline("automatic-speech-recognition", model=folder("whisper-tiny.en"), return_timestamps="word")
hear(str(recorded("english") / "demo-congrats.wav"))
"""
STREAM = """
reviews = [f"A warm and moving film, seen {i} times." if i % 3000 != 170 else None for i in range(200_000)]
job = pipeline("sentiment-analysis", model="demo").stream(reviews)
job
"""


def first_object(view: Locator) -> None:
    view.get_by_role("option").first.click()


def second_row(view: Locator) -> None:
    view.locator(".nbp-row").nth(1).click()
    view.locator(".nbp-detail mark").first.wait_for()


def some_seconds(view: Locator) -> None:
    view.locator(".nbp-log tbody tr").first.wait_for()
    time.sleep(8)


def later_word(view: Locator) -> None:
    view.locator(".nbp-wave canvas, canvas.nbp-wave").first.click(position={"x": 240, "y": 30})


def nothing(_view: Locator) -> None:
    """The view as it is at first."""


# By name: what the source of the cell holds, and what the reader does first.
PICTURES: dict[str, tuple[str, Callable[[Locator], None]]] = {
    "entities": ("%%pipe ner", nothing),
    "cells": ("table_qa(", nothing),
    "boxes": ('find("pictures', first_object),
    "masks": ("image-segmentation", nothing),
    "transcript": ("demo-congrats", later_word),
    "chat": ("%%pipe chat", nothing),
    "batch": ("pipe.show(", second_row),
    "stream": ("stream(reviews)", some_seconds),
}


def main() -> None:
    """Make the pictures; print their names and sizes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    names = parser.parse_args().names or list(PICTURES)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("Chromium is not installed: make browser installs it on Debian")
    cells = nbformat.read(ROOT / "notebooks" / "gallery.ipynb", as_version=4).cells
    first, *others = [cell.source for cell in cells if cell.cell_type == "code" and "close_all" not in cell.source]
    sources = [first, SPEECH, *others, STREAM]
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home))
        try:
            server.wait()
            for path in (ROOT / "notebooks").glob("*.py"):
                shutil.copy(path, server.root)
            shutil.copytree(ROOT / "notebooks" / "pictures", server.root / "pictures")
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            book = opened(new_context(browser), server, "gallery", sources)
            book.page.set_viewport_size(VIEWPORT)
            take(book, sources, names)
            browser.close()
        finally:
            server.end_kernels()
            server.close()


def take(book: Notebook, sources: list[str], names: list[str]) -> None:
    """Run the cells one after the other, and take the pictures that are wanted."""
    wanted = {next(i for i, source in enumerate(sources) if PICTURES[name][0] in source): name for name in names}
    for index in range(max(wanted) + 1):
        if index == len(sources) - 1 or "stream(" not in sources[index]:
            book.run(index)
        if index not in wanted:
            continue
        name = wanted[index]
        view = book.view(index)
        view.wait_for()
        view.scroll_into_view_if_needed()
        PICTURES[name][1](view)
        book.page.mouse.move(0, 0)
        time.sleep(1)  # a status line that tells what was done stays longer, and is a part of the view
        path = ROOT / "docs" / f"{name}.png"
        keep(view.screenshot(animations="disabled"), path)
        print(path.name, path.stat().st_size)


def keep(picture: bytes, path: Path) -> None:
    """Write a picture with as many colours as fit into its bytes."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        image.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST:
            return
    raise RuntimeError(f"{path.name} has {path.stat().st_size} bytes: show less in it")


if __name__ == "__main__":
    main()
