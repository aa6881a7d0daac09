"""Every family that reads images, with every head, gives the numbers that transformers gave for the same pixels."""

from functools import cache
from pathlib import Path

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

AMPLIFIED = {"maskformer": 5e-5, "mask2former": 5e-5}
"""Families whose random queries amplify rounding: with two threads torch's own layers differ by 3e-5 from one."""
NOT_THERE = {"upernet": {Head.BASE}}
"""Heads that the reference does not have, so that there is nothing to compare with."""


def cases_of(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors by picture and name."""
    cases: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / "pixels.safetensors").items():
        case, _, name = key.partition(".")
        cases.setdefault(case, {})[name] = value
    return cases


def texts_of(model: Model, cases: dict[str, dict[str, torch.Tensor]]) -> tuple[torch.Tensor, ...]:
    """What the model needs besides pixels: the vectors of the case "texts", without padding that it does not read."""
    texts = cases.pop("texts", None)
    if texts is None:
        return ()
    ids, mask = texts["input_ids"], texts.get("attention_mask")
    if model.head.text_length is not None:
        layout = Layout.of([ids.shape[1]] * len(ids))
        return (model.texts(ids.flatten(), layout, None if mask is None else mask.flatten()),)
    assert mask is not None
    return (model.texts(ids[mask.bool()], Layout.of(mask.sum(1).tolist())),)


@cache
def model_of(folder: Path) -> Model:
    return load_model(Repo(folder), [Head(folder.name.partition("-")[0])], task="test")


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_head_of_a_family_is_covered(model_type):
    covered = {folder.name for name, folder in FOLDERS.items() if name.partition("/")[0] == model_type}
    assert {Head.BASE, *family(model_type).heads} - NOT_THERE.get(model_type, set()) <= covered


@pytest.mark.parametrize("name", FOLDERS)
def test_numbers_equal_those_of_transformers(name):
    model, cases = model_of(FOLDERS[name]), cases_of(FOLDERS[name])
    with torch.inference_mode():
        texts = texts_of(model, cases)
        outputs = [model(tensors.pop("pixel_values"), *texts) for tensors in cases.values()]
    for output, tensors in zip(outputs, cases.values(), strict=True):
        for key, value in tensors.items():
            tolerance = AMPLIFIED.get(name.partition("/")[0], 2e-5)
            torch.testing.assert_close(output[key], value, atol=tolerance, rtol=1e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_batches_change_nothing(name):
    model, cases = model_of(FOLDERS[name]), cases_of(FOLDERS[name])
    with torch.inference_mode():
        texts = texts_of(model, cases)
        pixels = [tensors["pixel_values"] for tensors in cases.values()]
        pixels = [one for one in pixels if one.shape == pixels[0].shape]
        together = model(torch.cat(pixels), *texts).split([1] * len(pixels))
        alone = [model(one, *texts).split([1])[0] for one in pixels]
    for one, other in zip(together, alone, strict=True):
        for key in ("hidden", "pooled", "logits", "masks", "depth"):
            if hasattr(one, key):
                tolerance = AMPLIFIED.get(name.partition("/")[0], 2e-5)
                torch.testing.assert_close(one[key], other[key], atol=tolerance, rtol=1e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_stored_weight_is_used(name):
    assert model_of(FOLDERS[name]).unused == ()


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith("/base")])
def test_pixels_that_do_not_fit_are_refused(name):
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
