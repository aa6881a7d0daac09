"""A text that outgrows the length from which on all tokens turn otherwise is read as one that was as long at once."""

import json
from pathlib import Path

import pytest
import torch

from nbpipes.hub.repo import Repo
from nbpipes.models.decoding import ModelDecoder, packed
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

FOLDER = Path(__file__).parents[2] / "golden" / "phi3" / "causal-longrope"
BOUND = json.loads((FOLDER / "config.json").read_text())["original_max_position_embeddings"]
TEXTS = [[5 + (7 * i) % 50 for i in range(BOUND + 6)], [9 + (11 * i) % 50 for i in range(BOUND + 3)]]


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def decoder() -> ModelDecoder:
    return ModelDecoder(load_model(Repo(FOLDER), [Head.CAUSAL], task="test"))


def begin(decoder: ModelDecoder, texts: list[list[int]]):
    return decoder.begin(packed(texts, decoder.device), 0)


def assert_read(decoder: ModelDecoder, logits: torch.Tensor, texts: list[list[int]]) -> None:
    torch.testing.assert_close(logits, begin(decoder, texts)[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("count", [1, 3])
def test_rows_outgrow_it_one_after_the_other(decoder, count):
    read = [len(text) - 6 for text in TEXTS]
    _, state = begin(decoder, [text[:size] for text, size in zip(TEXTS, read, strict=True)])
    for _ in range(6 // count):
        new = torch.tensor([text[size : size + count] for text, size in zip(TEXTS, read, strict=True)])
        read = [size + count for size in read]
        logits = decoder.step(new, state)[:, -1]
        assert_read(decoder, logits, [text[:size] for text, size in zip(TEXTS, read, strict=True)])


def test_back_below_it_and_rows_chosen_anew(decoder):
    first, second = TEXTS[0], [*TEXTS[0][:-1], 60]
    _, state = begin(decoder, [first[: BOUND - 1]])
    decoder.step(torch.tensor([first[BOUND - 1 : BOUND + 2]]), state)
    state.rewind(3)
    assert_read(decoder, decoder.step(torch.tensor([[7]]), state)[:, 0], [[*first[: BOUND - 1], 7]])
    state.rewind(1)
    state.select(torch.tensor([0, 0]))
    logits = decoder.step(torch.tensor([text[BOUND - 1 :] for text in (first, second)]), state)[:, -1]
    assert_read(decoder, logits, [first, second])
