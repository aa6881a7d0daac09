"""Greedily and with beams, under every rule, tiny models write the ids that transformers wrote with them."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch

from nbpipes.generation.generate import decoder_of, generate
from nbpipes.generation.loop import Request
from nbpipes.generation.settings import Settings
from nbpipes.hub.repo import Repo
from nbpipes.layers.packing import Layout
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = {
    f"{path.parent.parent.name}/{path.parent.name}/{label}": (path.parent, case)
    for path in sorted(GOLDEN.glob("*/causal*/written.json"))
    for label, case in json.loads(path.read_text(encoding="utf-8")).items()
}


@cache
def decoder_in(folder: Path):
    return decoder_of(load_model(Repo(folder), [Head.CAUSAL], task="test"))


def new_ids(folder: Path, prompts: list[list[int]], settings: Settings) -> list[list[list[int]]]:
    ids = torch.tensor([token for prompt in prompts for token in prompt])
    inputs = {"input_ids": ids, "layout": Layout.of([len(prompt) for prompt in prompts])}
    with torch.inference_mode():
        found = generate(decoder_in(folder), Request(inputs=inputs, prompts=prompts, settings=settings))
    return [[text.tokens for text in texts] for texts in found]


@pytest.mark.parametrize("name", CASES)
def test_ids_equal_those_of_transformers(name):
    folder, case = CASES[name]
    settings = Settings().updated(case["settings"])
    assert new_ids(folder, case["prompts"], settings) == case["new"]


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("gpt2/causal/")])
def test_batches_change_nothing(name):
    folder, case = CASES[name]
    settings = Settings().updated(case["settings"])
    assert [new_ids(folder, [prompt], settings)[0] for prompt in case["prompts"]] == case["new"]
