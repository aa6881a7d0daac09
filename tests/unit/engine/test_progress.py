"""Progress bars: right totals for every kind of input, a last state that stays, quiet where nobody looks."""

import io
from contextlib import redirect_stderr
from types import SimpleNamespace

import pytest

from nbpipes.engine import progress
from nbpipes.engine.progress import Progress, bar, duration


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _no_notebook(monkeypatch):
    monkeypatch.setattr(progress, "notebook", lambda: None)


def shown(action, screen=None):
    """What an action writes to a terminal."""
    with redirect_stderr(screen or Screen()) as found:
        action()
    return found.getvalue()


@pytest.mark.parametrize("source", [list, tuple, lambda rows: (row for row in rows), lambda rows: rows])
def test_a_bar_in_a_terminal(doubling, source):
    lines = shown(lambda: list(doubling()(source(range(300)), progress=True))).replace("\r", "\n").strip().split("\n")
    assert lines[0].startswith("doubling")
    sized = hasattr(source(range(3)), "__len__")
    assert ("300/300" if sized else "300 rows") in lines[-1]


def test_quick_runs_and_single_items_show_none(doubling):
    assert shown(lambda: doubling()(list(range(100)))) == ""
    assert shown(lambda: doubling()(3, progress=True)) == ""
    assert shown(lambda: doubling()(list(range(100)), progress=False)) == ""


def test_runs_that_take_longer_show_one(doubling, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    pipe = doubling(seconds=0.01)
    assert "100/100" in shown(lambda: pipe(list(range(100)), batch_size=10))
    assert shown(lambda: pipe(list(range(100)), batch_size=10), io.StringIO()) == "", "nobody looks at a file"


def test_a_run_that_ends_early_says_so(doubling):
    pipe = doubling(bad=lambda item: "preprocess" if item == 20 else "")

    def run():
        with pytest.raises(ValueError, match="20 cannot"):
            pipe(list(range(100)), progress=True)

    assert "21/100" in shown(run)


def test_in_a_notebook_it_is_html_that_is_replaced(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=shown.append)
    display = SimpleNamespace(HTML=str, display=lambda html, display_id: shown.append(html) or handle)
    monkeypatch.setattr(progress, "notebook", lambda: display)
    with Progress(3, "a <b>", shown=True) as one:
        for _ in range(3):
            one.advance()
    assert "a &lt;b&gt; <progress" in shown[0]
    assert "3 of 3 rows" in shown[-1]
    assert "done" in shown[-1]
    shown.clear()
    stopped = Progress(None, shown=True)
    stopped.advance()
    stopped.__exit__(KeyboardInterrupt, None, None)
    assert "1 rows" in shown[-1]
    assert "stopped" in shown[-1]


def test_words():
    assert [duration(s) for s in (0.84, 45.2, 185, 7385)] == ["0.8 s", "45 s", "3:05", "2:03:05"]
    assert "5.0 s left" in bar(5, 10, 5.0, 1.0, "", "")
    assert 'max="10"' in bar(5, 10, 5.0, 1.0, "", "")
