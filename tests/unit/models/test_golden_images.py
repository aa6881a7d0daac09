"""Every family that reads images, with every head, gives the numbers that transformers gave for the same pixels."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.layers.packing import Layout
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family

GOLDEN = Path(__file__).parents[2] / "golden"
FAMILIES = [name for name in MODULES if issubclass(family(name).model or Model, ImageModel)]
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}": path.parent
    for path in sorted(GOLDEN.glob("*/*/pixels.safetensors"))
    if path.parent.parent.name in FAMILIES
}

NOT_THERE = {"upernet": {Head.BASE}}
"""Heads that the reference does not have, so that there is nothing to compare with."""


def cases_of(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors by picture and name."""
    cases: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / "pixels.safetensors").items():
        case, _, name = key.partition(".")
        cases.setdefault(case, {})[name] = value
    return cases


def texts_of(model: Model, cases: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """What the model needs besides pixels: the vectors of the case "texts", without padding that it does not read."""
    texts = cases.pop("texts", None)
    if texts is None:
        return {}
    ids, mask = texts["input_ids"], texts.get("attention_mask")
    if model.head.text_length is not None:
        layout = Layout.of([ids.shape[1]] * len(ids))
        return {"texts": model.texts(ids.flatten(), layout, None if mask is None else mask.flatten())}
    assert mask is not None
    return {"texts": model.texts(ids[mask.bool()], Layout.of(mask.sum(1).tolist()))}


def inputs_of(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The pixels among the tensors of a case, which are taken out; of patches also their rows and columns."""
    shapes = tensors.pop("shapes", None)
    found: dict[str, Any] = {"pixel_values": tensors.pop("pixel_values")}
    return found if shapes is None else found | {"shapes": [tuple(shape) for shape in shapes.tolist()]}


def joined(inputs: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]], list[int]]:
    """One batch of inputs that may share it, those it is made of, and how many rows of a per-token output each has."""
    if "shapes" in inputs[0]:
        patches = [one["pixel_values"] for one in inputs]
        shapes = [shape for one in inputs for shape in one["shapes"]]
        return {"pixel_values": torch.cat(patches), "shapes": shapes}, list(inputs), [len(one) for one in patches]
    same = [one for one in inputs if one["pixel_values"].shape == inputs[0]["pixel_values"].shape]
    return {"pixel_values": torch.cat([one["pixel_values"] for one in same])}, same, [1] * len(same)


@cache
def model_of(folder: Path, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(Repo(folder), [Head(folder.name.partition("-")[0])], task="test", dtype=dtype)


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_head_of_a_family_is_covered(model_type):
    covered = {folder.name for name, folder in FOLDERS.items() if name.partition("/")[0] == model_type}
    assert {Head.BASE, *family(model_type).heads} - NOT_THERE.get(model_type, set()) <= covered


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("name", FOLDERS)
def test_numbers_equal_those_of_transformers(name, dtype, tolerance):
    """Which are the reference's in float64: the same layers in another order give them to the last digits."""
    model, cases = model_of(FOLDERS[name], dtype), cases_of(FOLDERS[name])
    with torch.inference_mode():
        texts = texts_of(model, cases)
        outputs = [model(**inputs_of(tensors), **texts) for tensors in cases.values()]
    for output, tensors in zip(outputs, cases.values(), strict=True):
        for key, value in tensors.items():
            assert output[key].dtype == dtype
            torch.testing.assert_close(output[key].double(), value, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("name", FOLDERS)
def test_batches_change_nothing(name):
    model, cases = model_of(FOLDERS[name]), cases_of(FOLDERS[name])
    with torch.inference_mode():
        texts = texts_of(model, cases)
        batch, parts, counts = joined([inputs_of(tensors) for tensors in cases.values()])
        together = model(**batch, **texts).split(counts)
        alone = [model(**one, **texts).split([count])[0] for one, count in zip(parts, counts, strict=True)]
    for one, other in zip(together, alone, strict=True):
        for key in ("hidden", "pooled", "logits", "masks", "depth"):
            if hasattr(one, key):
                torch.testing.assert_close(one[key], other[key], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_stored_weight_is_used(name):
    assert model_of(FOLDERS[name]).unused == ()


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith("/base")])
def test_pixels_that_do_not_fit_are_refused(name):
    if name == "siglip2/base":
        with pytest.raises(InputError, match="192 numbers, not 256"):
            model_of(FOLDERS[name])(torch.zeros(6, 256), shapes=[(2, 3)])
        return
    with pytest.raises(InputError, match="channels"):
        model_of(FOLDERS[name])(torch.zeros(1, 4, 32, 32))


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="32 × 32 pixels, not 40 × 32"):
        model_of(FOLDERS["vit/base"])(torch.zeros(1, 3, 40, 32))


def test_a_pooler_that_a_checkpoint_lacks_is_left_out():
    """As with released classifiers, whose trunk is used alone."""
    model = load_model(Repo(GOLDEN / "vit/image"), [Head.BASE], task="test")
    with torch.inference_mode():
        seen = model(torch.zeros(1, 3, 32, 32))
    assert seen.pooled is None
    assert seen.hidden.shape == (1, 17, 16)
    assert set(model.unused) == {"classifier.weight", "classifier.bias"}
