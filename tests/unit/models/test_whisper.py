"""Whisper computes what transformers computed, remembers sounds for several texts, and can be watched."""

import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.processing.audio.features import load_feature_extractor

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import sound  # noqa: E402

FOLDERS = sorted(path.parent for path in GOLDEN.glob("whisper/*/heard.safetensors"))
EXACT = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@cache
def model_in(folder):
    return load_model(Repo(folder), [Head.SPEECH], task="test")


@cache
def features_in(folder):
    return torch.from_numpy(load_feature_extractor(Repo(folder)).prepare(sound("speech")))[None]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_numbers_equal_those_of_transformers(folder):
    model, features, wanted = model_in(folder), features_in(folder), load_file(folder / "heard.safetensors")
    torch.testing.assert_close(features[0, ::5, :160:4], wanted["features"], **EXACT)
    hidden, _ = model.trunk.encoder(features)
    torch.testing.assert_close(hidden[::100], wanted["hidden"], **EXACT)
    torch.testing.assert_close(model(features, wanted["ids"]).logits[:, ::5], wanted["logits"], **EXACT)
    assert model.unused == ()


def test_what_was_heard_serves_several_texts():
    model, features = model_in(FOLDERS[0]), features_in(FOLDERS[0])
    memory = model.hear(torch.cat([features, features.flip(-1)]))
    alone = model(features.flip(-1), torch.tensor([[5, 6, 7]])).logits[-1]
    for _ in range(2):
        torch.testing.assert_close(model.words_at(memory.pick([1, 0]), [[5, 6, 7]] * 2, 2)[0], alone, **EXACT)


def test_heads_look_at_all_of_a_sound():
    model = model_in(FOLDERS[0])
    memory = model.hear(features_in(FOLDERS[0]))
    looks = model.watch(memory, [3, 4, 5, 6], [(1, 2), (0, 0)])
    assert looks.shape == (2, 4, 1500)
    torch.testing.assert_close(looks.sum(-1), torch.ones(2, 4))


def test_a_spectrogram_of_another_size_is_refused():
    with pytest.raises(InputError, match="3000 frames of 80 mel bands, not 100 of 80"):
        model_in(FOLDERS[0]).hear(torch.zeros(1, 80, 100))
