"""Everything in a view can be reached and left by keyboard alone, and one sees where one is."""

from collections.abc import Callable
from typing import Any

import pytest

# In one notebook, one after the other. Names are those of samples.py.
TEXTS = ("entities", "nested", "huge", "labels", "topics", "answers", "blanks", "vectors", "written", "chat", "cells")
PICTURES = ("boxes", "crowd", "masks", "depth", "guesses", "zero_shot()", "page", "dense_page")
SOUNDS = ("segments", "classes", "heard")
WHOLE = ("many", "people", "album", "talk()")
CELLS = [
    *(f"samples.{name}" for name in (*TEXTS, *PICTURES, *SOUNDS, *WHOLE)),
    "nbpipes.compare(samples.entities, samples.other)",
    "nbpipes.compare(samples.boxes, samples.other_boxes)",
    "nbpipes.playground('table-qa', 'demo')",
]
# What a view's reader can operate, by what it is and says. Of a long list the first ones do; what is folded counts too.
CONTROLS = """(root) => {
  const folded = [...root.querySelectorAll('details:not([open])')];
  for (const part of folded) part.open = true;
  const many = new Map();
  const wanted = 'button, input, select, textarea, summary, a[href], [role=option], [tabindex]';
  const found = [...root.querySelectorAll(wanted)].filter((node) => {
    const kind = node.getAttribute('role') === 'option' || node.tagName === 'MARK' || node.closest('.nbp-crops')
      ? (node.closest('.nbp-list, .nbp-rows, .nbp-marked, .nbp-crops')?.className ?? '') : null;
    if (kind !== null) many.set(kind, (many.get(kind) ?? 0) + 1);
    return node.checkVisibility() && !node.disabled && (kind === null || many.get(kind) <= 8);
  }).map(globalThis.nameOf);
  for (const part of folded) part.open = false;
  return [...new Set(found)];
}"""
NAME_OF = """() => {
  globalThis.nameOf = (node) => [node.tagName, node.getAttribute('role') ?? '',
    (node.getAttribute('aria-label') ?? node.textContent ?? '').slice(0, 50), node.type ?? ''].join(' ');
}"""
FRAME = """(root) => {
  for (const [place, id] of [['before', 'walk-start'], ['after', 'walk-end']]) {
    document.getElementById(id)?.remove();
    const stop = Object.assign(document.createElement('div'), {id, tabIndex: 0});
    root[place](stop);
  }
  document.getElementById('walk-start').focus();
}"""
AT = """() => {
  const node = document.activeElement;
  const inner = document.getElementById(node.getAttribute('aria-activedescendant') ?? '');
  const {outlineStyle, boxShadow} = getComputedStyle(node);
  const moved = node !== globalThis.last;
  globalThis.last = node;
  return {
    moved, id: node.id, names: [node, inner].filter(Boolean).map(globalThis.nameOf),
    folded: node.tagName === 'SUMMARY' && !node.parentElement.open,
    typed: ['INPUT', 'SELECT', 'TEXTAREA', 'CANVAS'].includes(node.tagName),
    seen: outlineStyle !== 'none' || boxShadow !== 'none' || node.type === 'file',
  };
}"""
STOPS = 200  # of the Tab key in one view


def walk(page: Any, root: Any) -> set[str]:
    """Tab through a view, and with the arrow keys through each group in it; gives what had the focus."""
    root.evaluate(FRAME)
    reached: set[str] = set()
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        here = page.evaluate(AT)
        if here["id"] == "walk-end":
            return reached
        assert here["seen"], f"nothing shows that this has the focus: {here['names']}"
        reached |= set(here["names"])
        if here["folded"]:
            page.keyboard.press("Enter")
        for _ in range(0 if here["typed"] or here["folded"] else 10):
            page.keyboard.press("ArrowDown")
            there = page.evaluate(AT)
            if not there["moved"] and set(there["names"]) <= reached:
                break
            reached |= set(there["names"])
    raise AssertionError(f"the view cannot be left by Tab: {sorted(reached)}")


@pytest.mark.timeout(900)
def test_the_whole_of_each_view_is_reached_by_keyboard(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples, nbpipes", *CELLS])
    for index in range(len(CELLS) + 1):
        book.run(index)
    book.page.evaluate(NAME_OF)
    left: dict[str, list[str]] = {}
    for index, cell in enumerate(CELLS, 1):
        view = book.view(index)
        view.wait_for()
        view.scroll_into_view_if_needed()
        controls = view.evaluate(CONTROLS)
        assert controls, cell
        reached = walk(book.page, view)
        if missed := [name for name in controls if name not in reached]:
            left[cell] = missed
    assert left == {}
    assert book.page.locator(".jp-Cell").count() == len(CELLS) + 1  # no key was a shortcut of the notebook
