"""With an assistant the same texts are written, in fewer steps; with sampling, with the same chances."""

from pathlib import Path

import pytest
import torch

from nbpipes.errors import InputError
from nbpipes.generation.assisted import AssistedWriter
from nbpipes.generation.generate import decoder_of, generate, writer
from nbpipes.generation.loop import Request
from nbpipes.generation.settings import Settings
from nbpipes.hub.repo import Repo
from nbpipes.models.decoding import packed
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

GOLDEN = Path(__file__).parents[2] / "golden"
CPU = torch.device("cpu")
PROMPTS = [[5, 17, 42, 9, 77], [33, 8], [60, 61, 62, 63]]


def decoder(name: str):
    return decoder_of(load_model(Repo(GOLDEN / name), [Head.CAUSAL], task="test"))


@pytest.fixture(scope="module")
def large():
    return decoder("llama/causal")


def request(prompt, settings, assistant=None):
    return Request(inputs=packed([prompt], CPU), prompts=[prompt], settings=settings, assistant=assistant)


@pytest.mark.parametrize("helper", ["llama/causal", "qwen2/causal", "mistral/causal"])
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_assistant_tokens": 3, "assistant_confidence_threshold": 0.0},
        {"num_assistant_tokens_schedule": "heuristic", "num_assistant_tokens": 2, "repetition_penalty": 1.3},
        {"eos_token_id": list(range(40, 60)), "assistant_confidence_threshold": 0.0},
    ],
)
def test_texts_are_those_without_help(large, helper, prompt, options):
    settings = Settings(max_new_tokens=15, **options)
    alone = generate(large, request(prompt, settings))
    assert generate(large, request(prompt, settings, decoder(helper))) == alone


def test_agreement_saves_steps(large):
    settings = Settings(max_new_tokens=16, num_assistant_tokens=4, assistant_confidence_threshold=0.0)
    work = writer(large, request(PROMPTS[0], settings, large))
    steps = 0
    while not work.finished:
        work.advance()
        steps += 1
    assert isinstance(work, AssistedWriter)
    assert steps == 4  # one token to begin with, then five at a time


def test_samples_have_the_chances_of_the_model(large):
    """The second token after a prompt, drawn a thousand times with a helper that thinks otherwise."""
    helper, draws = decoder("qwen2/causal"), 1000
    options = {"max_new_tokens": 2, "do_sample": True, "top_k": 3, "temperature": 2.0}
    rare = {"assistant_confidence_threshold": 0.0, "num_assistant_tokens": 1}

    def counts(assistant):
        torch.manual_seed(0)
        settings = Settings(**options, **rare)
        found = [generate(large, request(PROMPTS[1], settings, assistant))[0][0].tokens[1] for _ in range(draws)]
        return torch.bincount(torch.tensor(found), minlength=96) / draws

    assert (counts(None) - counts(helper)).abs().max() < 0.06


def test_a_helper_that_reads_less_helps_as_far_as_it_can(large):
    helper = decoder("gpt2/causal")
    settings = Settings(max_new_tokens=helper.limit + 8, assistant_confidence_threshold=0.0, eos_token_id=None)
    alone = generate(large, request(PROMPTS[0], settings, None))
    assert generate(large, request(PROMPTS[0], settings, helper)) == alone


def test_what_does_not_go_together(large):
    for options in ({"num_beams": 2}, {"guidance_scale": 2.0}, {"do_sample": True, "num_return_sequences": 2}):
        with pytest.raises(InputError):
            generate(large, request(PROMPTS[0], Settings(**options), large))
