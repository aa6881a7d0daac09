"""Tiny tokenizers of each kind, trained on a few sentences and saved by the reference's own classes."""

import json
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertTokenizerFast,
    BertTokenizerFast,
    CamembertTokenizerFast,
    DebertaTokenizerFast,
    DebertaV2TokenizerFast,
    DistilBertTokenizerFast,
    ElectraTokenizerFast,
    MPNetTokenizerFast,
    PreTrainedTokenizerFast,
    RobertaTokenizerFast,
    XLMRobertaTokenizerFast,
)

VOCABULARY = 110
SENTENCES = (
    "Paris is the capital of France.",
    "My name is Sarah and I live in London, near the river.",
    "Who lives in London? Sarah lives there.",
    "The film was good, the book was better: 10 out of 10!",
    "This example is sports. This example is politics.",
    "Zoë ate a café crème in Zürich; it cost 5 €.",
    "When was the tower of Paris built? It was built in 1889.",
)


def word_piece(kind: type, special: list[str], folder: Path, limit: int) -> PreTrainedTokenizerFast:
    """vocab.txt, with the special tokens first as published checkpoints have them."""
    lower = kind is not DistilBertTokenizerFast  # one cased family
    normalizer = normalizers.BertNormalizer(lowercase=lower)
    split = pre_tokenizers.BertPreTokenizer()
    texts = [normalizer.normalize_str(sentence) for sentence in SENTENCES]
    counts = Counter(word for text in texts for word, _ in split.pre_tokenize_str(text))
    letters = sorted({letter for word in counts for letter in word})
    whole = sorted((word for word in counts if len(word) > 1), key=lambda word: (-counts[word], word))
    # Not trained: the trainer breaks ties as its hash tables happen to lie.
    words = [*special, *letters, *(f"##{letter}" for letter in letters), "##ed", "##ing", *whole][:VOCABULARY]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return kind(str(folder / "vocab.txt"), do_lower_case=lower, model_max_length=limit)


def byte_pairs(special: list[str], folder: Path) -> tuple[str, str]:
    """vocab.json and merges.txt over bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    vocabulary, merges = tokenizer.model.save(str(folder))
    return vocabulary, merges


def roberta(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    files = byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], folder)
    return RobertaTokenizerFast(*files, model_max_length=limit)


def deberta(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    files = byte_pairs(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], folder)
    return DebertaTokenizerFast(*files, model_max_length=limit)


def modernbert(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    vocabulary, merges = byte_pairs(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"], folder)
    tokenizer = Tokenizer(models.BPE.from_file(vocabulary, merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0",  # as published: the second text is of type 0 too
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    for name in (vocabulary, merges):
        Path(name).unlink()  # published checkpoints of this family have tokenizer.json alone
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=limit,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def pieces(folder: Path, name: str, **settings: object) -> str:
    """A SentencePiece unigram model; without its Unicode table, which alone would take 240 kB."""
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=VOCABULARY,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    (folder / name).write_bytes(model.getvalue())
    return str(folder / name)


def xlm_roberta(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    return XLMRobertaTokenizerFast(pieces(folder, "sentencepiece.bpe.model"), model_max_length=limit)


def camembert(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    return CamembertTokenizerFast(pieces(folder, "sentencepiece.bpe.model"), model_max_length=limit)


def albert(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    ids = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
    model = pieces(folder, "spiece.model", control_symbols=["[CLS]", "[SEP]", "[MASK]"], **ids)
    return AlbertTokenizerFast(model, model_max_length=limit)


def deberta_v2(folder: Path, limit: int) -> PreTrainedTokenizerFast:
    ids = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    names = {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
    return DebertaV2TokenizerFast(pieces(folder, "spm.model", **ids, **names), model_max_length=limit)


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
MAKERS: dict[str, Callable[[Path, int], PreTrainedTokenizerFast]] = {
    "bert": lambda folder, limit: word_piece(BertTokenizerFast, BERT, folder, limit),
    "distilbert": lambda folder, limit: word_piece(DistilBertTokenizerFast, BERT, folder, limit),
    "electra": lambda folder, limit: word_piece(ElectraTokenizerFast, BERT, folder, limit),
    "mpnet": lambda folder, limit: word_piece(MPNetTokenizerFast, MPNET, folder, limit),
    "roberta": roberta,
    "deberta": deberta,
    "modernbert": modernbert,
    "xlm-roberta": xlm_roberta,
    "camembert": camembert,
    "albert": albert,
    "deberta-v2": deberta_v2,
}


def make_tokenizer(family: str, folder: Path, limit: int) -> PreTrainedTokenizerFast:
    """Train and save the tokenizer of a family; limit: its model_max_length in tokens."""
    folder.mkdir(parents=True)
    tokenizer = MAKERS[family](folder, limit)
    tokenizer.save_pretrained(folder)
    for path in folder.glob("*.json"):
        compact = json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":"))
        path.write_text(compact, encoding="utf-8")
    return PreTrainedTokenizerFast.from_pretrained(folder) if family == "modernbert" else tokenizer
