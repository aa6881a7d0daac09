"""A chat in a notebook: words, answers that grow, other versions, and what stays when the kernel is gone."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]


def test_chat_is_gone_on_with(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("samples.talk()")
    view.locator(".nbp-composer textarea").fill("And <b>Grace</b>?")
    view.get_by_role("button", name="Send").click()
    expect(view.get_by_role("button", name="Stop")).to_be_visible()
    expect(view.locator(".nbp-turn").last).to_contain_text("You said: And <b>Grace</b>?")
    expect(view.locator(".nbp-note").last).to_contain_text("tokens/s")
    book.until("len(view.messages)", 5)
    view.get_by_role("button", name="Regenerate").last.click()
    expect(view.locator(".nbp-turn").last).to_contain_text("2 of 2")
    expect(view.get_by_role("button", name="Stop")).to_be_hidden()
    view.get_by_role("button", name="Edit what the user said").first.click()
    field = view.get_by_role("textbox", name="What the user says instead")
    field.fill("Who was Alan?")
    shot(view, "lab-light-talk-editing")
    field.press("Control+Enter")
    expect(view.locator(".nbp-turn").last).to_contain_text("You said: Who was Alan?")
    expect(view.get_by_role("button", name="Stop")).to_be_hidden()
    shot(view, "lab-light-talk")
    book.theme("JupyterLab Dark")
    shot(view, "lab-dark-talk")
    book.theme("JupyterLab Light")
    view.get_by_role("button", name="Previous version").first.click()
    expect(view.locator(".nbp-turn").nth(1)).to_contain_text("Who wrote the first program?")
    book.until("len(view.messages)", 5)


def test_chat_stops(shown: Show) -> None:
    book, view = shown("samples.talk()")
    view.locator(".nbp-composer textarea").fill("word " * 60)
    view.locator(".nbp-composer textarea").press("Control+Enter")
    view.get_by_role("button", name="Stop").click()
    expect(view.get_by_role("button", name="Stop")).to_be_hidden()
    assert 0 < book.value("len(view.messages[-1]['content'])") < 200


def test_chat_texts_and_their_tokens(shown: Show, shot: Callable[..., None]) -> None:
    for name in ("scored", "written", "summary"):
        book, view = shown(f"samples.{name}")
        shot(view, f"lab-light-{name}")
        book.theme("JupyterLab Dark")
        shot(view, f"lab-dark-{name}")
        book.theme("JupyterLab Light")
    view = shown("samples.written")[1]
    view.get_by_role("button", name="Text 2").click()
    book.until("[e['generated_text'][-9:] for e in view.selected]", [" counted."])
