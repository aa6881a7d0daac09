"""Depth estimation answers as the reference's pipeline did, at the size of each picture, alone and in batches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.store.codec import decode, encode
from nbpipes.tasks.depth_estimation import grey

GOLDEN = Path(__file__).parents[2] / "golden"
PICTURES = GOLDEN / "pictures"
FAMILIES = sorted(path.parent.name for path in GOLDEN.glob("*/depths.safetensors"))


def wanted_of(family):
    """Tensors by picture and name."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(GOLDEN / family / "depths.safetensors").items():
        picture, _, name = key.partition(".")
        found.setdefault(picture, {})[name] = value
    return found


def same(result, wanted):
    assert list(result) == ["predicted_depth", "depth"]
    torch.testing.assert_close(result["predicted_depth"], wanted["predicted_depth"], atol=1e-5, rtol=1e-5)
    assert result["depth"].mode == "L"
    values = np.asarray(result["depth"]).astype(int)
    # A step of grey is 1/255 of the range; rounding in the last bit may fall on its other side.
    assert np.abs(values - wanted["depth"].numpy()).max() <= 1
    assert (values != wanted["depth"].numpy()).mean() < 0.01


def test_the_families_are_there():
    assert {"depth_anything", "dpt", "glpn"} <= set(FAMILIES)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_results_equal_those_of_transformers(family, batch_size):
    pipe = pipeline("depth-estimation", model=GOLDEN / family / "depth", device="cpu", batch_size=batch_size)
    wanted = wanted_of(family)
    results = pipe([str(PICTURES / f"{name}.png") for name in wanted])
    for result, one in zip(results, wanted.values(), strict=True):
        same(result, one)


@pytest.fixture(scope="module")
def pipe():
    return pipeline("depth-estimation", model=GOLDEN / "dpt/depth", device="cpu")


def test_one_image_gives_one_dict(pipe):
    result = pipe(images=PICTURES / "wide.png", parameters={"timeout": 3})
    same(result, wanted_of("dpt")["wide"])
    assert result["predicted_depth"].shape == (30, 47)
    assert result["depth"].size == (47, 30)
    result["predicted_depth"] += 1  # it is a tensor like any other
    with pytest.raises(InputError, match="parameters must be a dict"):
        pipe(PICTURES / "wide.png", parameters=3)
    with pytest.raises(InputError, match="timeout"):
        pipe(PICTURES / "wide.png", parameters={"timeout": -1})


def test_a_flat_map_is_black():
    picture = grey(torch.full((3, 4), 7.0))
    assert (np.asarray(picture) == 0).all()
    assert isinstance(picture, Image.Image)


def test_results_can_be_stored_and_tabled(pipe):
    results = pipe([str(PICTURES / "wide.png"), str(PICTURES / "tall.png")])
    kept = decode(encode(results[0]))
    assert torch.equal(kept["predicted_depth"], results[0]["predicted_depth"])
    assert np.array_equal(np.asarray(kept["depth"]), np.asarray(results[0]["depth"]))
    table = results.to_df()
    assert list(table.columns) == ["row", "predicted_depth", "depth"]
    assert torch.equal(table["predicted_depth"][1], results[1]["predicted_depth"])


def test_the_task_is_told_from_the_model():
    assert pipeline(model=GOLDEN / "glpn/depth", device="cpu").task == "depth-estimation"
