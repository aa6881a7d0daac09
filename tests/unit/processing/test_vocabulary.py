"""Where a tokenizer comes from: files, settings, overrides, and what damaged ones lead to."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from nbpipes.errors import NbpipesError, TokenizerError
from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer
from nbpipes.processing.vocabulary.settings import OVERRIDES

TEXT = "The Quick ﬁne brown fox 1,2 <mask> [MASK] é"
JUNK = [None, True, -1, 1e300, "x", [], [1], ["a"], {"content": "x"}, {"a": {"b": []}}, [{"name": "a"}]]
JUNK += [{"5": {"content": "y", "lstrip": 3}}]


@pytest.fixture
def copy(golden: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a golden folder, to be changed."""

    def make(kind: str) -> Path:
        return Path(shutil.copytree(golden / kind, tmp_path / kind, ignore=shutil.ignore_patterns("cases.json")))

    return make


def edit(path: Path, **changes: Any) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | changes))


def load(folder: Path, **overrides: Any) -> Tokenizer:
    return Tokenizer.load(Repo(folder), **overrides)


def ids(tokenizer: Tokenizer, text: str = TEXT) -> list[int]:
    return tokenizer.windows(text, truncation=False)[0].ids


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", "t5"])
def test_a_folder_without_a_vocabulary_says_which_file_is_missing(copy: Callable[[str], Path], kind: str) -> None:
    folder = copy(kind)
    for path in folder.iterdir():
        if path.name != "config.json":
            path.unlink()
    with pytest.raises(TokenizerError, match=r"no tokenizer.json, and for \w+ no (vocab|spiece)"):
        load(folder)


def test_an_unknown_class_needs_tokenizer_json(copy: Callable[[str], Path]) -> None:
    folder = copy("bert")
    edit(folder / "tokenizer_config.json", tokenizer_class="OwnTokenizer")
    with pytest.raises(TokenizerError, match="OwnTokenizer cannot be built"):
        load(folder)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(TokenizerError, match="tokenizer_class is not given"):
        load(folder)


def test_an_unknown_class_with_tokenizer_json_takes_the_inputs_of_the_model_type(copy: Callable[[str], Path]) -> None:
    folder = copy("json-bert")
    edit(folder / "tokenizer_config.json", tokenizer_class="TokenizersBackend")
    assert load(folder).model_input_names == ("input_ids", "token_type_ids", "attention_mask")
    edit(folder / "config.json", model_type="own")
    assert load(folder).model_input_names == ("input_ids", "attention_mask")


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_damaged_byte_pair_files(copy: Callable[[str], Path], name: str) -> None:
    folder = copy("gpt2")
    (folder / name).write_bytes(b"\xff\xfe{")
    with pytest.raises(TokenizerError, match=r"vocab.json and merges.txt of 'gpt2' cannot be used"):
        load(folder)


def test_a_merge_of_unknown_tokens_is_an_error(copy: Callable[[str], Path]) -> None:
    folder = copy("gpt2")
    (folder / "merges.txt").write_text("#version\nnot there\n")
    with pytest.raises(TokenizerError, match="cannot be used"):
        load(folder)


def test_damaged_tokenizer_json(copy: Callable[[str], Path]) -> None:
    folder = copy("json-bert")
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "Nothing"}}')
    with pytest.raises(TokenizerError, match=r"tokenizer\.json of 'json-bert' cannot be used"):
        load(folder)


def test_a_damaged_charsmap_is_an_error_and_no_panic(copy: Callable[[str], Path], capfd: pytest.CaptureFixture) -> None:
    folder = copy("xlm-roberta")
    path = folder / "sentencepiece.bpe.model"
    data = bytearray(path.read_bytes())
    trie = data.index((1024).to_bytes(4, "little")) + 4
    data[trie : trie + 1024] = bytes([255, 255, 255, 127]) * 256
    path.write_bytes(bytes(data))
    with pytest.raises(TokenizerError, match="damaged"):
        load(folder).windows("e\u0301 ﬁ")
    capfd.readouterr()


@pytest.mark.parametrize("kind", ["bert-stripped", "llama-new", "mbart", "pegasus", "json-bert"])
def test_settings_of_any_shape_load_or_are_an_error(copy: Callable[[str], Path], kind: str) -> None:
    folder = copy(kind)
    path = folder / "tokenizer_config.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for name in sorted({*OVERRIDES, *known, "added_tokens_decoder", "tokenizer_class", "max_len"}):
        for value in JUNK:
            path.write_text(json.dumps(known | {name: value}))
            try:
                load(folder).windows(TEXT, max_length=20)
            except NbpipesError:
                continue


@pytest.mark.parametrize("name", ["added_tokens.json", "special_tokens_map.json", "config.json"])
def test_companion_files_of_any_shape_load_or_are_an_error(copy: Callable[[str], Path], name: str) -> None:
    folder = copy("bert-cased")
    for key in ("mask_token", "additional_special_tokens", "model_type", "tokenizer_class", "[NEW]"):
        for value in JUNK:
            (folder / name).write_text(json.dumps({key: value}))
            try:
                load(folder).windows(TEXT)
            except NbpipesError:
                continue


