"""What the reference's pipelines write with tiny encoder-decoder models: tokenizers, checkpoints, cases."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact
from make_seq2seq import FAMILIES, LABELS, LIMIT, randomise
from make_tasks import plain
from make_tokenizers import byte_pairs, pieces
from sentencepiece import SentencePieceProcessor
from transformers import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    BartTokenizerFast,
    BlenderbotSmallTokenizer,
    M2M100Tokenizer,
    MarianTokenizer,
    MBart50TokenizerFast,
    PreTrainedTokenizer,
    PreTrainedTokenizerFast,
    T5TokenizerFast,
    pipeline,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

TEXT = "My name is Sarah and I live in London, near the river."
OTHER = "Zoë ate a café crème . Is it ?"
LONG = f"{TEXT} {OTHER} The film was good, the book was better: 10 out of 10!"
FEW = {"max_new_tokens": 8, "repetition_penalty": 1.8}
PREFIXES = {
    "summarization": {"prefix": "it is: ", "min_length": 4, "num_beams": 2, "length_penalty": 2.0},
    "translation_en_to_de": {"prefix": "London to Paris: ", "max_length": 12},
    "translation_en_to_fr": {"prefix": "a to b: ", "num_beams": 3},
}
Case = tuple[str, dict[str, Any], list[Any], dict[str, Any]]
"""Task, keywords of pipeline(), positional arguments and keywords of the call."""
EVERY: list[Case] = [
    ("text2text-generation", {}, [TEXT], FEW),
    ("text2text-generation", {}, [[TEXT, OTHER]], FEW),
    ("text2text-generation", {}, [[TEXT]], FEW | {"num_return_sequences": 2}),
    ("text2text-generation", {}, [TEXT], FEW | {"num_beams": 1}),
    ("text2text-generation", {}, [TEXT], FEW | {"return_tensors": True, "num_return_sequences": 3}),
    ("text2text-generation", {"batch_size": 2}, [[TEXT, OTHER, LONG]], FEW | {"truncation": True}),
    ("text2text-generation", {}, [OTHER], FEW | {"clean_up_tokenization_spaces": True, "num_beams": 2}),
    ("text2text-generation", {"max_new_tokens": 5}, [TEXT], {}),
    ("summarization", {}, [LONG], FEW | {"truncation": True}),
    ("summarization", {}, [[LONG, TEXT]], FEW | {"truncation": True, "no_repeat_ngram_size": 2}),
    ("summarization", {}, [TEXT], FEW | {"min_length": 6}),
    ("translation_en_to_fr", {}, [TEXT], FEW),
    ("translation_en_to_de", {}, [[TEXT, OTHER]], FEW),
    ("translation", {}, [TEXT], FEW),
]
TEXTS = (
    TEXT,
    OTHER,
    "",
    "  Two  spaces, and ß in Straße\n东京 ",
    "London</s> Paris",
    'The lion\'s\n"the"\n\nHello!(the)__end__\n',
    ">>fra<< Who lives in London?",
    "10 €",
    ">>xx<< Who lives in London?",
    ">> Who << lives >>fra<< in London?",
    "London <unk> Paris\tHe ▁ is ▁▁a",
    "a</s>>>fra<< Who <s>? </s> >>fra<<<pad>>>a b<<in ▁ ▁",
    "▁",
)
MASKED: list[Case] = [
    ("fill-mask", {}, ["Who lives in <mask>?"], {}),
    ("fill-mask", {}, [["My <mask> is <mask>.", "London</s> or <mask>"]], {"top_k": 2}),
]
LOOKED_UP = {"marian": "unigram", "m2m_100": "bpe"}
LANGUAGES = {"src_lang": "de_DE", "tgt_lang": "fr_XX"}
CASES: dict[str, list[Case]] = {
    "t5": EVERY,
    "bart": [*EVERY[:11], ("feature-extraction", {}, [TEXT], {}), *MASKED],
    "blenderbot-small": EVERY[:2],
    "marian": [*EVERY[:2], ("translation_en_to_fr", {}, [[TEXT, OTHER]], FEW)],
    "m2m_100": [
        (
            "translation",
            {},
            [[TEXT, OTHER]],
            FEW | {"src_lang": "de", "tgt_lang": "fr", "min_length": 7, "return_tensors": True},
        )
    ],
    "mbart": [
        ("translation", {}, [TEXT], FEW | LANGUAGES | {"min_length": 7}),
        ("translation", LANGUAGES, [[TEXT, OTHER]], FEW),
        ("translation", {}, [TEXT], FEW | {"src_lang": "en_XX", "tgt_lang": "ja_XX"}),
        *MASKED,
    ],
}
ENTAILMENT: list[Case] = [
    ("zero-shot-classification", {}, [TEXT, ["sports", "politics", "film"]], {}),
    ("zero-shot-classification", {}, [[TEXT, LONG], ["sports", "politics"]], {"multi_label": True}),
    ("text-classification", {}, [[TEXT, OTHER]], {"top_k": None}),
]


def tokenizer_of(family: str, folder: Path) -> PreTrainedTokenizerFast:
    folder.mkdir(parents=True, exist_ok=True)
    if family == "t5":
        ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
        return T5TokenizerFast(pieces(folder, "spiece.model", **ids), extra_ids=4, model_max_length=LIMIT)
    if family == "mbart":
        return MBart50TokenizerFast(pieces(folder, "sentencepiece.bpe.model"), model_max_length=LIMIT)
    if family == "blenderbot-small":
        return letter_pairs(folder)
    if family in LOOKED_UP:
        return looked_up(family, folder)
    files = byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], folder)
    return BartTokenizerFast(*files, model_max_length=LIMIT)


def looked_up(family: str, folder: Path) -> PreTrainedTokenizer:
    """A tokenizer that looks its pieces up in vocab.json; what becomes of some texts is written beside it."""
    name = "source.spm" if family == "marian" else "sentencepiece.bpe.model"
    kept = folder / name
    model = str(kept) if kept.exists() else pieces(folder, name, model_type=LOOKED_UP[family])
    reader = SentencePieceProcessor(model_file=model)
    known = [reader.id_to_piece(i) for i in range(len(reader))]
    # Some pieces are unknown to the vocabulary, and it has some that the source never shows.
    known = [piece for piece in known if piece not in ("<s>", "</s>", "<unk>", "▁in", "y")]
    first = ["</s>", "<unk>"] if family == "marian" else ["<s>", "<pad>", "</s>", "<unk>"]
    last = ["ß", ">>fra<<", "<pad>"] if family == "marian" else ["ß"]
    vocabulary = {token: i for i, token in enumerate([*first, *reversed(known), *last])}
    text = json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":"))
    (folder / "vocab.json").write_text(text, encoding="utf-8")
    if family == "marian":
        shutil.copyfile(model, folder / "target.spm")
        files = (model, str(folder / "target.spm"), str(folder / "vocab.json"))
        tokenizer = MarianTokenizer(*files, model_max_length=LIMIT)
    else:
        codes = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]  # special, as in published files
        fixed = {"model_max_length": LIMIT, "src_lang": "de", "additional_special_tokens": codes}
        tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), model, **fixed)
    record(tokenizer, folder)
    return tokenizer


def apart(folder: Path) -> None:
    """A Marian tokenizer that has one vocabulary for what is read, and one for what is written."""
    folder.mkdir(parents=True)
    files = [pieces(folder, "source.spm"), pieces(folder, "target.spm")]
    for model, name, skipped in zip(list(files), ("vocab.json", "target_vocab.json"), (5, 9), strict=True):
        reader = SentencePieceProcessor(model_file=model)
        known = ["</s>", "<unk>", *(reader.id_to_piece(i) for i in range(skipped, len(reader))), ">>fra<<", "<pad>"]
        vocabulary = {token: i for i, token in enumerate(known)}
        (folder / name).write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        files.append(str(folder / name))
    tokenizer = MarianTokenizer(*files, separate_vocabs=True, model_max_length=LIMIT)
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "marian"}), encoding="utf-8")
    record(tokenizer, folder)


def letter_pairs(folder: Path) -> BlenderbotSmallTokenizer:
    """A tokenizer of words that go on with "@@"; its merges lead to some tokens that the vocabulary lacks."""
    merges = ["h e", "l o</w>", "i s</w>", "t h", "th e</w>", "i n", "w a", "wa s</w>", "o n", "L o", "r i", "a n"]
    letters = sorted(set("abcdefghiklmnoprstuvwy")) + list(".,?!'")
    words = ["the", "is", "was", "lo", "he@@", "in@@", "on@@", "ri@@", *letters, *(f"{one}@@" for one in letters[:15])]
    vocabulary = {
        word: i for i, word in enumerate(["__null__", "__start__", "__end__", "__unk__", "__newln__", *words])
    }
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "blenderbot-small"}), encoding="utf-8")
    tokenizer = BlenderbotSmallTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LIMIT)
    record(tokenizer, folder)
    return tokenizer


def record(tokenizer: PreTrainedTokenizer, folder: Path) -> None:
    """Writes down what becomes of some texts."""
    cases = []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        decoded = [tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False)]
        cases.append(json.dumps({"text": text, "ids": ids, "decoded": decoded}, ensure_ascii=False))
    (folder / "looked_up.json").write_text("[\n" + ",\n".join(cases) + "\n]\n", encoding="utf-8")


def make_text2text(family: str, folder: Path) -> None:
    """Write a tokenizer, a checkpoint that fits it, and tasks-written.json with the cases and their results."""
    tokenizer = tokenizer_of(family, folder / "tokenizer")
    tokenizer.save_pretrained(folder / "tokenizer")
    for path in (folder / "tokenizer").glob("*.json"):
        content = json.loads(path.read_text())
        if family == "blenderbot-small" and path.name == "tokenizer_config.json":
            del content["tokenizer_class"]  # it would lead the reference to a tokenizer of bytes, which is another one
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    names = ("pad", "eos") if family == "marian" else ("pad", "bos", "eos")
    settings = FAMILIES[family] | {"vocab_size": len(tokenizer)}
    settings |= {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}
    if family == "t5":
        settings["task_specific_params"] = PREFIXES
    if family == "m2m_100":
        settings["vocab_size"] += 108  # languages, and entries made up to get an even number
    if family == "marian":
        apart(folder / "tokenizer-apart")
        settings |= {"decoder_start_token_id": tokenizer.pad_token_id, "bad_words_ids": [[tokenizer.pad_token_id]]}
    if family == "mbart":
        settings["decoder_start_token_id"] = tokenizer.eos_token_id
    model = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model(family, **settings))
    write_checkpoint(model, folder / "seq2seq-writer", family)
    cases = [answered(case, folder, "seq2seq-writer") for case in CASES[family]]
    if family == "bart":
        settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
        classifier = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(family, **settings))
        write_checkpoint(classifier, folder / "sequence-writer", family)
        cases += [answered(case, folder, "sequence-writer") for case in ENTAILMENT]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / "text2text.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")


def write_checkpoint(model: Any, folder: Path, family: str) -> None:
    randomise(model, seed=crc32(f"{family}/{folder.name}".encode()))
    model.half().save_pretrained(folder)
    for path in folder.glob("*.json"):
        compact(path)


def answered(case: Case, folder: Path, checkpoint: str) -> dict[str, Any]:
    task, construct, args, call = deepcopy(case)
    files = {"model": str(folder / checkpoint), "tokenizer": str(folder / "tokenizer")}
    result = pipeline(task, **files, device="cpu", dtype=torch.float32, **construct)(*args, **call)
    given = {"task": task, "model": checkpoint, "construct": case[1], "args": args, "call": call}
    return given | {"result": plain(listed(result))}


def listed(value: Any) -> Any:
    """The same with lists for tensors."""
    if isinstance(value, dict):
        return {name: listed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [listed(part) for part in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value
