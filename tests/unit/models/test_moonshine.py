"""Moonshine computes what transformers computed, alone and beside longer sounds."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.tasks.transcribing.written import appended

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from sounds import sound  # noqa: E402

FOLDERS = sorted(path.parent for path in GOLDEN.glob("moonshine/*/heard.safetensors"))
EXACT = {"atol": 1e-5, "rtol": 1e-5}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_numbers_equal_those_of_transformers(folder):
    model = load_model(Repo(folder), [Head.SPEECH], task="test")
    wanted, samples = load_file(folder / "heard.safetensors"), torch.from_numpy(sound("speech"))
    beside = torch.zeros(2, len(samples) + 5000)
    beside[0], beside[1, : len(samples)] = 0.1, samples
    with torch.inference_mode():
        torch.testing.assert_close(model.trunk.encoder(samples[None])[0], wanted["hidden"], **EXACT)
        torch.testing.assert_close(model(samples[None], wanted["ids"]).logits, wanted["logits"], **EXACT)
        both = model(beside, wanted["ids"].repeat(2, 1), [beside.shape[1], len(samples)]).logits
    torch.testing.assert_close(both[12:], wanted["logits"], **EXACT)
    assert model.unused == ()


def test_a_sound_that_is_too_short_is_refused():
    model = load_model(Repo(FOLDERS[0]), [Head.SPEECH], task="test")
    with pytest.raises(InputError, match="from 895 samples on, not 894"):
        model.hear(torch.zeros(1, 894))
    model.hear(torch.zeros(1, 895))


def test_windows_are_joined_where_they_are_alike():
    assert appended([[1, 2, 3, 4], [3, 4, 5, 6], [9, 5, 6, 7]]) == [1, 2, 3, 4, 5, 6, 7]
    assert appended([[1, 2], [3, 4], []]) == [1, 2, 3, 4]