def test_mutated_files_load_or_are_an_error(copy: Callable[[str], Path]) -> None:
    chance = random.Random(5)
    files = {"bert": "vocab.txt", "roberta": "vocab.json", "gpt2": "merges.txt", "json-bert": "tokenizer.json"}
    for kind, name in files.items():
        path = copy(kind) / name
        whole = path.read_bytes()
        for _ in range(40):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 3, 12))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(bytes(data[: chance.choice((len(data), chance.randrange(len(data))))]))
            try:
                load(path.parent).windows(TEXT)
            except NbpipesError:
                continue


def test_unknown_overrides_name_the_nearest(golden: Path) -> None:
    with pytest.raises(TypeError, match="did you mean 'padding_side'"):
        load(golden / "bert", paddingside="left")
    assert ids(load(golden / "bert", use_fast=False)) == ids(load(golden / "bert"))


def test_overrides_win_over_the_files(golden: Path) -> None:
    own = load(
        golden / "bert-cased", padding_side="left", truncation_side="left", model_max_length=7, do_lower_case=True
    )
    assert (own.padding_side, own.truncation_side, own.model_max_length) == ("left", "left", 7)
    assert own.windows("A quick FOX jumps over it all")[0].offsets[-2][1] == 29
    assert own.windows("FOX", truncation=False)[0].ids == own.windows("fox", truncation=False)[0].ids
    assert own("a", padding="max_length")["attention_mask"] == [0, 0, 0, 0, 1, 1, 1]
    with pytest.raises(TokenizerError, match="padding_side"):
        load(golden / "bert", padding_side="up")
    with pytest.raises(TokenizerError, match="model_max_length"):
        load(golden / "bert", model_max_length=0)


def test_more_special_tokens(golden: Path) -> None:
    own = load(
        golden / "bert",
        pad_token="[CLS]",
        additional_special_tokens=["<e1>", AddedToken("<e2>", lstrip=True)],
        extra_special_tokens={"image_token": "<image>"},
    )
    size = own.vocab_size
    assert own.additional_special_tokens == ["<e1>", "<e2>"]
    assert own.special_tokens_map["image_token"] == "<image>"
    assert own.convert_tokens_to_ids(["<image>", "<e1>", "<e2>"]) == [size, size + 1, size + 2]
    assert own.windows("a <e2>b<E1>", add_special_tokens=False)[0].offsets[1] == (1, 6)
    assert own.decode([size, 5], skip_special_tokens=True) == own.decode([5])
    assert own.pad_token_id == own.cls_token_id


def test_words_with_a_prefix_space(golden: Path) -> None:
    own = load(golden / "roberta", add_prefix_space=True)
    words = own.windows(["the", "fox"], is_split_into_words=True)[0]
    assert words.ids == own.windows("the fox")[0].ids
    assert words.word_ids[1] == 0


def test_source_language(golden: Path) -> None:
    assert load(golden / "mbart").windows("fox")[0].tokens[-1] == "de_DE"
    assert load(golden / "mbart", src_lang="fr_XX").windows("fox")[0].tokens[-1] == "fr_XX"
    with pytest.raises(TokenizerError, match="klingon"):
        load(golden / "mbart", src_lang="klingon")


def test_add_prefix_space_goes_back_to_the_pieces(copy: Callable[[str], Path]) -> None:
    folder = copy("llama")
    own = load(folder)
    own.save_pretrained(folder)
    assert ids(load(folder, add_prefix_space=False), "fox") != ids(own, "fox") == ids(load(folder), "fox")


def test_chat_templates(copy: Callable[[str], Path]) -> None:
    folder = copy("llama")
    assert load(folder).chat_template is None
    edit(folder / "tokenizer_config.json", chat_template="from config")
    assert load(folder).chat_template == "from config"
    pair = [{"name": "default", "template": "one"}, {"name": "tool_use", "template": "two"}]
    edit(folder / "tokenizer_config.json", chat_template=pair)
    own = load(folder)
    assert (own.chat_template, own.chat_templates) == ("one", {"default": "one", "tool_use": "two"})
    own.save_pretrained(folder / "saved")
    assert load(folder / "saved").chat_templates == own.chat_templates
    (folder / "chat_template.jinja").write_text("from file")
    assert load(folder).chat_template == "from file"
    load(folder).save_pretrained(folder / "saved")
    assert (folder / "saved" / "chat_template.jinja").read_text() == "from file"
    assert load(folder, chat_template="mine").chat_template == "mine"


def test_what_a_call_wished_is_saved(golden: Path, tmp_path: Path) -> None:
    own = load(golden / "gpt2", pad_token="<|pad|>", padding_side="left", model_max_length=9)
    own.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert (again.pad_token_id, again.padding_side, again.model_max_length) == (own.vocab_size, "left", 9)
    assert (tmp_path / "vocab.json").read_bytes() == (golden / "gpt2" / "vocab.json").read_bytes()


def test_saving_over_itself_keeps_the_files(copy: Callable[[str], Path]) -> None:
    folder = copy("t5")
    before = ids(load(folder))
    load(folder).save_pretrained(folder)
    assert ids(load(folder)) == before
    Backend.from_file(str(folder / "tokenizer.json"))
