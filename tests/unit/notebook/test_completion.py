"""Completions in the lines of the magics."""

import json
from pathlib import Path

import pytest
from huggingface_hub import constants
from IPython.core.completer import CompletionContext

from nbpipes.notebook.completion import Names, complete, magic_line, pipe_matcher

NAMES = Names(aliases=("fast-ner",), variables=("df", "docs", "_hidden"))


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--org--tagger" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    config = {"architectures": ["BertForSequenceClassification"]}
    (snapshot / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "models--org--empty").mkdir()
    return tmp_path


def found(text: str, *, cell: bool = True) -> list[str]:
    return [one for one, _ in complete(text, NAMES, cell=cell)]


def test_tasks_aliases_and_commands() -> None:
    assert found("text-c") == ["text-classification"]
    assert found("sent") == ["sentiment", "sentiment-analysis"]
    assert found("fast") == ["fast-ner"]
    assert "loaded" in found("l", cell=False)
    assert "loaded" not in found("l")
    assert "text-classification" in found("info te", cell=False)
    assert found("unload ", cell=False) == ["all"]


def test_options_of_the_task() -> None:
    assert "top_k=" in found("text-classification ")
    assert found("sentiment func") == ["function_to_apply="]
    assert "labels=" in found("zero-shot ")
    assert found("sentiment mod") == ["model="]
    assert found("model=demo dev") == ["device="]
    assert found("no-task rev") == ["revision="]


def test_values() -> None:
    assert found("sentiment model=") == ["model=demo", "model=fast-ner", "model=org/tagger"]
    assert found("sentiment model=org") == ["model=org/tagger"]
    assert found("sentiment device=c") == ["device=cpu", "device=cuda"]
    assert "function_to_apply=sigmoid" in found("sentiment function_to_apply=")
    assert found("sentiment add_special_tokens=T") == ["add_special_tokens=True"]
    assert found("sentiment labels=$d") == ["labels=$df", "labels=$docs"]
    assert found("$do") == ["$docs"]


def test_options_of_the_magic() -> None:
    assert found("sentiment --li") == ["--lines", "--limit"]
    assert found("sentiment --as t") == ["text"]


@pytest.mark.parametrize(
    ("text", "row", "column", "expected"),
    [
        ("%%pipe ner mo", 0, 13, ("%%", "ner mo")),
        ("%%pipe ner mo", 0, 9, ("%%", "ne")),
        ("%%pipe ", 0, 7, ("%%", "")),
        ("%%pipe ner \\\n  mo\ntext", 1, 4, ("%%", "ner    mo")),
        ("%%pipe ner\nmo", 1, 2, None),
        ("x = 1\nr = %pipe ner mo", 1, 16, ("%", "ner mo")),
        ("%pipe ner mo", 0, 12, ("%", "ner mo")),
        ("%%pip", 0, 5, None),
        ("%%time\n%%pipe ner mo", 1, 13, None),
        ("pipe ner mo", 0, 11, None),
    ],
)
def test_lines_of_the_magic(text: str, row: int, column: int, expected: tuple[str, str] | None) -> None:
    assert magic_line(text, row, column) == expected


def test_matcher_speaks_for_the_whole_word() -> None:
    matcher = pipe_matcher(lambda: NAMES)
    text = "%%pipe sentiment model=org/t"
    result = matcher(CompletionContext("t", text, len(text), 0, None))
    assert result["matched_fragment"] == "model=org/t"
    assert [one.text for one in result["completions"]] == ["model=org/tagger"]
    assert result["suppress"]
    elsewhere = matcher(CompletionContext("t", "print", 5, 0, None))
    assert elsewhere == {"completions": []}
