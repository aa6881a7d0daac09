"""What a cell publishes: the static HTML and the view, and what happens to them."""

from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbpipes.notebook import publish
from nbpipes.results.records import Records, annotate
from nbpipes.widgets.view import OPEN


class Shell:
    """A shell with a kernel, in a cell."""

    def __init__(self) -> None:
        self.parent: dict[str, Any] = {}
        self.kernel = SimpleNamespace(get_parent=lambda: self.parent)
        self.hooks: list[Any] = []
        self.events = SimpleNamespace(register=lambda name, hook: self.hooks.append(hook))

    def begin(self, cell: str, run: str) -> None:
        self.parent = {"header": {"msg_id": run}, "metadata": {"cellId": cell}}
        for hook in self.hooks:
            hook(None)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(publish, "get_ipython", lambda: shell)
    monkeypatch.setattr(publish, "SHOWN", publish.Shown())
    return shell


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    monkeypatch.setattr(publish, "publish_display_data", lambda data, **about: outputs.append(data))
    return outputs


def test_a_result_is_two_outputs(shell: Shell, published: list[dict[str, Any]], entities: Records) -> None:
    shell.begin("c", "1")
    entities._ipython_display_()
    static, live = published
    (view,) = OPEN
    assert f'data-nbp-twin="{view.twin}"' in static["text/html"]
    assert entities.to_html() in static["text/html"]
    assert static["text/plain"].startswith("[{'entity_group'")
    assert live[publish.VIEW]["model_id"] == view.model_id
    assert (live["text/html"], live["text/plain"]) == ("<!-- -->", "")
    assert entities.view() is view


def test_views_of_earlier_runs_are_closed(shell: Shell, published: list[Any], entities: Records) -> None:
    for run in ("1", "2"):
        shell.begin("c", run)
        entities._ipython_display_()
        entities._ipython_display_()
    assert len(OPEN) == 2
    shell.begin("other", "3")
    entities._ipython_display_()
    assert len(OPEN) == 3
    shell.begin("c", "4")  # shows nothing this time
    assert len(OPEN) == 1


def test_a_view_that_the_user_holds_stays(shell: Shell, published: list[Any], entities: Records) -> None:
    shell.begin("c", "1")
    view = entities.view()
    for run in ("2", "3"):
        shell.begin("c", run)
        view._ipython_display_()
    assert view in OPEN
    assert len(published) == 4


@pytest.mark.parametrize("why", ["no shell", "no kernel", "switched off", "no view"])
def test_where_there_is_no_view_ipython_shows_the_html(
    why: str, shell: Shell, published: list[Any], entities: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    result: Any = entities
    match why:
        case "no shell":
            monkeypatch.setattr(publish, "get_ipython", lambda: None)
        case "no kernel":
            monkeypatch.setattr(publish, "get_ipython", InteractiveShell)
        case "switched off":
            monkeypatch.setenv("NBPIPES_LIVE", "0")
        case "no view":
            result = annotate({"x": 1}, "made-up", "text", {})
    with pytest.raises(NotImplementedError):
        result._ipython_display_()
    assert published == []
    assert "nbp-static" in result._repr_mimebundle_()["text/html"]


def test_large_results_stay_small_as_html(shell: Shell, published: list[Any], many: Records) -> None:
    shell.begin("c", "1")
    many._ipython_display_()
    assert len(published[0]["text/html"].encode()) <= 101_000
