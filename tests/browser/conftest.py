"""A JupyterLab of its own, and Chromium to look at it. Each test writes a notebook, opens it, runs and touches it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lab import FLAGS, Notebook, Server, new_context, opened
from playwright.sync_api import Browser, Locator, sync_playwright

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
Opener = Callable[..., Notebook]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Tests are skipped where there is none, but never in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("Chromium is not installed: make browser installs it on Debian")
    pytest.skip("Chromium is not installed")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("jupyter"))
    try:
        server.wait()
        yield server
        server.end_kernels()
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One a file: while Playwright is on, this thread has a running event loop, and later tests need their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def notebook(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens a notebook of these cells: `notebook(["1 + 1"])`, in JupyterLab or with app="notebook" in Notebook 7."""
    context = new_context(browser)

    def make(cells: Sequence[str], app: str = "lab") -> Notebook:
        return opened(context, server, f"{request.node.originalname}-{time.monotonic_ns()}", cells, app)

    yield make
    context.close()
    server.end_kernels()


@pytest.fixture(scope="module")
def shown(browser: Browser, server: Server) -> Iterator[Callable[[str], tuple[Notebook, Locator]]]:
    """Shows a sample in a notebook that the tests of a file share: gives the notebook and the view.

    In the kernel they are `result` and `view`.
    """
    context = new_context(browser)
    book = opened(context, server, f"shared-{time.monotonic_ns()}", ["import samples, nbpipes", "", ""])
    book.run(0)

    def show(code: str) -> tuple[Notebook, Locator]:
        book.write(1, f"view = None\nresult = {code}\nresult")
        book.run(1)
        book.view(1).wait_for()
        book.write(2, "view = result if hasattr(result, 'selected') else result.view()")
        book.run(2)
        return book, book.view(1)

    yield show
    context.close()
    server.end_kernels()


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Any, str], None]:
    """Keeps a picture of a page or an element in the folder shots."""

    def take(what: Any, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        what.screenshot(path=SHOTS / f"{name}.png", animations="disabled")

    return take
