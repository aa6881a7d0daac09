"""The demo detector and the demo segmenter are what they say: transformers reads them whole and answers the same."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from nbpipes import demo, pipeline

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity

PICTURES = sorted((Path(__file__).parents[2] / "notebooks" / "pictures").glob("*.jpg"))
CLASSES = {"object-detection": "AutoModelForObjectDetection", "image-segmentation": "AutoModelForSemanticSegmentation"}


def both(task: str):
    """The reference's pipeline and ours on the demo model; the reference must find every weight and use them all."""
    folder = demo.folder(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the widths of heads are no powers of two
        model, found = getattr(transformers, CLASSES[task]).from_pretrained(folder, output_loading_info=True)
    assert not any(found.values()), found
    processor = transformers.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    theirs = transformers.pipeline(task, model=model, image_processor=processor)
    return theirs, pipeline(task, model="demo", device="cpu")


def test_boxes_are_the_same() -> None:
    theirs, ours = both("object-detection")
    for path in map(str, PICTURES):
        wanted, found = theirs(path, threshold=0.3), ours(path, threshold=0.3)
        assert [(one["label"], one["box"]) for one in found] == [(one["label"], one["box"]) for one in wanted]
        scores = [[one["score"] for one in answer] for answer in (found, wanted)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_masks_are_the_same() -> None:
    theirs, ours = both("image-segmentation")
    for path in map(str, PICTURES):
        wanted, found = theirs(path), ours(path)
        assert [one["label"] for one in found] == [one["label"] for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(np.asarray(one["mask"]), np.asarray(other["mask"]))
