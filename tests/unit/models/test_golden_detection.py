"""Every family that finds objects, with every head, gives the numbers that transformers gave for the same pictures."""

from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.detection import DetectionModel
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family
from nbpipes.processing.images import ImageProcessor, Pixels, stack, stack_padded
from nbpipes.processing.media import read_image

GOLDEN = Path(__file__).parents[2] / "golden"
FAMILIES = [name for name in MODULES if issubclass(family(name).model or Model, DetectionModel)]
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}": path.parent
    for path in sorted(GOLDEN.glob("*/*/objects.safetensors"))
}
FIELDS = ("hidden", "pooled", "logits", "boxes", "masks")
LOGITS, PIXELS = 1e-5, 1e-4
"""How far numbers may be from the reference's in float64, and sides of boxes in pixels of the image."""
EXACT = 1e-9
"""The same for ours in float64: they differ by the order of additions alone."""


def cases_of(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors by picture and name."""
    cases: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / "objects.safetensors").items():
        case, _, name = key.partition(".")
        cases.setdefault(case, {})[name] = value
    return cases


@cache
def model_of(folder: Path, dtype: torch.dtype = torch.float32) -> DetectionModel:
    return load_model(Repo(folder), [Head(folder.name.partition("-")[0])], task="test", dtype=dtype)


def pixels_of(folder: Path, picture: str) -> Pixels:
    return ImageProcessor.load(Repo(folder)).prepare(read_image(GOLDEN / "pictures" / f"{picture}.png"))


def close(found, wanted, size):
    """What both have is equal, and they have something. size: height and width of the image that they are about."""
    names = [name for name in FIELDS if getattr(found, name, None) is not None]
    assert names
    height, width = size
    for name in names:
        own, other = getattr(found, name), wanted[name] if isinstance(wanted, dict) else getattr(wanted, name)
        exact = own.dtype == torch.float64
        own, other = own.double(), other.double()
        if name == "boxes":
            sides = torch.tensor([width, height, width, height])
            torch.testing.assert_close(own * sides, other * sides, atol=EXACT if exact else PIXELS, rtol=0)
        else:
            tolerance = EXACT if exact else LOGITS
            torch.testing.assert_close(own, other, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_head_of_a_family_is_covered(model_type):
    covered = {folder.name for name, folder in FOLDERS.items() if name.partition("/")[0] == model_type}
    assert {Head.BASE, *family(model_type).heads} <= covered


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", FOLDERS)
def test_numbers_equal_those_of_transformers(name, dtype):
    model, cases = model_of(FOLDERS[name], dtype), cases_of(FOLDERS[name])
    for picture, wanted in cases.items():
        pixels = stack([pixels_of(FOLDERS[name], picture)])
        assert tuple(pixels.shape[2:]) == tuple(wanted["size"].tolist())
        with torch.inference_mode():
            found = model(pixels)
        assert {*wanted} - {"size"} == {field for field in FIELDS if getattr(found, field, None) is not None}
        assert found[next(iter({*wanted} - {"size"}))].dtype == dtype
        close(found, wanted, pixels.shape[2:])


@pytest.mark.parametrize("name", FOLDERS)
def test_batches_change_nothing(name):
    """Neither those of one size nor, where the model takes them, those of several."""
    model, folder = model_of(FOLDERS[name]), FOLDERS[name]
    images = [pixels_of(folder, picture) for picture in ("square", "wide", "tall", "turned")]
    with torch.inference_mode():
        alone = [model(stack([image])).split([1])[0] for image in images]
        twice = model(stack([images[1], images[1]])).split([1, 1])
        close(twice[0], alone[1], images[1].size)
        close(twice[1], alone[1], images[1].size)
        if model.mixed:
            pixels, _ = stack_padded(images)
            for found, wanted in zip(
                model(pixels, [image.size for image in images]).split([1] * 4), alone, strict=True
            ):
                close(found, wanted, pixels.shape[2:])


@pytest.mark.parametrize("name", [name for name, folder in FOLDERS.items() if not model_of(folder).mixed])
def test_sizes_that_a_model_cannot_mix_are_refused(name):
    with pytest.raises(InputError, match="one size"):
        model_of(FOLDERS[name])(torch.zeros(2, 3, 64, 64), [(64, 64), (64, 40)])


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith("/detection")])
def test_half_precision_gives_boxes_too(name):
    model = load_model(Repo(FOLDERS[name]), [Head.DETECTION], task="test", dtype=torch.bfloat16)
    images = [pixels_of(FOLDERS[name], picture) for picture in ("wide", "wide")]
    with torch.inference_mode():
        found = model(stack(images), [image.size for image in images])
    assert found.boxes.dtype == torch.bfloat16
    assert found.logits.isfinite().all()
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()


@pytest.mark.parametrize("name", FOLDERS)
def test_every_stored_weight_is_used(name):
    assert model_of(FOLDERS[name]).unused == ()


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.endswith("/base")])
def test_pixels_that_do_not_fit_are_refused(name):
    with pytest.raises(InputError, match="channels"):
        model_of(FOLDERS[name])(torch.zeros(1, 4, 64, 64))


def test_a_model_with_masks_finds_objects_too():
    model = load_model(Repo(GOLDEN / "detr/masks"), [Head.DETECTION], task="test")
    assert all(name.startswith(("mask_head.", "bbox_attention.")) for name in model.unused)
    wanted = cases_of(GOLDEN / "detr/masks")["wide"]
    pixels = pixels_of(GOLDEN / "detr/masks", "wide")
    with torch.inference_mode():
        close(model(stack([pixels])), wanted, pixels.size)
