"""Object detection answers as the reference's does: values, order, whole pixels, nesting, alone and in batches."""

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.models.outputs import Detections
from nbpipes.tasks.object_detection import judged

GOLDEN = Path(__file__).parents[2] / "golden"
PICTURES = GOLDEN / "pictures"
FAMILIES = {path.parent.name: path for path in sorted(GOLDEN.glob("*/objects.json"))}
CASES = [
    pytest.param(name, case, id=f"{name}-{place}")
    for name, path in FAMILIES.items()
    for place, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]


def named(pictures):
    """The paths of pictures."""
    return [named(one) for one in pictures] if isinstance(pictures, list) else str(PICTURES / f"{pictures}.png")


def detector(name="detr", **options):
    return pipeline("object-detection", model=GOLDEN / name / "detection", device="cpu", **options)


def same(found, wanted):
    if wanted and isinstance(wanted[0], list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
        return
    assert [(one["label"], one["box"]) for one in found] == [(one["label"], one["box"]) for one in wanted]
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-5)
    assert all(list(one) == ["score", "label", "box"] and type(one["box"]["xmin"]) is int for one in found)


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_results_equal_those_of_transformers(name, case, batch_size):
    same(detector(name, batch_size=batch_size)(named(case["pictures"]), **case["call"]), case["result"])


def test_images_of_several_sizes_share_a_batch():
    pipe, sizes = detector(threshold=0.0), []
    forward = pipe.model.forward
    pipe.model.forward = lambda *args, **inputs: sizes.append(inputs["sizes"]) or forward(*args, **inputs)
    together = pipe(named(["wide", "square", "wide"]), batch_size=3)
    assert [len(set(batch)) for batch in sizes] == [2]
    assert [len(one) for one in together] == [9, 9, 9]
    same(together, [pipe(path) for path in named(["wide", "square", "wide"])])


def test_every_form_of_an_image_is_read():
    pipe, path = detector(threshold=0.1), PICTURES / "square.png"
    data, image = path.read_bytes(), Image.open(path)
    wanted = pipe(str(path))
    assert wanted
    text = base64.b64encode(data).decode()
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    for form in (path, data, text, f"data:image/png;base64,{text}", image, np.asarray(image), tensor):
        assert pipe(form) == wanted
    assert pipe(inputs=image) == pipe(images=image) == pipe(image=image) == wanted
    same(pipe(torch.stack([tensor, tensor])), [wanted, wanted])


def test_boxes_are_those_of_the_original_image():
    """The image is turned by its EXIF data first."""
    pipe, large = detector(threshold=0.0), Image.new("RGB", (400, 200), "red")
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    large.save(file, "JPEG", exif=exif)
    turned, upright = pipe(file.getvalue()), ImageOps.exif_transpose(Image.open(file))
    assert upright.size == (200, 400)
    same([turned], [pipe(upright)])
    assert [one["box"] for one in turned] != [one["box"] for one in pipe(large)]


def test_a_bad_image_costs_itself_only():
    pipe = detector(threshold=0.0)
    found = pipe([*named(["wide"]), b"no image", *named(["tall"])], on_error="record")
    assert [len(found[0]), len(found[2])] == [9, 9]
    assert "cannot be read as an image" in str(found[1])


@pytest.mark.parametrize("options", [{"threshold": "high"}, {"threshold": None}, {"threshold": True}, {"timeout": 0}])
def test_options_are_checked(options):
    with pytest.raises(InputError):
        detector()(np.zeros((8, 8, 3), np.uint8), **options)


def test_an_unknown_option_is_named():
    with pytest.raises(TypeError, match="did you mean 'threshold'"):
        detector()(np.zeros((8, 8, 3), np.uint8), treshold=0.5)


def test_labels_that_exclude_none_are_judged_by_themselves():
    """The best pairs of an object and a label count, so that an object may come twice."""
    logits = torch.tensor([[2.0, 3.0, -9.0], [-1.0, 2.5, -9.0]])
    boxes = torch.tensor([[0.1] * 4, [0.2] * 4])
    scores, labels, found = judged(Detections(logits, boxes, limit=3))
    assert labels.tolist() == [1, 1, 0]
    assert found[:, 0].tolist() == pytest.approx([0.1, 0.2, 0.1])
    assert scores.tolist() == pytest.approx(torch.tensor([3.0, 2.5, 2.0]).sigmoid().tolist())
    assert len(judged(Detections(logits, boxes, limit=100))[0]) == 6
