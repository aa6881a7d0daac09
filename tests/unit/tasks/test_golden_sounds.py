"""Pipelines on sounds answer as the reference's did: values, order, times, nesting, alone and in batches."""

import json
import sys
from pathlib import Path

import pytest

from nbpipes import pipeline

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import given  # noqa: E402

CASES = [
    pytest.param(path.parent, case, id=f"{path.parent.name}-{place}-{case['folder']}")
    for path in sorted(GOLDEN.glob("*/sounds.json"))
    for place, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]


def same(found, wanted):
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            same(found[name], value)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=1e-5, rel=1e-5)
        assert type(found) is float
    else:
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_results_equal_those_of_transformers(folder, case):
    pipe = pipeline(case["task"], model=folder / case["folder"], device="cpu", **case["construct"])
    inputs = case["inputs"]
    call = [given(one) for one in inputs] if isinstance(inputs, list) else given(inputs)
    same(pipe(call, **case["call"]), case["result"])
