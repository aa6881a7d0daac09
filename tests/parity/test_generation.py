"""Rules, samples and searches side by side with transformers, on random scores and random settings."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from nbpipes.generation.generate import decoder_of, generate
from nbpipes.generation.history import History, Row
from nbpipes.generation.logits import rules
from nbpipes.generation.loop import Request
from nbpipes.generation.sampling import Dice, draw, warpers
from nbpipes.generation.settings import Settings
from nbpipes.hub.repo import Repo
from nbpipes.models.decoding import packed
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore:Unfeasible length")]
GOLDEN = Path(__file__).parents[1] / "golden"
CPU = torch.device("cpu")
WORDS, EOS = 96, 2
TOKENS = st.integers(3, WORDS - 1)
RULES = {
    "repetition_penalty": st.sampled_from([0.7, 1.3, 2.0]),
    "encoder_repetition_penalty": st.sampled_from([0.8, 1.5]),
    "no_repeat_ngram_size": st.integers(1, 3),
    "encoder_no_repeat_ngram_size": st.integers(2, 3),
    "min_length": st.integers(1, 20),
    "min_new_tokens": st.integers(1, 8),
    "forced_bos_token_id": TOKENS,
    "forced_eos_token_id": st.just(EOS),
    "remove_invalid_values": st.just(True),
    "exponential_decay_length_penalty": st.tuples(st.integers(0, 5), st.sampled_from([1.1, 1.7])),
    "suppress_tokens": st.lists(TOKENS, min_size=1, max_size=5),
    "begin_suppress_tokens": st.lists(TOKENS, min_size=1, max_size=5),
    "bad_words_ids": st.lists(st.lists(TOKENS, min_size=1, max_size=2), min_size=1, max_size=4),
    "sequence_bias": st.lists(
        st.tuples(st.lists(TOKENS, min_size=1, max_size=2, unique=True), st.floats(-5, 5)).map(list),
        min_size=1,
        max_size=3,
        unique_by=lambda pair: tuple(pair[0]),
    ),
    "renormalize_logits": st.just(True),
}
CHOICES = {
    "temperature": st.sampled_from([0.3, 0.9, 2.0]),
    "top_k": st.sampled_from([0, 1, 7, 50]),
    "top_p": st.sampled_from([0.1, 0.5, 0.95]),
    "min_p": st.sampled_from([0.01, 0.2]),
    "typical_p": st.sampled_from([0.2, 0.9]),
    "epsilon_cutoff": st.sampled_from([0.001, 0.05]),
    "eta_cutoff": st.sampled_from([0.001, 0.05]),
}
BEAMS = {
    "num_beams": st.integers(1, 5),
    "early_stopping": st.sampled_from([True, False, "never"]),
    "length_penalty": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]),
    "eos_token_id": st.sampled_from([EOS, [EOS, 40, 41], list(range(40, 60))]),
}
FORBIDDING = {
    *("min_length", "min_new_tokens", "forced_bos_token_id", "forced_eos_token_id"),
    *("bad_words_ids", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size"),
}
BLIND = ("suppress_tokens", "begin_suppress_tokens", "min_new_tokens", "renormalize_logits", "sequence_bias")
"""Rules that do not mistake padding for words of a prompt, as the others do in the reference."""
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


def some(options: dict) -> st.SearchStrategy:
    """A few of the options with values."""
    return st.fixed_dictionaries({}, optional=options).map(sensible)


def sensible(chosen: dict) -> dict:
    """Without what the reference does badly: its length penalty makes no number of an end that is forbidden, and it
    drops min_length beside min_new_tokens before it makes the rules."""
    dropped = set()
    if FORBIDDING & chosen.keys():
        dropped.add("exponential_decay_length_penalty")
    if "min_new_tokens" in chosen:
        dropped.add("min_length")
    return {name: value for name, value in chosen.items() if name not in dropped}


def reference_rules(given: dict, prompt: int, total: int, source: torch.Tensor):
    config = transformers.GenerationConfig(eos_token_id=EOS, max_length=total, **given)
    config._eos_token_tensor = torch.tensor([EOS])
    model = transformers.GenerationMixin()
    return model._get_logits_processor(config, input_ids_seq_length=prompt, encoder_input_ids=source, device="cpu")


@pytest.mark.parametrize("sampled", [False, True])
@settings(max_examples=200, **QUIET)
@given(data=st.data())
def test_scores_are_equal(sampled, data):
    chosen = data.draw(some(RULES | CHOICES if sampled else RULES))
    beams = data.draw(st.sampled_from([1, 3])) if sampled else 1
    rows, prompt, new = 3, data.draw(st.integers(1, 6)), data.draw(st.integers(0, 6))
    total = prompt + new + data.draw(st.integers(1, 3))
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    ids = torch.randint(3, WORDS, (rows, prompt + new))
    ids[:, -1:] = ids[:, :1]
    scores = 3 * torch.randn(rows, WORDS)
    if chosen.get("remove_invalid_values") and "typical_p" not in chosen:  # beside 3e38 all others are as untypical
        scores[0, :3] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    given = chosen | {"do_sample": sampled, "num_beams": beams}
    ours = Settings(eos_token_id=EOS, **given)
    held = [Row(i, own[:prompt], total, own[:prompt], 0, own[prompt:]) for i, own in enumerate(ids.tolist())]
    found = scores.clone()
    for rule in rules(ours):
        found = rule(History(held, CPU), found)
    for warper in warpers(ours) if sampled else ():
        found = warper(found)
    if ours.renormalize_logits:
        found = found.log_softmax(-1)
    try:
        expected = reference_rules(given, prompt, total, ids[:, :prompt])(ids, scores.clone())
    except ValueError:
        reject()  # its eta_cutoff refuses scores of which some are forbidden
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5, equal_nan=True)  # none: all are forbidden


@pytest.fixture(scope="module")
def models():
    """Two tiny models in both implementations."""
    found = {}
    for name in ("gpt2/causal", "llama/causal"):
        theirs = transformers.AutoModelForCausalLM.from_pretrained(GOLDEN / name, dtype=torch.float32).eval()
        found[name] = decoder_of(load_model(Repo(GOLDEN / name), [Head.CAUSAL], task="test")), theirs
    return found


def new_ids(rows: Sequence[Sequence[int]], prompt: int, ends: list[int]) -> list[list[int]]:
    """What was added to a prompt, up to the first id that ends a text."""
    added = [list(row[prompt:]) for row in rows]
    return [next((row[: i + 1] for i, token in enumerate(row) if token in ends), row) for row in added]


@pytest.mark.parametrize("name", ["gpt2/causal", "llama/causal"])
@settings(max_examples=100, **QUIET)
@given(data=st.data())
def test_ids_are_equal(models, name, data):
    ours, theirs = models[name]
    chosen = data.draw(some(RULES)) | data.draw(st.fixed_dictionaries(BEAMS))
    chosen["num_return_sequences"] = data.draw(st.integers(1, chosen["num_beams"]))
    chosen["max_new_tokens"] = data.draw(st.integers(2, 14))
    if chosen["num_beams"] > 1:
        chosen.pop("encoder_repetition_penalty", None)  # the reference has the prompts once, not for each beam
    prompt = data.draw(st.lists(TOKENS, min_size=2, max_size=9))
    ids = torch.tensor([prompt])
    fixed = {"pad_token_id": 0, "do_sample": False}
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), **fixed, **chosen).tolist()
    given = Settings(**fixed, **chosen)
    with torch.inference_mode():
        found = generate(ours, Request(inputs=packed([prompt], CPU), prompts=[prompt], settings=given))
    assert [text.tokens for text in found[0]] == new_ids(expected, len(prompt), list(given.ends)), json.dumps(chosen)


@pytest.mark.parametrize("seeded", [False, True])
def test_samples_follow_the_chances(seeded):
    torch.manual_seed(1)
    chances = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.04, 0.01])
    draws = 10_000
    dice = [Dice(3 if seeded else None, [7], place) for place in range(draws)]
    counts = torch.bincount(draw(chances.log().expand(draws, -1), dice), minlength=6)
    expected = chances * draws
    assert float(((counts - expected) ** 2 / expected).sum()) < 20.5  # chi-square of 5 degrees, one in a thousand


def test_samples_are_those_of_the_reference_for_one_seed(models):
    ours, theirs = models["llama/causal"]
    prompt = [5, 17, 42]
    fixed = {"do_sample": True, "max_new_tokens": 20, "temperature": 0.8, "top_k": 20, "pad_token_id": 0}
    for seed in range(10):
        torch.manual_seed(seed)
        expected = theirs.generate(torch.tensor([prompt]), **fixed)[0, 3:].tolist()
        torch.manual_seed(seed)
        request = Request(inputs=packed([prompt], CPU), prompts=[prompt], settings=Settings(eos_token_id=EOS, **fixed))
        assert generate(ours, request)[0][0].tokens == expected


def test_prompts_of_any_length_are_written_as_alone(models):
    ours, _ = models["llama/causal"]
    drawn = torch.Generator().manual_seed(3)
    prompts = [torch.randint(3, WORDS, (n,), generator=drawn).tolist() for n in (1, 9, 4, 4, 17, 2, 6, 30)]
    given = Settings(max_new_tokens=20, eos_token_id=list(range(40, 50)))

    def write(some: list[list[int]]) -> list[list[int]]:
        request = Request(inputs=packed(some, CPU), prompts=some, settings=given)
        return [texts[0].tokens for texts in generate(ours, request)]

    assert write(prompts) == [write([prompt])[0] for prompt in prompts]


@pytest.mark.parametrize("name", ["gpt2/causal", "llama/causal"])
@settings(max_examples=60, **QUIET)
@given(data=st.data())
def test_ids_of_batches_are_those_of_padded_ones(models, name, data):
    ours, theirs = models[name]
    chosen = data.draw(st.fixed_dictionaries({}, optional={name: RULES[name] for name in BLIND}))
    chosen |= data.draw(st.fixed_dictionaries(BEAMS)) | {"max_new_tokens": data.draw(st.integers(2, 14))}
    prompts = data.draw(st.lists(st.lists(TOKENS, min_size=1, max_size=9), min_size=2, max_size=4))
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(one)) + one for one in prompts])
    fixed = {"pad_token_id": 0, "do_sample": False}
    expected = theirs.generate(ids, attention_mask=(ids != 0).long(), **fixed, **chosen).tolist()
    given = Settings(**fixed, **chosen)
    found = generate(ours, Request(inputs=packed(prompts, CPU), prompts=prompts, settings=given))
    assert [one[0].tokens for one in found] == new_ids(expected, longest, list(given.ends)), json.dumps(chosen)


@pytest.fixture(scope="module")
def pairs():
    """Tiny models that write about a source, in both implementations."""
    found = {}
    for name in ("t5/seq2seq", "bart/seq2seq"):
        theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(GOLDEN / name, dtype=torch.float32).eval()
        theirs.generation_config = transformers.GenerationConfig()
        found[name] = decoder_of(load_model(Repo(GOLDEN / name), [Head.SEQ2SEQ], task="test")), theirs
    return found


@pytest.mark.parametrize("name", ["t5/seq2seq", "bart/seq2seq"])
@settings(max_examples=100, **QUIET)
@given(data=st.data())
def test_ids_about_sources_are_equal(pairs, name, data):
    ours, theirs = pairs[name]
    chosen = data.draw(some(RULES)) | data.draw(st.fixed_dictionaries(BEAMS))
    chosen["num_return_sequences"] = data.draw(st.integers(1, chosen["num_beams"]))
    chosen["max_new_tokens"] = data.draw(st.integers(2, 14))
    if "forced_bos_token_id" in chosen:  # one beam is possible, and the others are worse than none
        chosen = {key: value for key, value in chosen.items() if "suppress" not in key} | {"num_return_sequences": 1}
    if chosen["num_beams"] > 1:  # the reference has the sources once, not for each beam
        chosen = {key: value for key, value in chosen.items() if not key.startswith("encoder_")}
    source = [*data.draw(st.lists(TOKENS, min_size=2, max_size=9)), EOS]
    start = theirs.config.decoder_start_token_id
    fixed = {"pad_token_id": 0, "do_sample": False, "decoder_start_token_id": start}
    ids = torch.tensor([source])
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), **fixed, **chosen).tolist()
    given = Settings(**fixed, **chosen)
    begun = packed([[start]], CPU)
    inputs = packed([source], CPU) | {"prompt_ids": begun["input_ids"], "prompts": begun["layout"]}
    request = Request(inputs=inputs, prompts=[[start]], sources=[source], settings=given)
    found = generate(ours, request)
    assert [text.tokens for text in found[0]] == new_ids(expected, 1, list(given.ends)), json.dumps(chosen)


@pytest.mark.parametrize(
    "chosen",
    [{}, {"temperature": 0.6, "top_k": 30}, {"top_p": 0.8}, {"min_p": 0.05, "top_k": 0}, {"typical_p": 0.7}],
    ids=lambda chosen: "-".join(chosen) or "plain",
)
@pytest.mark.parametrize("seed", [None, 11])
def test_samples_follow_the_chances_of_the_reference(models, chosen, seed):
    ours, theirs = models["llama/causal"]
    prompt, draws = [5, 17, 42], 10_000
    fixed = {"do_sample": True, "max_new_tokens": 1, "pad_token_id": 0} | chosen
    told = theirs.generate(torch.tensor([prompt]), output_scores=True, return_dict_in_generate=True, **fixed)
    chances = told.scores[0][0].softmax(-1)
    torch.manual_seed(3)
    given = Settings(eos_token_id=EOS, num_return_sequences=draws, seed=seed, **fixed)
    written = generate(ours, Request(inputs=packed([prompt], CPU), prompts=[prompt], settings=given))[0]
    counts = torch.bincount(torch.tensor([text.tokens[0] for text in written]), minlength=WORDS)
    assert not counts[chances == 0].any()
    expected = chances * draws
    often = expected >= 5
    rest = expected[~often].sum()
    square = float(((counts - expected) ** 2 / expected)[often].sum())
    if rest >= 5:
        square += float((counts[~often].sum() - rest) ** 2 / rest)
    freedom = int(often.sum()) - 1 + int(rest >= 5)
    assert square < freedom + 4.5 * (2 * freedom) ** 0.5 + 6  # beyond one in a thousand


def test_drawn_beams_are_those_of_the_reference_for_one_seed(models):
    ours, theirs = models["llama/causal"]
    prompt = [5, 17, 42]
    fixed = {"do_sample": True, "num_beams": 3, "num_return_sequences": 2, "max_new_tokens": 10, "pad_token_id": 0}
    for seed in range(10):
        torch.manual_seed(seed)
        expected = theirs.generate(torch.tensor([prompt]), temperature=1.5, **fixed).tolist()
        torch.manual_seed(seed)
        given = Settings(eos_token_id=EOS, temperature=1.5, **fixed)
        found = generate(ours, Request(inputs=packed([prompt], CPU), prompts=[prompt], settings=given))[0]
        assert [text.tokens for text in found] == new_ids(expected, 3, [EOS])
