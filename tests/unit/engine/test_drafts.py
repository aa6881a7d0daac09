"""Texts in a cell while they are written."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from nbpipes.engine import drafts
from nbpipes.engine.events import Done, Event, Partial


class Cell:
    """An output that remembers its pages."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    def display(self, page: str, display_id: bool) -> "Cell":
        self.pages.append(page)
        return self

    def update(self, page: str) -> None:
        self.pages.append(page)


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    found = Cell()
    display: Any = SimpleNamespace(HTML=str, display=found.display)
    monkeypatch.setattr(drafts, "notebook", lambda: display)
    monkeypatch.setattr(drafts, "INTERVAL", 0)
    return found


EVENTS: list[Event] = [Partial(0, "a <b>"), Partial(1, "x"), Done(0, "q", "r"), Partial(1, "xy"), Done(1, "q", "r")]


def test_texts_grow_and_go(cell: Cell) -> None:
    assert list(drafts.drafted(EVENTS)) == [EVENTS[2], EVENTS[4]]
    assert "a &lt;b&gt;" in cell.pages[1]
    assert ">x<" in cell.pages[1]
    assert "xy" in cell.pages[2]
    numbers = [re.findall(r"<small>(\d+)</small>", page) for page in cell.pages]
    assert numbers == [[], ["1", "2"], ["2"], []]  # one alone needs no number
    assert cell.pages[-1] == ""


def test_what_nobody_wants_to_see_is_not_shown(cell: Cell) -> None:
    assert len(list(drafts.drafted(EVENTS, shown=False))) == 2
    assert cell.pages == []


def test_what_is_known_of_the_rest_is_shown(cell: Cell) -> None:
    events = [Partial(0, "a", 0.0), Partial(0, "ab", 0.5), Partial(1, "x"), Done(0, "q", "r"), Done(1, "q", "r")]
    list(drafts.drafted(events))
    assert '<progress value="0.000"' in cell.pages[0]
    assert " left<" not in cell.pages[0]
    assert '<progress value="0.500"' in cell.pages[1]
    assert "50 %" in cell.pages[1]
    assert " left<" in cell.pages[1]
    assert cell.pages[2].count("<progress") == 1
    assert "<progress" not in cell.pages[3]


def test_an_interrupt_leaves_what_was_seen(cell: Cell) -> None:
    def interrupted() -> Any:
        yield EVENTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(drafts.drafted(interrupted()))
    assert "a &lt;b&gt;" in cell.pages[-1]
