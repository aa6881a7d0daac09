"""Every text task answers as transformers does: same structure, labels, texts and offsets, scores to 1e-5."""

import json
from pathlib import Path
from typing import Any

import pytest

from nbpipes import pipeline
from nbpipes.models.registry import MODULES
from nbpipes.tasks.registry import TASKS

GOLDEN = Path(__file__).parents[2] / "golden"
HEADS = {
    "text-classification": "sequence",
    "zero-shot-classification": "sequence",
    "token-classification": "tokens",
    "question-answering": "spans",
    "fill-mask": "masked",
    "feature-extraction": "base",
}
CASES = {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*/tasks.json"))}
RUNS = [
    pytest.param(family, task, case, id=f"{family}-{task}-{number}")
    for family, tasks in CASES.items()
    for task, cases in tasks.items()
    for number, case in enumerate(cases)
    if family in MODULES and task in TASKS
]


def same(ours: Any, theirs: Any, where: str = "result") -> None:
    """Equal values of equal builtin types; floats to 1e-5."""
    if isinstance(theirs, float):
        assert type(ours) is float, where
        assert ours == pytest.approx(theirs, abs=1e-5, rel=1e-5), where
    elif isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        assert list(ours) == list(theirs), where
        for name, value in theirs.items():
            same(ours[name], value, f"{where}[{name!r}]")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), where
        assert len(ours) == len(theirs), where
        for number, value in enumerate(theirs):
            same(ours[number], value, f"{where}[{number}]")
    else:
        assert (type(ours), ours) == (type(theirs), theirs), where


def test_every_task_of_the_reference_is_there():
    assert {task for tasks in CASES.values() for task in tasks} == set(HEADS) <= set(TASKS)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(("family", "task", "case"), RUNS)
def test_answers_equal_those_of_transformers(family, task, case):
    folder = GOLDEN / family
    pipe = pipeline(task, model=folder / HEADS[task], tokenizer=folder / "tokenizer", device="cpu", **case["construct"])
    ours = pipe(*case["args"], **case["call"])
    same(ours, case["result"])
    json.dumps(ours)
