"""Image segmentation answers as the reference's did: masks, labels, scores, order, alone and in mixed batches."""

import base64
import json
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from nbpipes import pipeline
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden"
PICTURES = GOLDEN / "pictures"
CASES = [
    pytest.param(path.parent / case["folder"], case, id=f"{path.parent.name}-{case['folder']}-{place}")
    for path in sorted(GOLDEN.glob("*/segments.json"))
    for place, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]


@cache
def pipe_of(folder: Path) -> Pipeline:
    return pipeline("image-segmentation", model=folder, device="cpu")


def named(arg):
    """The paths of pictures."""
    return [named(one) for one in arg] if isinstance(arg, list) else str(PICTURES / f"{arg}.png")


def mask_of(stored) -> np.ndarray:
    width, height, packed = stored
    bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8))
    return bits[: width * height].reshape(height, width) * np.uint8(255)


def same(found, wanted):
    assert [one["label"] for one in found] == [one["label"] for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert list(one) == ["score", "label", "mask"]
        assert one["score"] == (other["score"] if other["score"] is None else pytest.approx(other["score"], abs=1e-5))
        assert one["mask"].mode == "L"
        np.testing.assert_array_equal(np.asarray(one["mask"]), mask_of(other["mask"]))


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_results_equal_those_of_transformers(folder, case):
    found = pipe_of(folder)(*[named(arg) for arg in case["args"]], **case["construct"], **case["call"])
    if isinstance(case["args"][0], list):
        assert len(found) == len(case["result"])
        for one, other in zip(found, case["result"], strict=True):
            same(one, other)
    else:
        same(found, case["result"])


def test_a_subtask_that_a_model_cannot_do_is_refused():
    with pytest.raises(InputError, match="'instance' is not supported: segformer"):
        pipe_of(GOLDEN / "segformer/label_maps")(named("square"), subtask="instance")


@pytest.mark.parametrize(
    "options", [{"subtask": "things"}, {"threshold": "high"}, {"mask_threshold": True}, {"timeout": 0}]
)
def test_options_are_checked(options):
    with pytest.raises(InputError, match=next(iter(options))):
        pipe_of(GOLDEN / "segformer/label_maps")(named("square"), **options)


def test_images_can_be_named():
    pipe = pipe_of(GOLDEN / "segformer/label_maps")
    plain = pipe(named("square"))
    for name in ("inputs", "images", "image"):
        assert [one["label"] for one in pipe(**{name: named("square")})] == [one["label"] for one in plain]


def test_semantic_masks_share_out_the_image():
    masks = [np.asarray(one["mask"]) for one in pipe_of(GOLDEN / "segformer/label_maps")(named("wide"))]
    assert (sum(mask > 0 for mask in masks) == 1).all()
