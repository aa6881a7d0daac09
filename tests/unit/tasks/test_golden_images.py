"""Pipelines on images answer as the reference's did: values, order, rounding, nesting, alone and in batches."""

import json
from pathlib import Path

import pytest

from nbpipes import pipeline

GOLDEN = Path(__file__).parents[2] / "golden"
PICTURES = GOLDEN / "pictures"
HEADS = {"image-classification": "image", "image-feature-extraction": "base", "zero-shot-image-classification": "pairs"}
CASES = [
    pytest.param(path.parent, case, id=f"{path.parent.name}-{place}-{case['task']}")
    for path in sorted(GOLDEN.glob("*/images.json"))
    for place, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]


def named(arg):
    """The paths of pictures."""
    return [named(one) for one in arg] if isinstance(arg, list) else str(PICTURES / f"{arg}.png")


def same(found, wanted, tolerance=1e-5):
    if isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            same(found[name], value, tolerance)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other, tolerance)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=tolerance, rel=1e-5)
    else:
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_results_equal_those_of_transformers(folder, case):
    pipe = pipeline(case["task"], model=folder / HEADS[case["task"]], device="cpu", **case["construct"])
    same(pipe(*[named(arg) for arg in case["args"]], **case["call"]), case["result"])
