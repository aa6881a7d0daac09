"""Every kind of tokenizer file gives what transformers makes of it (tests/golden/make_encodings.py)."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Encoding

from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer
from nbpipes.processing.vocabulary.table import find

GOLDEN = Path(__file__).parents[2] / "golden" / "tokenizers"
KINDS = sorted(path.parent.name for path in GOLDEN.glob("*/cases.json"))
Load = Callable[[str], Tokenizer]


def cases(kind: str) -> dict[str, Any]:
    return json.loads((GOLDEN / kind / "cases.json").read_text(encoding="utf-8"))


def parts(encoding: Encoding) -> dict[str, Any]:
    return {
        "ids": encoding.ids,
        "type_ids": encoding.type_ids,
        "offsets": [number for pair in encoding.offsets for number in pair],
        "word_ids": encoding.word_ids,
        "sequence_ids": encoding.sequence_ids,
        "special": encoding.special_tokens_mask,
    }


def facts(tokenizer: Tokenizer) -> dict[str, Any]:
    added = [
        [number, token.content, token.lstrip, token.rstrip, token.single_word, token.normalized, token.special]
        for number, token in sorted(tokenizer.backend.get_added_tokens_decoder().items())
    ]
    return {
        "model_max_length": tokenizer.model_max_length,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "model_input_names": list(tokenizer.model_input_names),
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "special_tokens_map": tokenizer.special_tokens_map,
        "all_special_tokens": tokenizer.all_special_tokens,
        "all_special_ids": tokenizer.all_special_ids,
        "vocab_size": tokenizer.vocab_size,
        "length": len(tokenizer),
        "added": added,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_facts(kind: str, tokenizer: Load) -> None:
    assert facts(tokenizer(kind)) == cases(kind)["facts"]


@pytest.mark.parametrize("kind", KINDS)
def test_encodings_and_windows(kind: str) -> None:
    own = Tokenizer.load(Repo(GOLDEN / kind))
    for case in cases(kind)["encode"]:
        options = dict(case["options"])
        own.truncation_side = options.pop("side", own.truncation_side)
        options.setdefault("truncation", False)
        found = own.windows(case["text"], case["pair"], **options)
        assert [parts(encoding) for encoding in found] == case["windows"], case["options"]


@pytest.mark.parametrize("kind", KINDS)
def test_decoding(kind: str, tokenizer: Load) -> None:
    own = tokenizer(kind)
    for case in cases(kind)["decode"]:
        ids = case["ids"]
        assert own.convert_ids_to_tokens(ids) == case["tokens"]
        assert own.decode(ids) == case["plain"]
        assert own.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) == case["skipped"]
        assert own.decode(ids, clean_up_tokenization_spaces=True) == case["cleaned"]
        assert own.convert_tokens_to_string(case["tokens"]) == case["string"]
        assert own.convert_tokens_to_ids([*case["tokens"], "no such token"]) == case["back"]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_equal_single_calls(kind: str, tokenizer: Load) -> None:
    own = tokenizer(kind)
    texts = [case["text"] for case in cases(kind)["encode"] if isinstance(case["text"], str)]
    items = [*texts, *pairwise(texts), (texts[0], "")]
    for options in ({}, {"truncation": "longest_first", "max_length": 9}, {"add_special_tokens": False}):
        batch = own.encode_batch(items, **options)
        single = [own.windows(*((item,) if isinstance(item, str) else item), **options)[0] for item in items]
        assert [parts(encoding) for encoding in batch] == [parts(encoding) for encoding in single]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_loads_the_same(kind: str, tokenizer: Load, tmp_path: Path) -> None:
    own = tokenizer(kind)
    written = own.save_pretrained(tmp_path)
    assert all(Path(path).is_file() for path in written)
    again = Tokenizer.load(Repo(tmp_path))
    assert facts(again) == facts(own)
    for case in cases(kind)["encode"][:20]:
        if isinstance(case["text"], str):
            found = again.windows(case["text"], case["pair"], truncation=False)
            assert [parts(one) for one in found] == [
                parts(one) for one in own.windows(case["text"], case["pair"], truncation=False)
            ]


def test_model_inputs_and_padding_side_of_every_class() -> None:
    known = json.loads((GOLDEN / "classes.json").read_text())
    for name, row in known["classes"].items():
        style = find(f"{name}Fast", None)
        assert [*style.inputs] == row["model_input_names"], name
        assert style.padding_side == row["padding_side"], name


def test_class_of_every_model_type_with_a_known_class() -> None:
    known = json.loads((GOLDEN / "classes.json").read_text())
    for model_type, name in known["model_types"].items():
        if find(name, None).tokens:
            assert find(None, model_type).name == name, model_type


@pytest.mark.parametrize("kind", KINDS)
def test_model_inputs(kind: str, tokenizer: Load) -> None:
    own = tokenizer(kind)
    for case in cases(kind)["inputs"]:
        found = own(case["text"], case["pair"], **case["options"])
        assert json.loads(json.dumps(found)) == case["out"], case["options"]
        assert list(found) == list(case["out"])
