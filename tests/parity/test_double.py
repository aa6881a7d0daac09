"""In double precision models of images answer as transformers' do, on other images than the stored ones: the layers are
the same, and what single precision differs by is rounding."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nbpipes.hub.repo import Repo
from nbpipes.models.detection import DetectionModel
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, Sides, sides
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
GOLDEN = Path(__file__).parents[1] / "golden"
HEADS = ("image", "depth", "detection", "label_maps", "masks")
NAMES = {
    "last_hidden_state": "hidden",
    "logits": "logits",
    "class_queries_logits": "logits",
    "pred_boxes": "boxes",
    "pred_masks": "masks",
    "masks_queries_logits": "masks",
    "predicted_depth": "depth",
}
"""What the reference calls the fields of answers."""
SIZES = ((96, 160), (64, 96))
"""Of images; the maps of some models must halve without a rest."""
FREE = ("dinov2", "segformer", "yolos")
"""Families that read images of any size, although their configs name one."""
FAMILIES = [name for name in MODULES if issubclass(family(name).model or Model, ImageModel | DetectionModel)]
FOLDERS = {
    f"{name}/{folder.name}": folder
    for name in FAMILIES
    if name != "siglip2"  # which reads patches: its stored cases are in double precision too
    for folder in sorted((GOLDEN / name).iterdir())
    if folder.name.partition("-")[0] in HEADS
}


@contextmanager
def in_double() -> Iterator[None]:
    """Single precision is double in here: the reference makes tables of places in float32, whatever a model's dtype."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tensor, "float", Tensor.double)
        patch.setattr(torch, "float32", torch.float64)
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float)


def reference(folder: Path) -> Any:
    config = transformers.AutoConfig.from_pretrained(folder)
    return getattr(transformers, config.architectures[0]).from_pretrained(folder, dtype=torch.float64).eval()


def images(config: Any) -> Iterator[Tensor]:
    """Noise, coarse and fine, of sizes that the model reads; two images of each."""
    own = getattr(config, "vision_config", config)
    side: Sides | None = getattr(own, "image_size", None)
    for seed, size in enumerate(SIZES if side is None or config.model_type in FREE else (sides(side),)):
        draw = torch.Generator().manual_seed(seed)
        coarse = torch.randn(2, 3, 5, 7, generator=draw, dtype=torch.float64)
        fine = torch.randn(2, 3, *size, generator=draw, dtype=torch.float64)
        yield torch.nn.functional.interpolate(coarse, size=size, mode="bicubic") + 0.3 * fine


@pytest.mark.parametrize("name", FOLDERS)
def test_answers_in_double_precision_are_equal(name: str) -> None:
    folder, head = FOLDERS[name], FOLDERS[name].name.partition("-")[0]
    theirs = reference(folder)
    ours = load_model(Repo(folder), [Head(head)], task="test", dtype=torch.float64)
    for pixels in images(theirs.config):
        with torch.no_grad():
            found = ours(pixels)
            with in_double():
                answer = theirs(pixel_values=pixels)
        wanted = {own: answer[key] for key, own in NAMES.items() if answer.get(key) is not None}
        assert wanted
        for key, value in wanted.items():
            if hasattr(found, key):
                assert found[key].dtype == torch.float64
                torch.testing.assert_close(found[key].view_as(value), value, atol=1e-9, rtol=1e-9)
