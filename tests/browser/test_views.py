"""Every view, live: in JupyterLab and in Notebook 7, in light and in dark, wide and narrow."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
SERIOUS = """async () => {
  const found = await axe.run('.nbp', {resultTypes: ['violations']});
  return found.violations.filter(({impact}) => ['serious', 'critical'].includes(impact)).flatMap(({id, nodes}) =>
    nodes.slice(0, 3).map(({html, failureSummary}) => `${id}: ${html.slice(0, 300)} ${failureSummary}`));
}"""

VIEWS = [
    *("entities", "nested", "arabic", "nothing", "huge", "labels", "topics", "answers", "blanks"),
    *("vectors", "vector", "written", "chat", "cells", "many", "people"),
]
PICTURES = ["boxes", "no_boxes", "crowd", "without_picture", "masks", "depth", "guesses", "album"]

PAGES = ["page", "page_alone", "dense_page", "no_answer", "no_page", "pages"]

SOUNDS = ["transcript", "segments", "one_word", "no_times", "no_sound", "classes", "heard", "recordings"]

GROUPS = {"texts": VIEWS, "pictures": PICTURES, "pages": PAGES, "sounds": SOUNDS}


@pytest.mark.parametrize("views", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_views_are_drawn(app: str, views: list[str], notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(["import samples", *(f"samples.{name}" for name in views)], app)
    for index in range(len(views) + 1):
        book.run(index)
    book.theme("JupyterLab Light")  # the page may be one that was dark already
    for index, name in enumerate(views, 1):
        view = book.view(index)
        view.scroll_into_view_if_needed()
        assert view.locator(".nbp-error").count() == 0
        assert not book.cell(index).locator("[data-nbp-twin]").is_visible()
        shot(view, f"{app}-light-{name}")
    book.theme("JupyterLab Dark")
    for index, name in enumerate(views, 1):
        book.view(index).scroll_into_view_if_needed()
        shot(book.view(index), f"{app}-dark-{name}")
    book.page.set_viewport_size({"width": 420, "height": 900})
    for index, name in enumerate(views, 1):
        book.view(index).scroll_into_view_if_needed()
        shot(book.view(index), f"{app}-narrow-{name}")


WITHIN = {  # views that hold others
    "texts": ["nbpipes.compare(samples.entities, samples.other)", "nbpipes.playground('sentiment', 'demo')"],
    "sounds": ["nbpipes.compare(samples.transcript, samples.heard_otherwise)"],
}


@pytest.mark.parametrize("kind", GROUPS)
def test_views_are_accessible(kind: str, notebook: Callable[..., Any]) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci")
    cells = ["import samples, nbpipes", *(f"samples.{name}" for name in GROUPS[kind]), *WITHIN.get(kind, [])]
    book = notebook(cells)
    count = len(cells)
    for index in range(count):
        book.run(index)
    for index in range(1, count):
        view = book.view(index)
        view.scroll_into_view_if_needed()
        for row in view.locator(".nbp-row").all()[:1]:
            row.click()
            view.locator(".nbp-detail .nbp-foot").wait_for()
        for part in view.locator("summary").filter(has_text=re.compile("Table|Crops")).locator("visible=true").all():
            part.click()
    book.page.add_script_tag(path=AXE)
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        book.theme(theme)
        assert book.page.evaluate(SERIOUS) == []
