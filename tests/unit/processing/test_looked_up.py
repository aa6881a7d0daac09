"""Tokenizers that cut by one file and look ids up in vocab.json: Marian, M2M100, Blenderbot Small."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = {
    path.parent.parent.name + path.parent.name.removeprefix("tokenizer"): path
    for path in sorted(GOLDEN.glob("*/tokenizer*/looked_up.json"))
}
CASES = [
    pytest.param(family, case, id=f"{family}-{number}")
    for family, path in FILES.items()
    for number, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
]


@pytest.fixture(params=FILES)
def tokenizer(request):
    return Tokenizer.load(Repo(FILES[request.param].parent))


@pytest.mark.parametrize(("family", "case"), CASES)
def test_ids_and_texts_equal_those_of_transformers(family, case):
    tokenizer = Tokenizer.load(Repo(FILES[family].parent))
    assert tokenizer(case["text"])["input_ids"] == case["ids"]
    assert [found.ids for found in tokenizer.encode_batch([case["text"]])] == [case["ids"]]
    assert tokenizer.decode(case["ids"], skip_special_tokens=True) == case["decoded"][0]
    if family != "siglip":  # which writes nothing
        assert tokenizer.decode(case["ids"]) == case["decoded"][1]


def test_a_language_code_counts_when_texts_are_cut():
    marian = Tokenizer.load(Repo(FILES["marian"].parent))
    known, unknown = (f">>{code}<< Who lives in London?" for code in ("fra", "xx"))
    for text, code in ((known, marian.convert_tokens_to_ids(">>fra<<")), (unknown, marian.unk_token_id)):
        whole, cut = marian(text)["input_ids"], marian(text, truncation=True, max_length=6)["input_ids"]
        assert cut == [code, *whole[1:5], marian.eos_token_id]
    found = marian.windows(unknown)[0]
    assert [unknown[start:end] for start, end in found.offsets[:2]] == [">>xx<<", "Wh"]


def test_cut_and_padded(tokenizer):
    whole = tokenizer("My name is Sarah.")["input_ids"]
    cut = tokenizer("My name is Sarah.", truncation=True, max_length=6)["input_ids"]
    assert len(cut) == 6
    last = 1 + (whole[-1] == tokenizer.eos_token_id)
    assert cut[-1] == whole[-1 if last > 1 else 5]
    padded = tokenizer(["My name is Sarah.", "London"], padding=True)
    assert padded["input_ids"][1][-1] == tokenizer.pad_token_id
    assert len({len(row) for rows in padded.values() for row in rows}) == 1
    windows = tokenizer.windows("My name is Sarah.", max_length=6, stride=1)
    assert [len(window.ids) <= 6 for window in windows] == [True] * len(windows)
    assert windows[-1].ids[-last] == whole[-last]


@pytest.mark.parametrize("family", FILES)
def test_saved_and_pickled(family, tmp_path):
    folder, text = FILES[family].parent, "Who lives in London?"
    tokenizer = Tokenizer.load(Repo(folder))
    tokenizer.save_pretrained(tmp_path)
    if (folder / "config.json").exists():  # where it is the model that says which class it is
        shutil.copy(folder / "config.json", tmp_path)
    for copy in (Tokenizer.load(Repo(tmp_path)), pickle.loads(pickle.dumps(tokenizer))):
        assert copy(text)["input_ids"] == tokenizer(text)["input_ids"]
