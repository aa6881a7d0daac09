"""The tasks of encoder-decoder models answer as transformers does; what differs on purpose is tested here too."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from nbpipes import pipeline
from nbpipes.errors import InputError, TaskError
from nbpipes.tasks.registry import find

GOLDEN = Path(__file__).parents[2] / "golden"
RUNS = [
    pytest.param(path.parent, case, id=f"{path.parent.name}-{case['task']}-{number}")
    for path in sorted(GOLDEN.glob("*/text2text.json"))
    for number, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]
TEXT = "My name is Sarah and I live in London, near the river."
FEW = {"max_new_tokens": 8, "repetition_penalty": 1.8}


def made(task: str, family: str, **options: Any) -> Any:
    folder = GOLDEN / family
    return pipeline(task, folder / "seq2seq-writer", tokenizer=folder / "tokenizer", device="cpu", **options)


def listed(value: Any) -> Any:
    """The same with lists for tensors."""
    if isinstance(value, dict):
        return {name: listed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [listed(part) for part in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value


def near(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: near(part) for name, part in value.items()}
    if isinstance(value, list):
        return [near(part) for part in value]
    return pytest.approx(value, abs=1e-5, rel=1e-5) if isinstance(value, float) else value


@pytest.mark.parametrize(("folder", "case"), RUNS)
def test_answers_equal_those_of_transformers(folder, case):
    files = {"model": folder / case["model"], "tokenizer": folder / "tokenizer"}
    pipe = pipeline(case["task"], **files, device="cpu", **case["construct"])
    assert listed(pipe(*case["args"], **case["call"])) == near(case["result"])


@pytest.mark.parametrize("family", ["t5", "bart"])
@pytest.mark.parametrize("beams", [1, 4])
def test_batches_change_nothing(family, beams):
    pipe = made("summarization", family, num_beams=beams, truncation=True, **FEW)
    texts = [TEXT, "Zoë ate.", f"{TEXT} The film was good.", "London"]
    assert pipe(texts) == [pipe(text)[0] for text in texts]


def test_a_generator_gives_a_list_for_each_item():
    pipe = made("text2text-generation", "t5", **FEW)
    assert list(pipe(text for text in [TEXT])) == [pipe(TEXT)]


def test_ids_are_tensors_and_survive_pickling():
    (answer,) = made("summarization", "bart", **FEW)(TEXT, return_tensors=True)
    assert answer["summary_token_ids"].dim() == 1
    assert torch.equal(pickle.loads(pickle.dumps(answer))["summary_token_ids"], answer["summary_token_ids"])


def test_a_second_pipeline_has_the_prefix_too():
    one = made("translation_en_to_fr", "t5", **FEW)
    two = pipeline("translation_en_to_fr", one.model, tokenizer=one.tokenizer, **FEW)
    assert one.prefix == two.prefix == "a to b: "
    assert one(TEXT) == two(TEXT)


def test_the_first_pair_of_the_model_is_taken():
    pipe = made("translation", "t5")
    assert (pipe.pair, pipe.prefix) == ("translation_en_to_de", "London to Paris: ")


def test_a_stop_sequence_ends_the_text():
    pipe = made("text2text-generation", "t5", num_beams=1, **FEW)
    whole = pipe(TEXT)[0]["generated_text"]
    stop = whole[2:4]
    cut = pipe(TEXT, stop_sequence=stop)[0]["generated_text"]
    assert whole.startswith(cut)
    assert stop in cut
    assert len(cut) < len(whole)


def test_languages_are_needed_and_known():
    pipe = made("translation", "mbart")
    with pytest.raises(InputError, match="src_lang= and tgt_lang="):
        pipe(TEXT)
    with pytest.raises(InputError, match="did you mean 'fr_XX'"):
        pipe(TEXT, src_lang="en_XX", tgt_lang="fr_XY")


@pytest.mark.parametrize("task", ["translation", "translation_cn_to_ar"])
def test_no_default_model(task):
    with pytest.raises(TaskError, match="no default model"):
        pipeline(task)


def test_pairs_have_a_default_and_bad_ones_are_no_task():
    assert find("translation_en_to_ro")[1].default == ("google-t5/t5-base", "a9723ea")
    with pytest.raises(TaskError, match="translation_XX_to_YY"):
        find("translation_en")


def test_a_text_that_is_too_long(caplog):
    pipe = made("summarization", "bart", **FEW)
    with pytest.raises(InputError, match="truncation=True"):
        pipe(TEXT * 4)
    pipe("Paris", max_length=20, max_new_tokens=None)
    assert "a summary is usually shorter" in caplog.text


def test_a_max_length_that_does_not_count_is_no_warning(caplog):
    made("summarization", "bart", num_beams=1)("Paris", max_new_tokens=2)
    made("translation_en_to_fr", "t5", num_beams=1)("Paris is big and Paris is small", max_new_tokens=40)
    assert caplog.text == ""
    made("translation_en_to_fr", "t5", num_beams=1)("Paris is big and Paris is small", max_new_tokens=3)
    assert "max_new_tokens=3 may cut" in caplog.text


def test_what_is_no_text():
    with pytest.raises(InputError, match="must be a text"):
        made("summarization", "t5")([3])
    with pytest.raises(InputError, match="return_type"):
        made("summarization", "t5", return_type="words")
    with pytest.raises(TypeError, match="num_beams"):
        made("summarization", "t5")(TEXT, num_beam=2)
