"""Views and their static twins through the life of a notebook."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

KERNEL = "() => globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel"


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_page_that_is_loaded_again_has_its_view(app: str, notebook: Callable[..., Any]) -> None:
    book = notebook(
        ["import samples", "samples.entities", "print([e['word'] for e in samples.entities.view().selected])"], app
    )
    book.run(0)
    book.run(1)
    book.view(1).wait_for()
    book.save()
    book.open(app)
    book.view(1).locator("mark", has_text="London").click()
    assert book.ask(2) == "['London']"
    expect(book.cell(1).locator("[data-nbp-twin]")).to_be_hidden()


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_without_its_kernel_a_notebook_shows_the_twin(
    app: str, notebook: Callable[..., Any], shot: Callable[..., None]
) -> None:
    book = notebook(["import samples", "samples.entities", "samples.many"], app)
    for index in range(3):
        book.run(index)
    book.view(2).wait_for()
    book.save()
    book.server.end_kernels()
    book.open(app)
    for index in (1, 2):
        twin = book.cell(index).locator("[data-nbp-twin]")
        expect(twin).to_be_visible()
        assert book.cell(index).locator(".nbp-live").count() == 0
        for words in ("Error displaying widget", "Loading widget"):
            expect(book.cell(index).get_by_text(words)).to_be_hidden()
    assert book.cell(1).locator("mark").count() == 7
    shot(book.page, f"{app}-twin")


def test_a_view_whose_kernel_restarts_says_so(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(["import samples", "samples.entities"])
    book.run(0)
    book.run(1)
    view = book.view(1)
    view.wait_for()
    book.page.evaluate(f"async () => {{ await ({KERNEL})().restart() }}")
    view.locator("mark", has_text="London").click()
    notice = view.locator(".nbp-notice")
    expect(notice).to_contain_text("The kernel does not answer")
    expect(view.locator("mark[aria-pressed=true]")).to_have_count(1)  # what needs no kernel goes on
    shot(view, "lab-light-kernel-gone")
    book.ready()
    book.run(0)
    book.run(1)
    expect(book.view(1).locator(".nbp-notice")).to_be_hidden()


def test_two_notebooks_on_one_kernel(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples", "samples.entities"])
    book.run(0)
    book.run(1)
    book.view(1).wait_for()
    other = notebook(["samples.labels", "print([p['label'] for p in samples.labels.view().selected])"])
    kernel = book.page.evaluate(f"() => ({KERNEL})().model")
    other.page.evaluate(
        "model => globalThis.jupyterapp.shell.currentWidget.sessionContext.changeKernel({id: model.id})", kernel
    )
    other.ready()
    other.run(0)
    other.view(0).get_by_role("option", name="anger").click()
    assert other.ask(1) == "['anger']"
    expect(book.view(1).locator("mark")).to_have_count(7)
    expect(book.view(1).locator(".nbp-notice")).to_be_hidden()


def test_html_of_nbconvert_shows_the_twin(notebook: Callable[..., Any], browser: Browser, tmp_path: Path) -> None:
    book = notebook(["import samples", "samples.entities"])
    book.run(0)
    book.run(1)
    book.view(1).wait_for()
    book.save()
    plain = _converted(book.path, tmp_path / "plain.html", "html")
    executed = _converted(book.path, tmp_path / "state.html", "html", "--execute")
    assert "application/vnd.jupyter.widget-state+json" not in plain
    assert "application/vnd.jupyter.widget-state+json" in executed
    for name in ("plain", "state"):
        page = browser.new_page()
        page.route("http*://**", lambda route: route.abort())  # as on a train
        page.goto((tmp_path / f"{name}.html").as_uri())
        assert page.locator("[data-nbp-twin] mark").count() == 7
        assert page.locator("[data-nbp-twin]").is_visible()
        page.close()


def _converted(path: Path, target: Path, *options: str) -> str:
    command = [sys.executable, "-m", "nbconvert", "--log-level", "ERROR", "--to", *options, path, "--output", target]
    subprocess.run(command, check=True, cwd=path.parent)
    return target.read_text(encoding="utf-8")
