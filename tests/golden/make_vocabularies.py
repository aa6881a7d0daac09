"""Tiny vocabularies in the file formats of the Hub, of every kind that can be built without tokenizer.json."""

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all.",
    "Hugging Face is based in New York City and in Paris; its models are used everywhere.",
    "A tokenizer cuts a text into words, and the words into pieces that the model knows.",
    "I don't think it's true that they've won 1,234 games out of 5,678 in the year 2021.",
    "Der schnelle braune Fuchs springt über den faulen Hund, während die Sonne scheint.",
    "Le renard brun saute par-dessus le chien paresseux, et l'été fut très chaud à Paris.",
    "El zorro marrón rápido salta sobre el perro perezoso en la mañana.",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "敏捷的棕色狐狸跳过了懒狗。 東京は日本の首都です。 서울은 대한민국의 수도입니다.",
    "الثعلب البني السريع يقفز فوق الكلب الكسول. השועל החום המהיר קופץ מעל הכלב העצלן.",
    "who where when what which why how many people live in the city of London now?",
    'He said: "this is fine" (or not), and then he left; nobody knew why!',
]


@dataclass(frozen=True)
class Kind:
    """One folder: how its vocabulary is written, and what stands in the JSON files beside it."""

    model_type: str
    write: Callable[[Path], None]
    settings: Mapping[str, Any] | None = None
    special: Mapping[str, Any] | None = None
    added: Mapping[str, int] | None = None


def wordpiece(lower: bool, special: list[str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=420, special_tokens=special, show_progress=False)
        tokenizer.train_from_iterator(CORPUS, trainer)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")

    return write


def byte_pairs(special: list[str], suffix: str = "") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        if suffix:
            tokenizer.normalizer = normalizers.Lowercase()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=420 + 256 * bool(suffix),
            special_tokens=special,
            initial_alphabet=alphabet,
            end_of_word_suffix=suffix,
            show_progress=False,
        )
        tokenizer.train_from_iterator(CORPUS, trainer)
        model = json.loads(tokenizer.to_str())["model"]
        vocabulary = dict(model["vocab"])
        for character in sorted(alphabet) if suffix else ():
            vocabulary.setdefault(character + suffix, len(vocabulary))
        merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")

    return write


# The rules that SentencePiece brings compile to 240 kB; these few are enough to see that rules are applied.
RULES = [("ﬁ", "fi"), ("½", "1/2"), ("²", "2"), ("\u3000", " "), ("\u00a0", " "), ("\u200b", ""), ("\ufeff", "")]
RULES += [(chr(0xFF21 + i), chr(0x41 + i)) for i in range(26)] + [("e\u0301", "é"), ("a\u0308", "ä")]


def pieces(name: str, **options: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        model = io.BytesIO()
        with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
            for source, target in RULES:
                left, right = (" ".join(f"{ord(c):X}" for c in text) for text in (source, target))
                rules.write(f"{left}\t{right}\n")
            rules.flush()
            settings = {"vocab_size": 400, "model_type": "unigram", "character_coverage": 1.0}
            if "normalization_rule_name" not in options:
                settings["normalization_rule_tsv"] = rules.name
            settings |= {"hard_vocab_limit": False, "num_threads": 1, "minloglevel": 2}
            settings |= options
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS * 3), model_writer=model, **settings)
        (folder / name).write_bytes(model.getvalue())

    return write


