"""Decoders that remember: token by token, in batches, and with rows chosen anew, they say what they say at once."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.hub.repo import Repo
from nbpipes.layers.linear import prepare
from nbpipes.layers.packing import Layout
from nbpipes.models.decoding import ModelDecoder
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = {
    f"{path.parent.parent.name}/{path.parent.name}": path.parent
    for path in sorted(GOLDEN.glob("*/causal*/written.json"))
}
pytestmark = pytest.mark.parametrize("name", FOLDERS)
EXACT = {"atol": 1e-5, "rtol": 0}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def loaded(name: str) -> ModelDecoder:
    return ModelDecoder(load_model(Repo(FOLDERS[name]), [Head.CAUSAL], task="test"))


def texts(name: str) -> tuple[list[list[int]], list[torch.Tensor]]:
    """Ids and the logits after each of them."""
    case = {
        key.partition(".")[2]: value
        for key, value in load_file(FOLDERS[name] / "cases.safetensors").items()
        if key.startswith("padded")
    }
    lengths = case["attention_mask"].sum(1).tolist()
    ids = [row[:length] for row, length in zip(case["input_ids"].tolist(), lengths, strict=True)]
    return ids, list(case["logits"].split(lengths))


def begin(decoder: ModelDecoder, prompts: list[list[int]], room: int = 0):
    ids = torch.tensor([token for prompt in prompts for token in prompt])
    return decoder.begin({"input_ids": ids, "layout": Layout.of([len(prompt) for prompt in prompts])}, room)


@pytest.mark.parametrize("room", [0, 32])
def test_token_by_token(name, room):
    ids, logits = texts(name)
    cuts = [len(text) - 2 for text in ids]
    decoder = loaded(name)
    last, state = begin(decoder, [text[:cut] for text, cut in zip(ids, cuts, strict=True)], room)
    torch.testing.assert_close(
        last, torch.stack([own[cut - 1] for own, cut in zip(logits, cuts, strict=True)]), **EXACT
    )
    for offset in (0, 1):
        tokens = torch.tensor([[text[cut + offset]] for text, cut in zip(ids, cuts, strict=True)])
        expected = torch.stack([own[cut + offset] for own, cut in zip(logits, cuts, strict=True)])
        torch.testing.assert_close(decoder.step(tokens, state)[:, 0], expected, **EXACT)


def test_several_tokens_at_once_then_back(name):
    (_, _, text, *_), (_, _, logits, *_) = texts(name)
    decoder = loaded(name)
    _, state = begin(decoder, [text[:4]])
    for _ in range(2):
        torch.testing.assert_close(decoder.step(torch.tensor([text[4:10]]), state)[0], logits[4:10], **EXACT)
        state.rewind(6)


def test_rows_are_chosen_and_repeated(name):
    ids, logits = texts(name)
    decoder = loaded(name)
    _, state = begin(decoder, [text[:-1] for text in ids])
    order = [2, 0, 2, 1]
    state.select(torch.tensor(order))
    found = decoder.step(torch.tensor([[ids[i][-1]] for i in order]), state)[:, 0]
    torch.testing.assert_close(found, torch.stack([logits[i][-1] for i in order]), **EXACT)


def test_preparing_changes_nothing(name, monkeypatch):
    monkeypatch.setattr("nbpipes.models.family.prepare", lambda model, steps: None)
    plain = loaded(name)
    ids, logits = texts(name)
    first, _ = begin(plain, ids)
    torch.testing.assert_close(first, torch.stack([own[-1] for own in logits]), **EXACT)
    prepare(plain.trunk, steps=True)
    second, _ = begin(plain, ids)
    torch.testing.assert_close(second, first, **EXACT)
