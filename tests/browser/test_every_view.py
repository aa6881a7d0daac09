"""Every view through the life of a notebook: loaded again, restarted under, opened without a kernel, exported."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

# One of each kind of view; names are those of samples.py.
CELLS = [
    *("samples.entities", "samples.labels", "samples.answers", "samples.blanks", "samples.vectors", "samples.written"),
    *("samples.summary", "samples.chat", "samples.cells", "samples.boxes", "samples.masks", "samples.depth"),
    *("samples.guesses", "samples.album", "samples.many", "samples.page", "samples.transcript", "samples.classes"),
    "nbpipes.compare(samples.transcript, samples.heard_otherwise)",
    *("nbpipes.compare(samples.boxes, samples.other_boxes)", "nbpipes.playground('table-qa', 'demo')"),
]
# What asks Python, in each view that has such a thing.
ASKS = "mark, [role=option], .nbp-mark"
RESTART = """async () => {
  await globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
}"""


def check_live(book: Any) -> None:
    for index, cell in enumerate(CELLS, 1):
        view = book.view(index)
        view.wait_for()
        view.scroll_into_view_if_needed()
        assert view.locator(".nbp-error").count() == 0, cell
        expect(book.cell(index).locator("[data-nbp-twin]")).to_be_hidden()
        assert view.locator(".nbp-notice").locator("visible=true").count() == 0, cell


def check_twins(page: Any) -> None:
    twins = page.locator("[data-nbp-twin]")
    assert twins.count() == len(CELLS)
    for index, cell in enumerate(CELLS):
        assert twins.nth(index).is_visible(), cell
        assert (twins.nth(index).text_content() or "").strip(), cell  # what is off the screen has no inner text
    assert page.locator(".nbp-live").count() == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_the_life_of_every_view(
    app: str, notebook: Callable[..., Any], browser: Browser, tmp_path: Path, shot: Callable[..., None]
) -> None:
    book = notebook(["import samples, nbpipes", *CELLS], app)
    for index in range(len(CELLS) + 1):
        book.run(index)
    check_live(book)
    book.save()
    book.open(app)
    check_live(book)

    book.page.evaluate(RESTART)
    for index, cell in enumerate(CELLS, 1):
        view = book.view(index)
        view.scroll_into_view_if_needed()
        if view.locator(ASKS).count():
            view.locator(ASKS).first.click()
            notice = view.locator(".nbp-notice").filter(has_text="The kernel does not answer").first
            assert notice.wait_for() is None, cell

    book.server.end_kernels()
    book.open(app)
    book.page.locator("[data-nbp-twin]").nth(len(CELLS) - 1).wait_for()
    check_twins(book.page)
    for words in ("Error displaying widget", "Loading widget"):
        for line in book.page.get_by_text(words).all():
            expect(line).to_be_hidden()
    shot(book.page, f"{app}-all-twins")

    if app == "lab":  # the same file in both
        export(book.path, browser, tmp_path)


def export(path: Path, browser: Browser, folder: Path) -> None:
    """Write HTML without the state of widgets, and with that of a run; a page without a network shows the twins."""
    for name, options in (("plain", ()), ("state", ("--execute",))):
        target = folder / f"{name}.html"
        command = [sys.executable, "-m", "nbconvert", "--log-level", "ERROR", "--to", "html", *options]
        subprocess.run([*command, path, "--output", target], check=True, cwd=path.parent)
        assert ("application/vnd.jupyter.widget-state+json" in target.read_text(encoding="utf-8")) == bool(options)
        page = browser.new_page()
        page.route("http*://**", lambda route: route.abort())
        page.goto(target.as_uri())
        check_twins(page)
        page.close()
