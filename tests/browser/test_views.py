"""Every view, live: in JupyterLab and in Notebook 7, in light and in dark, wide and narrow."""

from collections.abc import Callable
from typing import Any

import pytest

VIEWS = [
    *("entities", "nested", "arabic", "nothing", "huge", "labels", "topics", "answers", "blanks"),
    *("vectors", "vector", "written", "chat", "many", "people"),
]


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_views_are_drawn(app: str, notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(["import samples", *(f"samples.{name}" for name in VIEWS)], app)
    for index in range(len(VIEWS) + 1):
        book.run(index)
    for index, name in enumerate(VIEWS, 1):
        view = book.view(index)
        view.scroll_into_view_if_needed()
        assert view.locator(".nbp-error").count() == 0
        assert not book.cell(index).locator("[data-nbp-twin]").is_visible()
        shot(view, f"{app}-light-{name}")
    book.theme("JupyterLab Dark")
    for index, name in enumerate(VIEWS, 1):
        book.view(index).scroll_into_view_if_needed()
        shot(book.view(index), f"{app}-dark-{name}")
    book.page.set_viewport_size({"width": 480, "height": 900})
    for index, name in enumerate(VIEWS, 1):
        book.view(index).scroll_into_view_if_needed()
        shot(book.view(index), f"{app}-narrow-{name}")
