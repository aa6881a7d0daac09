"""What the reference makes of the vocabularies in make_vocabularies.py: the folder tokenizers/.

Runs in the environment of make.py. Arguments: names of kinds; none means all of them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from make_vocabularies import CORPUS, KINDS, prepare
from transformers import AutoTokenizer
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

HERE = Path(__file__).resolve().parent / "tokenizers"

TEXTS = [
    "Hello world! The quick brown fox.",
    "",
    "   ",
    "  two  spaces   and\ttabs\nand lines \r\n end ",
    "I don't think it's 1,234.56 % true, they've said ''so'' ``twice''.",
    "Ünïcödé ÀÉÎ façade naïve e\u0301 a\u0308 İstanbul ß ǅ",
    "ＦＵＬＬ ｗｉｄｔｈ ﬁne ½ ² ٣ ½",
    "敏捷的棕色狐狸, 東京は日本。 서울",
    "הַשּׁוּעָל הַחוּם الثَّعْلَب السريع",
    "emoji 😀 👩‍👩‍👧‍👦 🇫🇷 ❤️ end",
    "control \x00 \x07 \u200b zero\u00a0nbsp\u00adsoft \ufffd \ufeff",
    "a [MASK] b <mask> c </s> d <s>e [SEP] [CLS] <pad>[PAD] <unk> [UNK] <extra_id_0> <mask_2> <|endoftext|>x",
    "under_score camelCase snake-case a/b http://example.com/x?y=z&w=1#f e.g. U.S.A.",
    "supercalifragilisticexpialidocious" * 4,
    "▁underline ▁▁two ▁",
    "x" * 130,
    "tab\t\ttab\t<start_of_turn> x",
    "The dog\u2028the\u0085fox\u3000jumps",
]

LONG = " ".join(CORPUS[:4])
QUESTION = "What does the fox jump over?"


def facts(tokenizer: Any) -> dict[str, Any]:
    longest = tokenizer.model_max_length
    added = [
        [number, token.content, token.lstrip, token.rstrip, token.single_word, token.normalized, token.special]
        for number, token in tokenizer.added_tokens_decoder.items()
    ]
    return {
        "model_max_length": None if longest > 10**20 else longest,
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


def encoded(encoding: Any) -> dict[str, Any]:
    return {
        "ids": encoding.ids,
        "type_ids": encoding.type_ids,
        "offsets": [number for pair in encoding.offsets for number in pair],
        "word_ids": encoding.word_ids,
        "sequence_ids": encoding.sequence_ids,
        "special": encoding.special_tokens_mask,
    }


def encodings(tokenizer: Any) -> list[dict[str, Any]]:
    calls: list[tuple[Any, Any, dict[str, Any]]] = [(text, None, {}) for text in TEXTS]
    calls += [("", "pair only", {}), (QUESTION, CORPUS[4], {}), (CORPUS[8], "", {})]
    calls += [(QUESTION, None, {"add_special_tokens": False})]
    for side in ("right", "left"):
        calls += [
            (LONG, None, {"truncation": True, "max_length": 12, "side": side}),
            (CORPUS[0], CORPUS[1], {"truncation": "longest_first", "max_length": 16, "side": side}),
            (CORPUS[0], None, {"truncation": True, "max_length": 14, "stride": 4, "side": side}),
            (QUESTION, CORPUS[0], {"truncation": "only_second", "max_length": 40, "stride": 5, "side": side}),
            (CORPUS[0], QUESTION, {"truncation": "only_first", "max_length": 36, "stride": 0, "side": side}),
        ]
    if getattr(tokenizer, "add_prefix_space", True) is not False:
        calls += [(["Hello", "  wide ", "world,again", ""], None, {"is_split_into_words": True})]
    out = []
    for text, pair, options in calls:
        call = dict(options)
        tokenizer.truncation_side = call.pop("side", tokenizer.truncation_side)
        try:
            result = tokenizer(text, pair, return_overflowing_tokens="stride" in call, **call).encodings
        except AssertionError:  # words without add_prefix_space
            continue
        out.append({"text": text, "pair": pair, "options": options, "windows": [encoded(one) for one in result]})
    return out


def decodings(tokenizer: Any) -> list[dict[str, Any]]:
    out = []
    for text in (TEXTS[0], TEXTS[3], TEXTS[4], TEXTS[7], TEXTS[9], TEXTS[11]):
        ids = tokenizer(text)["input_ids"]
        tokens = tokenizer.convert_ids_to_tokens(ids)
        out.append(
            {
                "ids": ids,
                "tokens": tokens,
                "plain": tokenizer.decode(ids),
                "skipped": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
                "cleaned": tokenizer.decode(ids, clean_up_tokenization_spaces=True),
                "string": tokenizer.convert_tokens_to_string(tokens),
                "back": tokenizer.convert_tokens_to_ids([*tokens, "no such token"]),
            }
        )
    return out


def model_inputs(tokenizer: Any) -> list[dict[str, Any]]:
    """What a call returns, with padding where there is a pad token."""
    texts = [QUESTION, TEXTS[0], ""]
    calls: list[tuple[Any, Any, dict[str, Any]]] = [
        (QUESTION, None, {}),
        (texts, None, {"return_special_tokens_mask": True, "return_token_type_ids": True}),
        (texts, texts, {"max_length": 20, "return_offsets_mapping": True, "return_attention_mask": False}),
    ]
    if tokenizer.pad_token is not None:
        calls += [
            (texts, None, {"padding": True}),
            (QUESTION, TEXTS[0], {"padding": "max_length", "truncation": "longest_first", "max_length": 30}),
            (texts, None, {"padding": "longest", "truncation": True, "max_length": 5}),
        ]
    return [
        {"text": text, "pair": pair, "options": options, "out": dict(tokenizer(text, pair, **options))}
        for text, pair, options in calls
    ]


def record(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast, folder
    tables = {"facts": facts(tokenizer), "decode": decodings(tokenizer), "inputs": model_inputs(tokenizer)}
    lines = [f'"{name}": {json.dumps(table, ensure_ascii=False)}' for name, table in tables.items()]
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in encodings(tokenizer)]
    lines.append('"encode": [\n' + ",\n".join(rows) + "\n]")
    (folder / "cases.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def classes() -> None:
    """Record the defaults of upstream's tokenizer classes, and the class of each model type."""
    types = {name: (fast or slow) for name, (slow, fast) in TOKENIZER_MAPPING_NAMES.items() if fast or slow}
    rows = {}
    for name in sorted(set(types.values())):
        found = tokenizer_class_from_name(name)
        if found is not None and name.endswith("Fast"):
            side = {"padding_side": found.padding_side}
            rows[name.removesuffix("Fast")] = {"model_input_names": found.model_input_names, **side}
    types = {name: value.removesuffix("Fast") for name, value in types.items()}
    text = json.dumps({"classes": rows, "model_types": types}, indent=0, sort_keys=True)
    (HERE / "classes.json").write_text(text + "\n", encoding="utf-8")


def make_encodings(wanted: list[str]) -> None:
    HERE.mkdir(parents=True, exist_ok=True)
    for name in wanted or KINDS:
        folder = HERE / name
        prepare(folder, KINDS[name])
        record(folder)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{name}: {size / 1000:.0f} kB")
    classes()


if __name__ == "__main__":
    make_encodings(sys.argv[1:])
