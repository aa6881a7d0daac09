"""Tiny checkpoints of every encoder-decoder family, and what the reference computes and writes with them."""

import json
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

VOCABULARY, LIMIT = 96, 48
CLASSES = {
    "base": AutoModel,
    "seq2seq": AutoModelForSeq2SeqLM,
    "masked": AutoModelForMaskedLM,
    "sequence": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "spans": AutoModelForQuestionAnswering,
}
BART = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 20,
    "max_position_embeddings": LIMIT,
    "scale_embedding": True,
}
T5 = {
    "d_model": 16,
    "d_kv": 6,
    "d_ff": 24,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
    "decoder_start_token_id": 0,
}
ENDS = {"pad_token_id": VOCABULARY - 1, "decoder_start_token_id": VOCABULARY - 1}
FAMILIES: dict[str, dict[str, Any]] = {
    "t5": T5,
    "mt5": T5,
    "umt5": T5,
    "bart": BART | {"scale_embedding": False},
    "mbart": BART | {"decoder_start_token_id": 7},
    "pegasus": BART,
    "marian": BART | ENDS | {"activation_function": "swish"},
    "m2m_100": BART,
    "blenderbot": BART,
    "blenderbot-small": BART,
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "t5": {"seq2seq-untied": {"tie_word_embeddings": False, "feed_forward_proj": "gated-gelu", "num_heads": 3}},
    "marian": {"seq2seq-apart": {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 96}},
}
T5S = ("t5", "mt5", "umt5")
REPAIRERS = ("bart", "mbart")
"""Families that fill masks and name classes of texts; their bare models answer with what the decoder makes of the text
itself."""
LABELS = ("contradiction", "neutral", "entailment")
SOURCES = [[5, 17, 42, 9, 77], [33, 8], [60, 61, 62, 63, 64, 65, 66, 67, 10]]
SEARCHES: dict[str, dict[str, Any]] = {"greedy": {}, "beams": {"num_beams": 4, "num_return_sequences": 2}}
MORE: dict[str, dict[str, Any]] = {
    "early": {"num_beams": 4, "early_stopping": True, "length_penalty": 2.0},
    "never": {"num_beams": 2, "early_stopping": "never", "length_penalty": 0.5},
    "summary": {"num_beams": 4, "min_length": 6, "no_repeat_ngram_size": 2, "forced_bos_token_id": 20},
    "sources": {"encoder_no_repeat_ngram_size": 1, "encoder_repetition_penalty": 1.3, "repetition_penalty": 1.2},
    "bans": {"num_beams": 3, "bad_words_ids": [[5], [17, 42]], "suppress_tokens": [11, 12]},
}
WITH_MORE = ("t5", "bart")


def make_seq2seq(family: str, folder: Path) -> list[str]:
    """Write all checkpoints of a family with their cases; return their names."""
    shutil.rmtree(folder, ignore_errors=True)
    heads = [head for head in CLASSES if head in ("base", "seq2seq") or (family in T5S and head != "masked")]
    heads += ["masked", "sequence"] if family in REPAIRERS else []
    names = [*heads, *VARIANTS.get(family, {})]
    for name in names:
        make_model(family, name, folder / name)
    return names


