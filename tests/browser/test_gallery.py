"""A thousand results in one widget."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]
# From the message of the kernel that it is done until the first rows are in the page.
PAINT = """async (index) => {
  const panel = globalThis.jupyterapp.shell.currentWidget;
  const kernel = panel.sessionContext.session.kernel;
  let sent = 0;
  const listen = (_, {msg}) => { if (msg.header.msg_type === 'comm_open') sent = performance.now(); };
  kernel.anyMessage.connect(listen);
  panel.content.activeCellIndex = index;
  void globalThis.jupyterapp.commands.execute('notebook:run-cell');
  const cell = panel.content.widgets[index].node;
  while (!cell.querySelector('.nbp-row .nbp-heat')) await new Promise(requestAnimationFrame);
  kernel.anyMessage.disconnect(listen);
  return performance.now() - sent;
}"""


def test_a_thousand_results_are_painted_at_once(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples", "samples.many"])
    book.run(0)
    assert book.page.evaluate(PAINT, 1) < 1000
    assert book.view(1).locator(".nbp-row").count() < 40
    assert book.page.evaluate("() => document.querySelectorAll('.jp-OutputArea-child .nbp-live').length") == 1


def test_rows_are_fetched_searched_and_sorted(shown: Show) -> None:
    _, view = shown("samples.many")
    view.locator(".nbp-windowed").evaluate("node => { node.scrollTop = 30 * 700 }")
    expect(view.locator(".nbp-row", has_text="Review 700:")).to_be_visible()
    view.get_by_role("searchbox").fill("dull, long")
    expect(view.locator(".nbp-bar-top")).to_contain_text("334 of 1,000 results")
    view.get_by_role("searchbox").fill("")
    expect(view.locator(".nbp-bar-top")).not_to_contain_text("334")
    view.get_by_role("button", name="positive").click()
    expect(view.locator(".nbp-row").first.locator(".nbp-heat").nth(2)).to_have_text("1.00")


def test_a_row_is_opened_and_selected_by_keyboard(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("samples.people")
    view.locator(".nbp-windowed").focus()
    for _ in range(3):
        book.page.keyboard.press("ArrowDown")
    expect(view.locator(".nbp-detail mark").first).to_contain_text("Ada")
    expect(view.locator(".nbp-place").first).to_have_text("3 of 9")
    book.page.keyboard.press("Enter")
    book.until("[[e['word'] for e in row] for row in view.selected]", [["Ada", "Rome"]])
    view.locator(".nbp-detail mark", has_text="Rome").click()
    book.until("[e['word'] for e in view.selected_parts]", ["Rome"])
    shot(view, "lab-light-gallery-open")


def test_the_end_is_reached(shown: Show) -> None:
    book, view = shown("samples.many")
    view.locator(".nbp-windowed").focus()
    book.page.keyboard.press("End")
    expect(view.locator(".nbp-detail")).to_contain_text("Review 999")
    expect(view.locator(".nbp-detail .nbp-option")).to_have_count(3)
    expect(view.locator(".nbp-place").first).to_have_text(re.compile("1,000 of 1,000"))


def test_closing_frees_every_widget(notebook: Callable[..., Any]) -> None:
    count = "import json, gc; from ipywidgets.widgets import widget; gc.collect(); print(len(widget._instances))"
    book = notebook(
        ["import samples, nbpipes", count, "samples.many", "samples.entities", "nbpipes.close_all()", count]
    )
    book.run(0)
    before = book.ask(1)
    book.run(2)
    book.run(3)
    book.view(2).wait_for()
    book.view(3).wait_for()
    assert book.ask(4) == "2"
    assert book.ask(5) == before == "0"
    for cell in (2, 3):
        book.cell(cell).locator("[data-nbp-twin]").wait_for()  # the static HTML is back
        assert book.cell(cell).locator(".nbp-live").count() == 0


def test_running_a_cell_again_closes_its_views(notebook: Callable[..., Any]) -> None:
    count = "from nbpipes.widgets.view import OPEN; print(sorted(view.name for view in OPEN))"
    book = notebook(["import samples", "samples.entities", count, "samples.labels"])
    book.run(0)
    for _ in range(3):
        book.run(1)
    book.run(3)
    book.view(1).wait_for()
    assert book.ask(2) == "['entities', 'labels']"


FRAME = """
import pandas as pd
nbpipes.enable_pandas()
texts = {"review": ["A warm film.", None, "A dull evening.", "Fine."]}
reviews = pd.DataFrame(texts, index=["mon", "tue", "wed", "thu"])
view = reviews.pipe.show("sentiment", "review", model="demo")
"""


def test_rows_of_a_table_and_the_view_are_linked(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(["import nbpipes" + FRAME + "view", "view.reveal('wed')", ""])
    book.run(0)
    view = book.view(0)
    view.wait_for()
    expect(view.locator(".nbp-row")).to_have_count(3)
    view.locator(".nbp-row", has_text="mon").click()
    expect(view.locator(".nbp-detail")).to_contain_text("A warm film.")
    book.page.keyboard.press("Enter")
    book.until("view.selected", ["mon"])
    assert book.value("reviews.loc[view.selected, 'review'].tolist()") == ["A warm film."]
    book.run(1)
    expect(view.locator(".nbp-row[data-at]")).to_contain_text("wed")
    expect(view.locator(".nbp-detail")).to_contain_text("A dull evening.")
    shot(view, "lab-light-rows")
    book.run(0)  # makes a new view, and closes this one
    book.until("len(nbpipes.widgets.view.OPEN)", 1)


ROUNDS = """
for _ in range(10):
    for result in (samples.many, samples.people, samples.boxes):
        result._ipython_display_()
    nbpipes.close_all()
gc.collect()
print(" ", int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells of a process's memory so")
def test_the_memory_of_the_kernel_returns(notebook: Callable[..., Any]) -> None:
    book = notebook(["import gc, os, samples, nbpipes", ROUNDS])
    book.run(0)
    first = book.ask(1).split()[-1]  # what every process loads once
    for _ in range(3):
        last = book.ask(1).split()[-1]
    assert float(last) - float(first) < 15  # MB; the static HTML and the pictures of 90 views have 30
