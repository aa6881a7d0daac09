"""Tiny checkpoints of every encoder family with every head, and what the reference answers for a few inputs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

LIMIT = 48
"""Tokens that every model here can take."""

CLASSES = {
    "base": AutoModel,
    "sequence": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "spans": AutoModelForQuestionAnswering,
    "masked": AutoModelForMaskedLM,
}
LABELS = {
    "sequence": ("contradiction", "neutral", "entailment"),
    "tokens": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"),
}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": LIMIT,
}
AFTER_PADS = SIZES | {"max_position_embeddings": LIMIT + 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
DEBERTA = {"relative_attention": True, "position_biased_input": False, "type_vocab_size": 0}
FAMILIES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "distilbert": {
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 24,
        "max_position_embeddings": LIMIT,
    },
    "roberta": AFTER_PADS,
    "xlm-roberta": AFTER_PADS,
    "camembert": AFTER_PADS,
    "electra": SIZES | {"embedding_size": 8},
    "albert": SIZES | {"embedding_size": 8, "num_hidden_layers": 3},
    "mpnet": SIZES | {"max_position_embeddings": LIMIT + 2},
    "deberta": SIZES | DEBERTA | {"pos_att_type": ["c2p", "p2c"], "max_relative_positions": 12},
    "deberta-v2": SIZES
    | DEBERTA
    | {"pos_att_type": ["p2c", "c2p"], "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_buckets": 8},
    "modernbert": SIZES
    | {"num_hidden_layers": 3, "global_attn_every_n_layers": 2, "local_attention": 8, "reference_compile": False},
}
# Settings that change numbers, as "head-name of the variant".
# With "legacy" off the reference must not tie: it would tie the wrong layer, and save a checkpoint without embeddings.
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "bert": {"masked-untied": {"tie_word_embeddings": False, "hidden_act": "relu", "layer_norm_eps": 1e-3}},
    "distilbert": {"sequence-relu": {"activation": "relu"}},
    "electra": {"masked-square": {"embedding_size": 16}, "sequence-relu": {"hidden_act": "relu"}},
    "albert": {
        "base-groups": {"num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 2},
        "sequence-relu": {"hidden_act": "relu"},
    },
    "mpnet": {"base-far": {"max_position_embeddings": 162}},  # the buckets of the relative bias end at 128
    "deberta": {
        "base-absolute": {"relative_attention": False, "position_biased_input": True, "type_vocab_size": 2},
        "base-content": {"pos_att_type": ["c2p"]},
        "masked-repaired": {"legacy": False, "tie_word_embeddings": False},
        "sequence-pooler": {"pooler_hidden_act": "tanh", "pooler_hidden_size": 16},
    },
    "deberta-v2": {
        "base-absolute": {
            "relative_attention": False,
            "position_biased_input": True,
            "type_vocab_size": 2,
            "norm_rel_ebd": "none",
        },
        "base-conv": {"conv_kernel_size": 3, "conv_act": "gelu"},
        "base-own_keys": {"share_att_key": False, "position_buckets": -1, "norm_rel_ebd": "none"},
        "base-position": {"pos_att_type": ["p2c"]},
        "masked-repaired": {"legacy": False, "tie_word_embeddings": False},
    },
    "modernbert": {
        "base-biases": {
            "attention_bias": True,
            "mlp_bias": True,
            "norm_bias": True,
            "global_attn_every_n_layers": 3,
            "local_attention": 4,
            "global_rope_theta": 1000.0,
            "hidden_activation": "silu",
        },
        "masked-untied": {"decoder_bias": False, "tie_word_embeddings": False, "classifier_activation": "relu"},
        "sequence-mean": {"classifier_pooling": "mean", "classifier_bias": True},
    },
}


def make_models(family: str, folder: Path, tokenizer: PreTrainedTokenizerFast) -> Iterator[Path]:
    """Write one folder for each head and variant of `family` below `folder`, and yield it."""
    for name in (*CLASSES, *VARIANTS.get(family, {})):
        head = name.partition("-")[0]
        settings = FAMILIES[family] | VARIANTS.get(family, {}).get(name, {}) | special_ids(tokenizer)
        if head in LABELS:
            settings |= {"id2label": dict(enumerate(LABELS[head]))}
            settings |= {"label2id": {label: i for i, label in enumerate(LABELS[head])}}
        config = AutoConfig.for_model(family, vocab_size=len(tokenizer), **settings)
        model = CLASSES[head].from_config(config)
        randomise(model, seed=crc32(f"{family}/{name}".encode()))
        # Half precision keeps the files small; both sides compute with the same numbers in float32.
        model.half().save_pretrained(folder / name)
        compact(folder / name / "config.json")
        model = CLASSES[head].from_pretrained(folder / name, dtype=torch.float32).eval()
        save_file(answers(model, head), folder / name / "cases.safetensors")
        yield folder / name


def special_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int | None]:
    names = ("pad", "cls", "sep", "bos", "eos")
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}


def randomise(model: PreTrainedModel, seed: int) -> None:
    """Weights under which every part of a model shows in its logits, which get a spread of about one."""
    noise = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        values = torch.randn(weight.shape, generator=noise)
        if "norm" in name.lower() and name.endswith("weight"):
            values = 1 + 0.3 * values
        elif weight.dim() <= 1:
            values = 0.3 * values
        elif "embeddings" in name:
            values = 0.25 * values  # as the last layer of a head for masked words they make logits
        else:
            values = 1.3 * values / weight[0].numel() ** 0.5
        weight.data.copy_(values)


@torch.no_grad()
def answers(model: PreTrainedModel, head: str) -> dict[str, Tensor]:
    """Inputs as "case.input_ids" and the like, answers as "case.logits"; per token they leave out padding."""
    saved: dict[str, Tensor] = {}
    for case, inputs in cases(model.config, head).items():
        output = model(**inputs)
        mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])).bool()
        if head == "base":
            found = {"hidden": output.last_hidden_state[mask]}
        elif head == "spans":
            found = {"start": output.start_logits[mask], "end": output.end_logits[mask]}
        else:
            found = {"logits": output.logits if head == "sequence" else output.logits[mask]}
        saved |= {f"{case}.{name}": value.int() for name, value in inputs.items()}
        saved |= {f"{case}.{name}": value.contiguous() for name, value in found.items()}
    spread = torch.cat([value.flatten() for value in saved.values() if value.is_floating_point()]).std()
    if not 0.2 < spread < 2.5:
        raise ValueError(f"{model.config.model_type} {head}: outputs have a spread of {spread:.2f}")
    return saved


def cases(config: Any, head: str) -> dict[str, dict[str, Tensor]]:
    """Batches of ids: one sequence, several with padding, one as long as the model allows, pads among the words."""
    noise = torch.Generator().manual_seed(7)

    def batch(lengths: list[int]) -> dict[str, Tensor]:
        shape = len(lengths), max(lengths)
        ids = torch.randint(5, config.vocab_size, shape, generator=noise)
        types = torch.randint(0, 2, shape, generator=noise)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        inputs = {"input_ids": ids.where(mask, torch.tensor(config.pad_token_id))}
        if getattr(config, "type_vocab_size", 0) > 1:
            inputs["token_type_ids"] = types.where(mask, torch.tensor(0))
        if hasattr(config, "max_2d_position_embeddings"):
            half = config.max_2d_position_embeddings // 2
            corner, size = torch.randint(0, half, (2, *shape, 2), generator=noise)
            inputs["bbox"] = torch.cat((corner, corner + size), -1)
        return inputs | ({"attention_mask": mask.long()} if len(lengths) > 1 else {})

    if head == "masked":  # each token has a number for each word of the vocabulary: few tokens, small files
        return {"plain": batch([4]), "padded": batch([5, 2, 9])}
    made = {"plain": batch([7]), "padded": batch([11, 3, 17, 6])}
    made["full"] = batch([config.max_position_embeddings - 2 * (config.model_type in COUNT_PADS)])
    if head == "base" and config.model_type in COUNT_PADS:
        made["pads"] = batch([9])
        made["pads"]["input_ids"][0, [2, 5, 6]] = config.pad_token_id
    return made


COUNT_PADS = {"roberta", "xlm-roberta", "camembert", "mpnet", "layoutlmv3"}
"""Families whose positions count the tokens that are not pads, from two on."""


def compact(path: Path) -> None:
    """Rewrite a JSON file without its indentation."""
    path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":")), encoding="utf-8")