def make_model(family: str, name: str, folder: Path) -> None:
    """Write one checkpoint with its cases."""
    head = name.partition("-")[0]
    settings = {"vocab_size": VOCABULARY} | FAMILIES[family] | VARIANTS.get(family, {}).get(name, {})
    if head in ("sequence", "tokens"):
        settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
    model = CLASSES[head].from_config(AutoConfig.for_model(family, **settings))
    randomise(model, seed=crc32(f"{family}/{name}".encode()))
    save(model, family, folder)
    model = CLASSES[head].from_pretrained(folder, dtype=torch.float32).eval()
    save_file(answers(model, family, head), folder / "cases.safetensors")
    if head == "seq2seq":
        searches = SEARCHES | (MORE if family in WITH_MORE and name == head else {})
        written = {label: write(model, label, settings) for label, settings in searches.items()}
        lines = ",\n".join(f"{json.dumps(label)}: {json.dumps(one)}" for label, one in written.items())
        (folder / "written.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def save(model: PreTrainedModel, family: str, folder: Path) -> None:
    """Write the model; of a bare one the encoder alone, where the reference's does nothing without a decoder's text."""
    # Half precision keeps the files small; both sides compute with the same numbers in float32.
    weights = model.half().state_dict()
    if folder.name == "base" and family not in REPAIRERS:
        weights = {name: weight for name, weight in weights.items() if name.startswith(("shared", "encoder"))}
    if family in ("marian", "pegasus"):  # a table that is computed: half precision would spoil it
        weights = {name: weight for name, weight in weights.items() if "embed_positions" not in name}
    model.save_pretrained(folder, state_dict=weights)
    for path in folder.glob("*.json"):
        compact(path)


@torch.no_grad()
def randomise(model: PreTrainedModel, seed: int) -> None:
    """Weights under which every part of a model shows in its logits, which get a spread of about one."""
    noise = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        values = torch.randn(weight.shape, generator=noise)
        if weight.dim() == 1:
            values = name.endswith("weight") + 0.3 * values
        elif name.endswith(("shared.weight", "embed_tokens.weight")):
            values = 0.4 * values
        else:
            # Scores of T5 are not scaled: its queries must be.
            values = (0.5 if name.endswith(".q.weight") else 1.3) * values / weight[0].numel() ** 0.5
        if weight.requires_grad:
            weight.copy_(values)
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.copy_(0.3 * torch.randn(model.final_logits_bias.shape, generator=noise))


@torch.no_grad()
def answers(model: PreTrainedModel, family: str, head: str) -> dict[str, Tensor]:
    """Inputs as "case.input_ids" and the like, answers as "case.logits"; per token they leave out padding."""
    saved: dict[str, Tensor] = {}
    noise = torch.Generator().manual_seed(7)
    config = model.config
    for case, lengths in {"plain": [7], "padded": [11, 3, 14, 6], "long": [LIMIT]}.items():
        ids = torch.randint(8, VOCABULARY - 1, (len(lengths), max(lengths)), generator=noise)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        ends = torch.tensor(lengths) - (2 if family == "mbart" and case == "padded" else 1)
        ids[torch.arange(len(lengths)), ends] = config.eos_token_id
        ids = ids.where(mask, torch.tensor(config.pad_token_id))
        inputs = {"input_ids": ids, "attention_mask": mask.long()}
        if head == "base" and family not in REPAIRERS:
            found = {"hidden": model.get_encoder()(**inputs).last_hidden_state[mask]}
        elif head == "base":
            found = {"hidden": model(**inputs).last_hidden_state[mask]}
        elif head == "sequence":
            found = {"logits": model(**inputs).logits}
        elif head in ("tokens", "masked"):
            found = {"logits": model(**inputs).logits[mask]}
        elif head == "spans":
            if case == "long":
                continue
            spans = model(**inputs)
            found = {"start": spans.start_logits[mask], "end": spans.end_logits[mask]}
        else:
            if case == "long":
                continue
            shifted = torch.cat((torch.full((len(ids), 1), config.decoder_start_token_id), ids[:, :-1]), 1)
            if family == "mbart":  # its own way begins with the last id of the source, the language
                shifted = None
            found = {"logits": model(**inputs, decoder_input_ids=shifted).logits[mask]}
        saved |= {f"{case}.{name}": value.int() for name, value in inputs.items()}
        saved |= {f"{case}.{name}": value.contiguous() for name, value in found.items()}
    spread = torch.cat([value.flatten() for value in saved.values() if value.is_floating_point()]).std()
    if not 0.2 < spread < 3.5:
        raise ValueError(f"{family} {head}: outputs have a spread of {spread:.2f}")
    return saved


def write(model: PreTrainedModel, label: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The new ids about each source: greedily for a padded batch, else one by one."""
    config = model.config
    fixed = {"max_new_tokens": 12, "forced_eos_token_id": None, "do_sample": False}
    names = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
    settings = fixed | {name: getattr(config, name) for name in names} | settings
    longest = max(map(len, SOURCES))
    ids = torch.tensor([source + [config.pad_token_id] * (longest - len(source)) for source in SOURCES])
    mask = torch.arange(longest) < torch.tensor([[len(source)] for source in SOURCES])
    if label == "greedy":
        rows = [[row] for row in model.generate(ids, attention_mask=mask.long(), **settings).tolist()]
    else:
        rows = [model.generate(torch.tensor([source]), **settings).tolist() for source in SOURCES]
    return {"settings": settings, "prompts": SOURCES, "new": [[cut(row[1:], config) for row in some] for some in rows]}


def cut(row: list[int], config: Any) -> list[int]:
    """The ids up to the first that ends a text."""
    return next((row[: i + 1] for i, token in enumerate(row) if token == config.eos_token_id), row)
