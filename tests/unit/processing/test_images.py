"""Image processors give the pixels that the reference's processors gave, for configs of released models."""

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from nbpipes.errors import ConfigError, InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.images import ImageProcessor, stack_padded
from nbpipes.processing.media import read_image
from nbpipes.processing.recipes import RECIPES, recipe_of

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = sorted(path.parent for path in (GOLDEN / "processors").glob("*/pixels.safetensors"))
PICTURES = sorted((GOLDEN / "pictures").glob("*.png"))


def load(raw: dict) -> ImageProcessor:
    return ImageProcessor(*recipe_of(raw), raw)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_pixels_equal_those_of_the_reference(folder):
    processor, wanted = ImageProcessor.load(Repo(folder)), load_file(folder / "pixels.safetensors")
    for path in (path for path in PICTURES if f"{path.stem}.size" in wanted):
        found = processor(path)
        pixels = found["pixel_values"][0].float()
        if processor.recipe.patched:
            pixels, shape = pixels[None], wanted[f"{path.stem}.shape"].tolist()
            assert found["spatial_shapes"].tolist() == [shape]
            assert found["pixel_attention_mask"].tolist() == [[1] * prod(shape) + [0] * (256 - prod(shape))]
        assert pixels.shape[1:] == tuple(wanted[f"{path.stem}.size"].tolist())
        step = max(1, min(pixels.shape[1:]) // 12)
        torch.testing.assert_close(pixels[:, ::step, ::step], wanted[f"{path.stem}.pixels"], atol=1e-6, rtol=0)


def test_every_recipe_has_golden_pixels():
    kinds = {ImageProcessor.load(Repo(folder)).kind for folder in FOLDERS}
    assert kinds == set(RECIPES)


def test_smaller_images_are_padded_and_masked():
    processor = load({"image_processor_type": "DetrImageProcessor", "size": {"shortest_edge": 20, "longest_edge": 30}})
    images = [read_image(GOLDEN / "pictures" / name) for name in ("wide.png", "tall.png")]
    found = processor(images)
    assert found["pixel_values"].shape == (2, 3, 30, 30)
    for row, image in enumerate(images):
        alone = processor(image)
        height, width = alone["pixel_values"].shape[2:]
        torch.testing.assert_close(found["pixel_values"][row, :, :height, :width], alone["pixel_values"][0])
        assert found["pixel_mask"][row].sum() == height * width
        assert found["pixel_values"][row, :, height:].abs().sum() == 0
        assert found["pixel_values"][row, :, :, width:].abs().sum() == 0


def test_a_long_side_alone_is_enough():
    """Later Table Transformers have such a config, which transformers refuses."""
    processor = load({"image_processor_type": "DetrImageProcessor", "size": {"longest_edge": 94}})
    assert processor(GOLDEN / "pictures/wide.png")["pixel_values"].shape == (1, 3, 60, 94)


def test_several_sizes_make_no_single_tensor():
    processor = load({"image_processor_type": "ViTImageProcessor", "do_resize": False})
    images = [np.zeros((5, 6, 3), np.uint8), np.zeros((6, 5, 3), np.uint8)]
    with pytest.raises(InputError, match="return_tensors=None"):
        processor(images)
    assert [pixels.shape for pixels in processor(images, None)["pixel_values"]] == [(3, 5, 6), (3, 6, 5)]
    batch, inside = stack_padded([processor.prepare(read_image(image)) for image in images])
    assert batch.shape == (2, 3, 6, 6)
    assert inside.sum(dim=(1, 2)).tolist() == [30, 30]


def test_a_tiny_image_becomes_a_whole_one():
    for kind in RECIPES:
        size = {"shortest_edge": 8} if "shortest_edge" in RECIPES[kind].sizes else {"height": 8, "width": 8}
        processor = load({"image_processor_type": kind, "size": size, "crop_size": 6})
        for shape in ((1, 1, 3), (1, 9, 3), (9, 1, 3)):
            pixels = processor(np.full(shape, 7, np.uint8))["pixel_values"]
            assert pixels.isfinite().all()
            assert min(pixels.shape) >= 1


def test_images_that_patches_do_not_cover_are_refused():
    processor = load({"image_processor_type": "Siglip2ImageProcessor", "do_resize": False, "patch_size": 8})
    assert processor(np.zeros((8, 24, 3), np.uint8))["spatial_shapes"].tolist() == [[1, 3]]
    with pytest.raises(InputError, match="no whole patches of 8 × 8"):
        processor(np.zeros((8, 25, 3), np.uint8))


def test_settings_can_be_replaced_and_are_checked():
    processor = load({"image_processor_type": "ViTImageProcessor", "size": 10})
    assert processor.changed({"size": {"height": 4, "width": 6}})(PICTURES[0])["pixel_values"].shape == (1, 3, 4, 6)
    with pytest.raises(TypeError, match="did you mean 'do_resize'"):
        processor.changed({"do_resise": False})
    with pytest.raises(ConfigError, match="height and width"):
        processor.changed({"size": {"shortest_edge": 3}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", {"height": 10**9, "width": 2}),
        ("size", {"height": -1, "width": 2}),
        ("size", "big"),
        ("resample", 77),
        ("image_mean", [1, 2]),
        ("image_std", [0, 1, 1]),
        ("do_resize", "yes"),
        ("rescale_factor", "1/255"),
        ("crop_size", {"shortest_edge": 5}),
    ],
)
def test_damaged_settings_are_named(name, value):
    with pytest.raises(ConfigError, match=name):
        load({"image_processor_type": "ViTImageProcessor", name: value})


def test_unknown_kinds_name_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'ViTImageProcessor'"):
        recipe_of({"image_processor_type": "ViTImageProcesor"})
    with pytest.raises(ConfigError, match="does not name"):
        recipe_of({}, "bert")
    assert recipe_of({}, "vit")[0] == "ViTImageProcessor"
    assert recipe_of({"image_processor_type": "CLIPImageProcessorFast"})[0] == "CLIPImageProcessor"


def test_what_is_saved_is_loaded_again(tmp_path):
    raw = {"feature_extractor_type": "ViTFeatureExtractor", "size": 12}
    load(raw).save_pretrained(tmp_path)
    again = ImageProcessor.load(Repo(tmp_path))
    assert again.settings == load(raw).settings
    assert json.loads((tmp_path / "preprocessor_config.json").read_text())["image_processor_type"] == again.kind


def test_files_with_several_processors(tmp_path):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor": {"size": 9}}))
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    image = Image.new("RGB", (20, 30))
    assert ImageProcessor.load(Repo(tmp_path))(image)["pixel_values"].shape == (1, 3, 9, 9)
