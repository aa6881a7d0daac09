"""From the words of a cell to a pipeline and what it is called with."""

from pathlib import Path
from typing import Any

import pytest

from nbpipes.notebook.line import read_cell
from nbpipes.notebook.models import Models
from nbpipes.notebook.session import Defaults, Session
from nbpipes.notebook.words import MagicError


@pytest.fixture
def built() -> list[dict[str, Any]]:
    """The keywords of the pipelines that were built."""
    return []


@pytest.fixture
def session(built: list[dict[str, Any]]) -> Session:
    def build(options: Any) -> object:
        built.append(dict(options))
        return object()

    return Session({}.__getitem__, Models(build, budget=1000))


def test_a_keyword_that_is_called_task_reaches_the_task(
    session: Session, built: list[dict[str, Any]], tmp_path: Path
) -> None:
    sound = tmp_path / "sound.wav"
    sound.touch()
    cell = read_cell("automatic-speech-recognition model=m language=fr task=translate", str(sound))
    with session.opened(*cell, Defaults()) as (_, call, _):
        assert call.options == {"language": "fr", "task": "translate"}
    assert built == [{"model": "m", "task": "automatic-speech-recognition"}]


def test_task_names_the_task_where_nothing_else_does(session: Session, built: list[dict[str, Any]]) -> None:
    with session.opened(*read_cell("model=m task=ner", "a text"), Defaults()) as (_, call, _):
        assert (call.value, call.options) == ("a text", {})
    assert built == [{"model": "m", "task": "token-classification"}]


def test_a_second_task_is_a_mistake(session: Session, built: list[dict[str, Any]]) -> None:
    with pytest.raises(MagicError, match="task"), session.opened(*read_cell("ner task=qa", "a text"), Defaults()):
        pass
    assert not built
