"""A job's panel, live: it follows the job, and its buttons reach it while a cell runs."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

START = """
%load_ext nbpipes
import time
from nbpipes import pipeline
def rows():
    for i in range(100_000):
        time.sleep(0.01)
        yield f"A warm film, number {i}." if i % 40 else 5
job = pipeline("text-classification", model="demo").stream(rows())
job
"""


def test_a_job_is_followed_and_stopped(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook([START, "for _ in range(100): time.sleep(0.1)", "print(job.state)"])
    book.run(0)
    view = book.view(0)
    expect(view.locator(".nbp-log tbody tr").first).to_be_visible()
    expect(view.locator(".nbp-state")).to_have_text("running")
    shot(view, "lab-light-panel")
    book.page.evaluate("() => void globalThis.jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
    view.get_by_role("button", name="Pause").click()
    expect(view.locator(".nbp-state")).to_have_text("paused")
    view.get_by_role("button", name="Resume").click()
    expect(view.locator(".nbp-state")).to_have_text("running")
    view.get_by_label("automatic").uncheck()
    view.get_by_role("spinbutton").fill("4")
    view.get_by_role("spinbutton").press("Enter")
    view.get_by_role("button", name="Stop").click()
    expect(view.locator(".nbp-state")).to_have_text("stopped")
    book.theme("JupyterLab Dark")
    shot(view, "lab-dark-panel")
    assert book.ask(2) == "stopped"
    book.save()
    book.server.end_kernels()
    book.open()
    expect(book.cell(0).locator("[data-nbp-twin]")).to_contain_text("stopped")
