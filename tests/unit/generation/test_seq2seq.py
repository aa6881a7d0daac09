"""Encoder-decoder models write the ids that transformers wrote, in whatever batch, and remember what they should."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.generation.generate import decoder_of, generate
from nbpipes.generation.loop import Request
from nbpipes.generation.settings import Settings
from nbpipes.hub.repo import Repo
from nbpipes.layers.packing import Layout
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in GOLDEN.glob("*/seq2seq*/written.json")
}
CASES = {
    f"{name}/{label}": (folder, case)
    for name, folder in sorted(FOLDERS.items())
    for label, case in json.loads((folder / "written.json").read_text(encoding="utf-8")).items()
}
EXACT = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@cache
def model_in(folder: Path):
    return load_model(Repo(folder), [Head.SEQ2SEQ], task="test")


def begun(sources: list[list[int]], prompts: list[list[int]]) -> dict[str, object]:
    return {
        "input_ids": torch.tensor([token for source in sources for token in source]),
        "layout": Layout.of([len(source) for source in sources]),
        "prompt_ids": torch.tensor([token for prompt in prompts for token in prompt]),
        "prompts": Layout.of([len(prompt) for prompt in prompts]),
    }


def new_ids(folder: Path, sources: list[list[int]], settings: Settings) -> list[list[list[int]]]:
    prompts = [[settings.decoder_start_token_id]] * len(sources)
    request = Request(inputs=begun(sources, prompts), prompts=prompts, sources=sources, settings=settings)
    return [[text.tokens for text in texts] for texts in generate(decoder_of(model_in(folder)), request)]


@pytest.mark.parametrize("name", CASES)
def test_ids_equal_those_of_transformers(name):
    folder, case = CASES[name]
    settings = Settings().updated(case["settings"] | {"decoder_start_token_id": start_in(folder)})
    assert new_ids(folder, case["prompts"], settings) == case["new"]
    assert [new_ids(folder, [source], settings)[0] for source in case["prompts"]] == case["new"]


def start_in(folder: Path) -> int:
    return json.loads((folder / "config.json").read_text())["decoder_start_token_id"]


def texts(name: str) -> tuple[list[list[int]], list[torch.Tensor], list[list[int]]]:
    """Sources, the logits after each id of the texts about them, and those texts."""
    case = {
        key.partition(".")[2]: value
        for key, value in load_file(FOLDERS[name] / "cases.safetensors").items()
        if key.startswith("padded")
    }
    lengths = case["attention_mask"].sum(1).tolist()
    sources = [row[:length] for row, length in zip(case["input_ids"].tolist(), lengths, strict=True)]
    starts = [source[-1] if name.startswith("mbart") else start_in(FOLDERS[name]) for source in sources]
    return (
        sources,
        list(case["logits"].split(lengths)),
        [[start, *source[:-1]] for start, source in zip(starts, sources, strict=True)],
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_token_by_token(name):
    """With sources of several lengths, in one batch and all texts as long as the shortest."""
    sources, logits, about = texts(name)
    decoder = decoder_of(model_in(FOLDERS[name]))
    found, state = decoder.begin(begun(sources, [text[:1] for text in about]), 0)
    torch.testing.assert_close(found, torch.stack([own[0] for own in logits]), **EXACT)
    for place in range(1, min(map(len, about))):
        found = decoder.step(torch.tensor([[text[place]] for text in about]), state)[:, 0]
        torch.testing.assert_close(found, torch.stack([own[place] for own in logits]), **EXACT)


@pytest.mark.parametrize("name", FOLDERS)
def test_at_once_and_back_and_in_another_order(name):
    sources, logits, about = texts(name)
    shortest = min(map(len, about))
    decoder = decoder_of(model_in(FOLDERS[name]))
    _, state = decoder.begin(begun(sources, [text[:1] for text in about]), 8)
    order = [2, 2, 0, 3, 3, 3, 0]
    for rows in (range(len(sources)), order):
        state.select(torch.tensor(rows))
        for _ in range(2):
            found = decoder.step(torch.tensor([about[i][1:shortest] for i in rows]), state)
            torch.testing.assert_close(found, torch.stack([logits[i][1:shortest] for i in rows]), **EXACT)
            state.rewind(shortest - 1)


def test_beams_of_one_source_share_its_keys():
    name = "bart/seq2seq"
    sources, _, about = texts(name)
    _, state = decoder_of(model_in(FOLDERS[name])).begin(begun(sources, [text[:1] for text in about]), 8)
    kept = state.memory.layers[0]
    state.select(torch.tensor([0, 0, 1, 1, 2, 2, 3, 3]))
    state.select(torch.tensor([1, 1, 2, 3, 5, 4, 7, 7]))
    assert state.memory.layers[0] is kept
    state.select(torch.tensor([2, 3, 6, 7]))
    assert len(state.memory.layers[0]) == 2
