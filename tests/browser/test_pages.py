"""What the reader does with a page: answers are selected, words read, and all of it taken away."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]
NUMBER = 610, 230  # where the answer stands on the page, which is 850 pixels wide
PICKED = "[answer['answer'] for answer in view.selected]"


def press(view: Any, x: int, y: int, act: str = "click") -> None:
    """Click or hover a place of the page."""
    canvas = view.locator(".nbp-stage canvas")
    scale = canvas.bounding_box()["width"] / 850
    getattr(canvas, act)(position={"x": x * scale, "y": y * scale})


def test_answers_are_selected_on_the_page_and_in_the_list(shown: Show) -> None:
    book, view = shown("samples.page")
    press(view, *NUMBER)  # the best of three answers that share this word
    book.until(PICKED, ["US-001"])
    view.get_by_role("option", name="no answer").click()
    book.until(PICKED, ["US-001", ""])
    view.get_by_role("option", name="no answer").press("Escape")
    book.until(PICKED, [])


def test_answers_and_words_are_reached_by_keyboard(shown: Show) -> None:
    book, view = shown("samples.page")
    cells = book.page.locator(".jp-Cell").count()
    view.get_by_role("option").first.focus()
    for key in ("ArrowDown", "Enter", "b", "x"):  # b and x are shortcuts of the notebook
        book.page.keyboard.press(key)
    book.until(PICKED, ["# US-001"])
    assert book.page.locator(".jp-Cell").count() == cells
    view.locator(".nbp-stage canvas").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        book.page.keyboard.press(key)
    expect(view.locator(".nbp-status")).to_contain_text("“TOTAL”")


def test_words_are_told_and_framed(shown: Show, shot: Callable[..., None]) -> None:
    _, view = shown("samples.page")
    press(view, *NUMBER, "hover")
    expect(view.locator(".nbp-readout")).to_have_text("“US-001” · answer 1: US-001 0.94")
    expect(view.locator(".nbp-option[data-at]")).to_contain_text("US-001")
    press(view, 80, 80, "hover")
    expect(view.locator(".nbp-readout")).to_have_text("“East”")
    press(view, 400, 1000, "hover")
    expect(view.locator(".nbp-readout")).to_contain_text("Click an answer")
    words = view.get_by_role("button", name="Words (66)")
    words.click()
    expect(words).to_have_attribute("aria-pressed", "true")
    shot(view, "lab-light-page-words")


def test_answers_are_taken_away(shown: Show) -> None:
    book, view = shown("samples.page")
    menu = view.get_by_label("Copy and download")

    def copied() -> str:
        menu.click()
        view.get_by_role("button", name="Copy text").click()
        expect(view.locator(".nbp-status")).to_have_text("Copied")
        return book.page.evaluate("navigator.clipboard.readText()")

    assert copied() == "US-001"
    view.get_by_role("option").nth(3).click()
    assert copied() == "is due within 15 days. Please make checks"
    menu.click()
    with book.page.expect_download() as waiting:
        view.get_by_role("button", name="Download picture").click()
    assert waiting.value.suggested_filename == "image.png"


def test_a_page_is_zoomed_to_an_answer(shown: Show) -> None:
    _, view = shown("samples.page")
    for _ in range(4):
        view.get_by_role("button", name="Zoom in").click()
    expect(view.get_by_role("button", name="Show all of the picture")).to_be_visible()
    view.get_by_role("option").nth(3).click()
    canvas = view.locator(".nbp-stage canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(view.locator(".nbp-readout")).to_contain_text("answer 4")
