"""What is seen and written is what transformers sees and writes, with prompts of any length about any of the images."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import ConfigError
from nbpipes.generation.generate import decoder_of
from nbpipes.hub.repo import Repo
from nbpipes.layers.packing import Layout
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.models.registry import family

GOLDEN = Path(__file__).parents[2] / "golden" / "vision-encoder-decoder"
FOLDERS = sorted(path.parent for path in GOLDEN.glob("*/logits.safetensors"))
EXACT = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def told(request):
    """A model, pixels, ids of texts about them, and the logits after each id."""
    case = load_file(request.param / "logits.safetensors")
    model = load_model(Repo(request.param), [Head.VISION2SEQ], task="test")
    return model, case["pixel_values"].float(), case["input_ids"].long(), case["logits"]


def packed(texts):
    return torch.cat(tuple(texts)), Layout.of([len(text) for text in texts])


def test_logits_equal_those_of_transformers(told):
    model, pixels, ids, logits = told
    flat, layout = packed(ids)
    found = model(pixel_values=pixels, input_ids=flat, layout=layout).logits
    torch.testing.assert_close(found, logits.flatten(0, 1), **EXACT)
    assert model.unused == ()


def test_prompts_of_several_lengths_share_images(told):
    model, pixels, ids, logits = told
    rows, lengths = [1, 0, 1, 1, 0], [4, 2, 3, 5, 5]
    prompts, layout = packed([ids[row, :length] for row, length in zip(rows, lengths, strict=True)])
    decoder = decoder_of(model)
    inputs = {"memory": model.see(pixels), "images": rows, "prompt_ids": prompts, "prompts": layout}
    found, state = decoder.begin(inputs, room=4)
    pairs = list(zip(rows, lengths, strict=True))
    torch.testing.assert_close(found, torch.stack([logits[row, length - 1] for row, length in pairs]), **EXACT)
    found = decoder.step(torch.stack([ids[row, length : length + 2] for row, length in pairs]), state)
    wanted = torch.stack([logits[row, length : length + 2] for row, length in pairs])
    torch.testing.assert_close(found, wanted, **EXACT)
    state.select(torch.tensor([3, 3, 0]))
    state.rewind(1)
    found = decoder.step(torch.stack([ids[pairs[i][0], pairs[i][1] + 1][None] for i in (3, 3, 0)]), state)
    torch.testing.assert_close(found, wanted[[3, 3, 0], 1:], **EXACT)


def test_unknown_halves_are_named():
    known = family("vision-encoder-decoder")
    raw = json.loads((FOLDERS[0] / "config.json").read_text())
    with pytest.raises(ConfigError, match=r"encoder .* cannot be 'vit'.*Supported: donut-swin"):
        known.build(known.config.read(raw | {"encoder": {"model_type": "vit"}}), Head.VISION2SEQ)
    with pytest.raises(ConfigError, match=r"decoder .* cannot be 'mbert' here; did you mean 'mbart'"):
        known.config.read(raw | {"decoder": {"model_type": "mbert"}})
