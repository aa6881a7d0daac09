"""Where settings of a generation may stand: in a generation_config, in generate_kwargs, in a checkpoint's own file."""

import json
import shutil
from pathlib import Path

import pytest

from nbpipes import pipeline
from nbpipes.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden"
SHORT = {"max_new_tokens": 3, "do_sample": False}


def parts(family: str, kind: str) -> dict[str, Path | str]:
    return {"model": GOLDEN / family / kind, "tokenizer": GOLDEN / family / "tokenizer", "device": "cpu"}


@pytest.fixture(scope="module")
def gpt2():
    return pipeline("text-generation", **parts("gpt2", "causal-writer"))


class Config:
    """As transformers' GenerationConfig: it keeps whatever name it is given."""

    def __init__(self, **values):
        self.values = {"max_length": 20, "num_beam_groups": 1, "diversity_penalty": 0.0, "_commit_hash": None, **values}

    def to_dict(self):
        return self.values


@pytest.mark.parametrize("kind", [dict, Config])
def test_a_name_that_nobody_knows_is_an_error(gpt2, kind):
    with pytest.raises(InputError, match=r"'max_new_token', which is no setting; did you mean 'max_new_tokens'\?"):
        gpt2("x", generation_config=kind(max_new_token=3))


@pytest.mark.parametrize("kind", [dict, Config])
def test_a_way_to_write_that_is_not_there_is_an_error(gpt2, kind):
    with pytest.raises(InputError, match="num_beam_groups=2, a way to write that nbpipes does not have"):
        gpt2("x", generation_config=kind(num_beams=4, num_beam_groups=2))


def test_settings_that_change_no_text_are_taken(gpt2):
    more = {"cache_implementation": "static", "return_dict_in_generate": True, "transformers_version": "4.57.6"}
    assert gpt2("x", generation_config=SHORT | more) == gpt2("x", **SHORT)


def test_a_checkpoint_may_say_what_nobody_knows(tmp_path):
    files = parts("gpt2", "causal-writer")
    folder = shutil.copytree(files["model"], tmp_path / "model")
    own = json.loads((folder / "generation_config.json").read_text()) | {"mood": "merry", "num_beam_groups": 3}
    (folder / "generation_config.json").write_text(json.dumps(own))
    pipe = pipeline("text-generation", **files | {"model": folder})
    assert pipe("x", **SHORT) == pipe("x", generation_config=SHORT | {"mood": "sad"})
    assert pipe.model_settings["mood"] == "merry"


@pytest.mark.parametrize(
    ("task", "family", "item"),
    [
        ("text-generation", "gpt2", "Paris is"),
        ("conversational", "gpt2", [{"role": "user", "content": "Paris"}]),
        ("summarization", "bart", "Paris is"),
        ("translation_en_to_fr", "t5", "Paris is"),
        ("text2text-generation", "bart", "Paris is"),
    ],
)
def test_generate_kwargs(task, family, item):
    pipe = pipeline(task, **parts(family, "causal-writer" if family == "gpt2" else "seq2seq-writer"))

    def said(**settings):
        answer = pipe(item, **settings)
        return answer.messages[-1] if task == "conversational" else answer

    expected = said(**SHORT)
    assert said(generate_kwargs=SHORT) == expected
    assert said(generate_kwargs={"max_new_tokens": 1, "do_sample": False}, max_new_tokens=3) == expected
    assert said(generate_kwargs={}, return_dict_in_generate=True, **SHORT) == expected
    with pytest.raises(TypeError, match=r"did you mean 'max_new_tokens'"):
        said(generate_kwargs={"max_new_token": 3})
    with pytest.raises(InputError, match="generate_kwargs must be a dict"):
        said(generate_kwargs=3)
