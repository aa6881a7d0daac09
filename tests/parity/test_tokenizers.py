"""Tokenizers of every kind on texts and options by chance: nbpipes and transformers side by side."""

import random
from pathlib import Path
from typing import Any

import pytest

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[1] / "golden/tokenizers").glob("*/cases.json"))
WRITERS = ("blenderbot-small", "m2m_100", "marian")
LOOKED_UP = [
    path.parent
    for name in WRITERS
    for path in sorted((Path(__file__).parents[1] / "golden" / name).glob("tokenizer*/looked_up.json"))
]
REAL = ("all-MiniLM-L6-v2", "rampart-pii")
ROUNDS = 150

WORDS = [
    *("Hello world", "The quick brown fox jumps over the lazy dog.", "1,234,567 $9.99 50%", "camelCase snake_case"),
    *("naïve façade", "e\u0301a\u0308 İstanbul ß ǅ", "敏捷的棕色狐狸", "東京は日本の首都です。", "서울은 대한민국"),
    *("הַשּׁוּעָל", "الثَّعْلَب السريع", "😀 👩‍👩‍👧‍👦 🇫🇷 ❤️", "\x00\x07\u200b", "\u00a0\u00ad\ufeff\ufffd", "\t\n\r\n", "   "),
    *("[MASK]", "<mask>", "</s>", "<s>", "[SEP]", "<pad>", "<unk>", "<|endoftext|>", "<extra_id_0>", "▁▁ ▁a"),
    *("x" * 120, "ＦＵＬＬ ﬁ ½ ²", "ภาษาไทยไม่เว้น", "𝕳𝖊𝖑𝖑𝖔", "word. Word? word! , 's 've n't", "http://a.b/c?d=e&f#g"),
]


def text_of(chance: random.Random) -> str:
    parts = [chance.choice(WORDS) for _ in range(chance.choice((0, 1, 2, 3, 5, 20)))]
    parts += ["".join(chr(chance.randrange(1, 0xD800)) for _ in range(4)) for _ in range(chance.choice((0, 0, 1)))]
    return chance.choice((" ", " ", "")).join(parts)


def options_of(chance: random.Random, pair: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"truncation": False, "add_special_tokens": chance.random() < 0.85}
    if chance.random() < 0.7:
        kinds = ["longest_first", "only_first", *(["only_second"] if pair else [])]
        options |= {"truncation": chance.choice(kinds), "max_length": chance.choice((6, 8, 12, 20, 33, 64))}
        options |= {"stride": chance.choice((0, 1, 2, 4, 7))} if chance.random() < 0.6 else {}
    return options


def parts(encoding: Any) -> tuple[Any, ...]:
    places = (encoding.offsets, encoding.word_ids, encoding.sequence_ids, encoding.special_tokens_mask)
    return (encoding.ids, encoding.type_ids, encoding.tokens, *places)


def compare(folder: Path) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = Tokenizer.load(Repo(folder))
    chance = random.Random(folder.name)
    equal = 0
    for _ in range(ROUNDS):
        text, pair = text_of(chance), text_of(chance) if chance.random() < 0.5 else None
        options = options_of(chance, bool(pair))
        ours.truncation_side = theirs.truncation_side = chance.choice(("left", "right"))
        try:
            windows = ours.windows(text, pair, **options)
        except InputError:  # options without room: theirs may panic
            continue
        answer = theirs(text, pair, return_overflowing_tokens="stride" in options, **options)
        assert [parts(one) for one in windows] == [parts(one) for one in answer.encodings], (text, pair, options)
        ids = windows[0].ids
        for skip in (False, True):
            assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip)
        equal += 1
    assert equal > ROUNDS / 2


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_every_kind(folder):
    compare(folder)


CODES = (">>fra<<", ">>xx<<", ">>a b<<", ">>", "<<", ">><<", ">>fra", "▁")


@pytest.mark.parametrize("folder", LOOKED_UP, ids=[f"{path.parent.name}-{path.name}" for path in LOOKED_UP])
def test_classes_without_a_fast_twin(folder):
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = Tokenizer.load(Repo(folder))
    chance = random.Random(5)
    for _ in range(ROUNDS):
        words = [chance.choice([*CODES, *ours.all_special_tokens[:5], *WORDS]) for _ in range(chance.randrange(7))]
        text = chance.choice((" ", "")).join(words)
        cut = {"truncation": True, "max_length": chance.choice((4, 7, 20))} if chance.random() < 0.4 else {}
        cut["add_special_tokens"] = chance.random() < 0.8
        ids = theirs(text, **cut)["input_ids"]
        assert ours(text, **cut)["input_ids"] == ids, text
        for skip in (False, True):
            assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip), text


@pytest.mark.parametrize("name", REAL)
def test_real_checkpoints(checkpoint, name):
    compare(checkpoint(name))


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_transformers_loads_what_is_saved(folder, tmp_path, texts):
    ours = Tokenizer.load(Repo(folder))
    ours.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.special_tokens_map == ours.special_tokens_map
    for text in texts:
        assert theirs(text)["input_ids"] == ours(text)["input_ids"]
