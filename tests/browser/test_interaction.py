"""What the reader does in a view, by mouse and by keyboard, reaches Python."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]


def test_entities_are_selected_by_mouse(shown: Show) -> None:
    book, view = shown("samples.entities")
    view.locator("mark", has_text="Charles Babbage").click()
    view.locator("mark", has_text="Zürich").click()
    book.until("[e['word'] for e in view.selected]", ["Charles Babbage", "Zürich"])
    expect(view.locator(".nbp-status")).to_contain_text("2 entities selected")


def test_entities_are_selected_by_keyboard(shown: Show) -> None:
    book, view = shown("samples.entities")
    cells = book.page.locator(".jp-Cell").count()
    view.locator("mark").first.focus()
    for key in ("ArrowRight", "Enter", "ArrowRight", " ", "b", "x"):  # b and x are shortcuts of the notebook
        book.page.keyboard.press(key)
    book.until("[e['word'] for e in view.selected]", ["Charles Babbage", "London"])
    assert book.page.locator(".jp-Cell").count() == cells
    view.locator("mark").first.focus()
    book.page.keyboard.press("Escape")
    book.until("view.selected", [])


def test_selection_can_be_observed(shown: Show) -> None:
    book, view = shown("samples.entities")
    book.write(2, "heard = []; view.observe(lambda change: heard.append(len(change.new)), 'selected')")
    book.run(2)
    view.locator("mark").first.click()
    book.until("heard", [1])


def test_a_class_is_shown_alone(shown: Show) -> None:
    _, view = shown("samples.entities")
    key = view.get_by_role("button", name=re.compile("^LOC"))
    key.hover()
    expect(view.locator("mark[data-dim]")).to_have_count(5)
    key.click()
    expect(key).to_have_attribute("aria-pressed", "true")
    view.locator(".nbp-foot").hover()
    expect(view.locator("mark[data-dim]")).to_have_count(5)


def test_the_threshold_moves_without_the_model(shown: Show) -> None:
    _, view = shown("samples.entities")
    view.get_by_role("slider").fill("0.9")
    expect(view.locator("mark")).to_have_count(3)
    expect(view.locator(".nbp-legend")).to_contain_text("3 entities of 7")


def test_entities_are_found_and_stepped_through(shown: Show) -> None:
    _, view = shown("samples.entities")
    view.get_by_role("searchbox").fill("lo")
    view.get_by_role("button", name="Next entity").click()
    view.get_by_role("button", name="Next entity").click()
    expect(view.locator("[data-at]")).to_contain_text("London")
    expect(view.locator(".nbp-place")).to_have_text("2 of 3")


def test_the_table_of_entities_is_sorted(shown: Show) -> None:
    book, view = shown("samples.entities")
    view.locator("summary", has_text="Table").click()
    view.get_by_role("button", name="score").click()
    expect(view.locator("tbody tr").first).to_contain_text("Ada Lovelace")
    view.get_by_role("button", name="score").click()
    view.locator("tbody tr").first.click()
    book.until("[e['word'] for e in view.selected]", ["5 June 1833"])


def test_results_are_copied_and_downloaded(shown: Show) -> None:
    book, view = shown("samples.entities")
    view.get_by_label("Copy and download").click()
    view.get_by_role("button", name="Copy JSON").click()
    expect(view.locator(".nbp-status")).to_have_text("Copied")
    copied = book.page.evaluate("navigator.clipboard.readText()")
    assert book.value(f"[e['word'] for e in json.loads({copied!r})]") == book.value("[e['word'] for e in result]")
    view.get_by_label("Copy and download").click()
    with book.page.expect_download() as download:
        view.get_by_role("button", name="Download CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["entity,score,word,start,end", "PER,0.998,Ada Lovelace,0,12"]


def test_overlapping_entities_are_all_reached(shown: Show) -> None:
    book, view = shown("samples.nested")
    for name in ("California, LOC", "The University of California Berkeley Department of Physics, ORG"):
        view.get_by_role("button", name=name).click()
    book.until("[e['word'].split()[-1] for e in view.selected]", ["Physics", "California"])


def test_labels_are_selected(shown: Show) -> None:
    book, view = shown("samples.topics")
    expect(view.locator("[data-below]")).to_have_count(2)
    view.get_by_role("slider").fill("0.3")
    expect(view.locator("[data-below]")).to_have_count(1)
    view.get_by_role("option", name="politics").click()
    book.until("[part['label'] for part in view.selected]", ["politics"])


def test_an_answer_is_shown_in_its_context(shown: Show) -> None:
    book, view = shown("samples.answers")
    expect(view.locator(".nbp-passage mark")).to_contain_text("Charles Babbage")
    expect(view.locator(".nbp-passage mark")).to_be_in_viewport()
    view.get_by_role("option", name="London").click()
    expect(view.locator(".nbp-passage mark")).to_contain_text("London")
    book.until("[part['answer'] for part in view.selected]", ["London"])


def test_another_word_takes_the_blank(shown: Show) -> None:
    book, view = shown("samples.blanks")
    view.get_by_role("button", name="France").click()
    view.get_by_role("option", name="Europe").click()
    expect(view.locator(".nbp-sentence")).to_have_text(re.compile("Paris is the capital.*of Europe.*, and always was."))
    book.until("[part['token_str'] for part in view.selected]", ["capital", "Europe"])


def test_neighbours_of_a_text_come_first(shown: Show) -> None:
    book, view = shown("samples.vectors")
    view.get_by_role("option", name="rain").click()
    expect(view.get_by_role("option").nth(0)).to_contain_text("rain")
    expect(view.get_by_role("option").nth(1)).to_contain_text("the weather")
    book.until("len(view.selected)", 1)
    view.locator(".nbp-map circle").first.click()
    expect(view.get_by_role("option").nth(0)).to_contain_text("cats")


def test_one_of_several_texts_is_chosen(shown: Show) -> None:
    book, view = shown("samples.written")
    expect(view.locator(".nbp-new")).to_have_text([" there was a king.", re.compile("an engine")])
    second = view.get_by_role("button", name="Text 2")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    book.until("['an engine' in part['generated_text'] for part in view.selected]", [True])


def test_a_comparison_lists_what_differs(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("nbpipes.compare(samples.entities, samples.other)")
    expect(view.locator("strong").first).to_have_text("3 of 7 agree")
    expect(view.locator(".nbp-differences tbody tr")).to_have_count(4)
    expect(view.locator(".nbp-side mark")).to_have_count(11)
    shot(view, "lab-light-comparison")
    view.locator(".nbp-side").nth(1).locator("mark").first.click()
    book.until("[part['word'] for part in view.selected]", ["Ada Lovelace"])


def test_a_playground_runs_what_is_typed(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("nbpipes.playground('text-classification', 'demo')")
    view.get_by_label("text", exact=True).fill("A warm, funny and moving film.")
    view.locator("summary", has_text="Options").click()
    view.get_by_label("top_k").fill("2")
    view.get_by_role("button", name="Run").click()
    expect(view.locator(".nbp-played .nbp-option")).to_have_count(2)
    shot(view, "lab-light-playground")
    view.locator(".nbp-played .nbp-option").first.click()
    book.until("len(view.selected)", 1)
    view.get_by_label("top_k").fill("many")
    book.page.keyboard.press("Control+Enter")
    expect(view.get_by_role("alert")).to_contain_text("InputError")