def as_json(kind: Kind, change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Write tokenizer.json alone, made from the older files of `kind` and changed by `change`."""

    def write(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as work:
            source = Path(work)
            prepare(source, kind)
            state = json.loads(AutoTokenizer.from_pretrained(source).backend_tokenizer.to_str())
        change(state)
        (folder / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    return write


TOKEN = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}


def saved_state(state: dict[str, Any]) -> None:
    state["truncation"] = {"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    state["padding"] = {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": None}
    state["padding"] |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}


def untrimmed(state: dict[str, Any]) -> None:
    state["pre_tokenizer"]["add_prefix_space"] = True
    state["post_processor"]["trim_offsets"] = False


def prefixed(state: dict[str, Any]) -> None:
    state["pre_tokenizer"]["add_prefix_space"] = True
    token = {"id": 420, "content": "camelCase", **TOKEN, "normalized": True, "special": False}
    state["added_tokens"].append(token)


def unchanged(state: dict[str, Any]) -> None:
    pass


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FUNNEL = ["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<s>", "</s>", "[UNK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]", "[MASK]"]}
DEBERTA = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
DEBERTA |= {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
LLAMA = {"model_type": "bpe", "byte_fallback": True, "vocab_size": 700, "normalization_rule_name": "identity"}
LLAMA |= {"user_defined_symbols": ["\t\t"]}
LLAMA |= {"remove_extra_whitespaces": False, "split_digits": True, "allow_whitespace_only_pieces": True}
GEMMA = LLAMA | {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3, "bos_piece": "<bos>", "eos_piece": "<eos>"}
GEMMA |= {"user_defined_symbols": ["<start_of_turn>", "\t\t"]}

KINDS = {
    "bert": Kind("bert", wordpiece(True, BERT)),
    "bert-cased": Kind(
        "bert",
        wordpiece(False, BERT),
        {"do_lower_case": False, "tokenize_chinese_chars": False, "model_max_length": 64, "max_len": 3},
        {"mask_token": "[MASK]", "cls_token": {"content": "[CLS]", **TOKEN}, "sep_token": "[SEP]"},
        {"camelcase": 420, "[NEW]": 421},
    ),
    "bert-stripped": Kind(
        "bert",
        wordpiece(True, BERT),
        {
            "do_lower_case": False,
            "strip_accents": True,
            "tokenizer_class": "BertTokenizer",
            "additional_special_tokens": ["[ONE]", "[TWO]"],
            "added_tokens_decoder": {
                "420": {"content": "[ONE]", **TOKEN, "special": True},
                "421": {"content": "camelCase", **TOKEN, "lstrip": True, "special": False},
            },
        },
    ),
    "distilbert": Kind("distilbert", wordpiece(True, BERT), {"model_max_length": 512}),
    "mpnet": Kind("mpnet", wordpiece(True, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])),
    "funnel": Kind("funnel", wordpiece(True, FUNNEL)),
    "roberta": Kind("roberta", byte_pairs(ROBERTA), {"model_max_length": 512}),
    "bart-prefix": Kind("bart", byte_pairs(ROBERTA), {"add_prefix_space": True, "truncation_side": "left"}),
    "gpt2": Kind("gpt2", byte_pairs(["<|endoftext|>"])),
    "gpt2-bos": Kind("gpt2", byte_pairs(["<|endoftext|>"]), {"add_bos_token": True, "padding_side": "left"}),
    "deberta": Kind("deberta", byte_pairs(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"])),
    "blenderbot": Kind("blenderbot", byte_pairs(["<s>", "<pad>", "</s>", "<unk>"])),
    "clip": Kind("clip", byte_pairs(["<|startoftext|>", "<|endoftext|>"], suffix="</w>")),
    "qwen2": Kind("qwen2", byte_pairs([]), {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>"}),
    "xlm-roberta": Kind("xlm-roberta", pieces("sentencepiece.bpe.model")),
    "xlm-roberta-bpe": Kind("xlm-roberta", pieces("sentencepiece.bpe.model", model_type="bpe")),
    "camembert": Kind("camembert", pieces("sentencepiece.bpe.model")),
    "albert": Kind("albert", pieces("spiece.model", **ALBERT)),
    "albert-accents": Kind("albert", pieces("spiece.model", **ALBERT), {"keep_accents": True, "do_lower_case": False}),
    "deberta-v2": Kind("deberta-v2", pieces("spm.model", **DEBERTA)),
    "deberta-v2-split": Kind(
        "deberta-v2", pieces("spm.model", **DEBERTA), {"split_by_punct": True, "do_lower_case": True}
    ),
    "t5": Kind("t5", pieces("spiece.model", **T5), {"extra_ids": 5}),
    "t5-new": Kind("t5", pieces("spiece.model", **T5), {"legacy": False, "model_max_length": 512}),
    "mbart": Kind("mbart", pieces("sentencepiece.bpe.model"), {"src_lang": "de_DE"}),
    "mbart50": Kind("mbart", pieces("sentencepiece.bpe.model"), {"tokenizer_class": "MBart50Tokenizer"}),
    "nllb": Kind(
        "m2m_100",
        pieces("sentencepiece.bpe.model", model_type="bpe"),
        {"tokenizer_class": "NllbTokenizer", "src_lang": "fra_Latn"},
    ),
    "pegasus": Kind("pegasus", pieces("spiece.model", **T5)),
    "pegasus-plain": Kind(
        "bigbird_pegasus",
        pieces("spiece.model", **T5),
        {"offset": 0, "mask_token_sent": None, "mask_token": "[MASK]", "tokenizer_class": "PegasusTokenizer"},
    ),
    "llama": Kind("llama", pieces("tokenizer.model", **LLAMA)),
    "llama-new": Kind(
        "llama",
        pieces("tokenizer.model", **LLAMA),
        {"legacy": False, "add_eos_token": True, "pad_token": "<pad>", "tokenizer_class": "LlamaTokenizer"},
    ),
    "gemma": Kind("gemma", pieces("tokenizer.model", **GEMMA)),
}
KINDS |= {
    "json-bert": Kind("bert", as_json(KINDS["bert"], saved_state), {"do_lower_case": False}),
    "json-roberta": Kind("roberta", as_json(KINDS["roberta"], untrimmed)),
    "json-llama": Kind("llama", as_json(KINDS["llama"], unchanged), {"add_eos_token": True}),
    "json-fast": Kind(
        "modernbert",
        as_json(KINDS["gpt2"], prefixed),
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": "<|pad|>",
            "mask_token": "[MASK]",
            "clean_up_tokenization_spaces": True,
            "model_max_length": 128,
            "model_input_names": ["input_ids", "attention_mask"],
        },
    ),
}


def prepare(folder: Path, kind: Kind) -> None:
    """Write the files of `kind` into `folder`. A vocabulary that is there stays: training gives no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(path.suffix in (".txt", ".model") or path.name == "tokenizer.json" for path in folder.iterdir()):
        kind.write(folder)
    names = {
        "tokenizer_config.json": kind.settings,
        "special_tokens_map.json": kind.special,
        "added_tokens.json": kind.added,
        "config.json": {"model_type": kind.model_type},
    }
    for name, value in names.items():
        if value is not None:
            (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
