"""Every family that hears plain samples gives the numbers that transformers gave, alone and beside other sounds."""

import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import ConfigError, InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family
from nbpipes.models.sounds import SoundModel, SpectrumModel
from nbpipes.processing.audio.features import load_feature_extractor

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import LENGTHS, sound  # noqa: E402

FAMILIES = [name for name in MODULES if issubclass(family(name).model or Model, SoundModel | SpectrumModel)]
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}": path.parent
    for path in sorted(GOLDEN.glob("*/*/sounds.safetensors"))
    if path.parent.parent.name in FAMILIES
}


@cache
def model_of(name: str) -> Model:
    folder = FOLDERS[name]
    return load_model(Repo(folder), [Head(folder.name.partition("-")[0])], task="test")


def features(name: str) -> dict[str, torch.Tensor]:
    extractor = load_feature_extractor(Repo(FOLDERS[name]))
    return {one: torch.from_numpy(extractor.prepare(sound(one))) for one in LENGTHS}


def answers(name: str, sounds: list[torch.Tensor]) -> list:
    model = model_of(name)
    with torch.inference_mode():
        if isinstance(model, SpectrumModel):
            return model(torch.stack(sounds)).split([1] * len(sounds))
        output = model(torch.cat(sounds), [len(one) for one in sounds])
        return output.split([model.frames(len(one)) for one in sounds])


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_head_of_a_family_is_covered(model_type):
    covered = {folder.name for name, folder in FOLDERS.items() if name.partition("/")[0] == model_type}
    assert {Head.BASE, *family(model_type).heads} <= covered


@pytest.mark.parametrize("name", FOLDERS)
def test_numbers_equal_those_of_transformers(name):
    wanted, heard = load_file(FOLDERS[name] / "sounds.safetensors"), features(name)
    torch.testing.assert_close(heard["short"], wanted.pop("short.features"), atol=1e-5, rtol=0)
    for key, value in wanted.items():
        one, _, field = key.partition(".")
        [found] = answers(name, [heard[one]])
        torch.testing.assert_close(found[field], value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_neighbours_change_nothing(name):
    heard = list(features(name).values())
    together = answers(name, heard)
    for one, found in zip(heard, together, strict=True):
        [alone] = answers(name, [one])
        field = "hidden" if "base" in name else "logits"
        torch.testing.assert_close(found[field], alone[field], atol=1e-5, rtol=1e-5)


def test_frames_are_counted_before_they_are_made():
    model = model_of("wav2vec2/ctc")
    for samples in (0, 1, 1009, 1010, 1329, 1330, 5000):
        wanted = answers("wav2vec2/ctc", [torch.ones(samples)])[0].logits if model.frames(samples) else ()
        assert len(wanted) == model.frames(samples)
    with pytest.raises(InputError, match="too short"):
        model(torch.ones(300), [300])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"add_adapter": True}, "adapters"),
        ({"adapter_attn_dim": 16}, "adapters"),
        ({"feat_extract_norm": "batch"}, "feat_extract_norm"),
        ({"conv_stride": [5, 2]}, "one number for each"),
    ],
)
def test_what_is_not_supported_says_so(settings, why):
    config = family("wav2vec2").config.read({"model_type": "wav2vec2"} | settings)
    with pytest.raises(ConfigError, match=why):
        family("wav2vec2").build(config, Head.CTC)


def test_a_spectrogram_of_another_size_is_refused():
    with pytest.raises(InputError, match="feature extractor does not fit"):
        model_of("audio-spectrogram-transformer/audio")(torch.zeros(1, 30, 16))
