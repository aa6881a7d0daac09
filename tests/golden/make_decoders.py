"""Tiny checkpoints of every decoder family, and what the reference computes and writes with them."""

import json
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact
from make_tokenizers import byte_pairs
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPT2TokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    pipeline,
)

PAD, BOS, EOS, VOCABULARY = 0, 1, 2, 96
LIMIT = 64
"""Tokens that every model here can take."""
CLASSES = {"base": AutoModel, "causal": AutoModelForCausalLM, "sequence": AutoModelForSequenceClassification}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": LIMIT,
}
LLAMA = SIZES | {"num_key_value_heads": 2}
SHORT = {"max_position_embeddings": 8}
ORIGINAL = {"original_max_position_embeddings": 8}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": LIMIT},
    "llama": LLAMA,
    "mistral": LLAMA | {"sliding_window": 5},
    "qwen2": LLAMA,
    "qwen3": LLAMA | {"head_dim": 8},
    "gemma": LLAMA | {"head_dim": 8},
    "gemma2": LLAMA | {"head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0},
    "gemma3_text": LLAMA
    | {"num_hidden_layers": 3, "head_dim": 8, "sliding_window": 4, "sliding_window_pattern": 2, "rope_theta": 500.0},
    "phi": SIZES | {"hidden_size": 32, "num_key_value_heads": 2},
    "phi3": LLAMA,
    "opt": SIZES | {"ffn_dim": 24, "word_embed_proj_dim": 16},
    "gpt_neox": SIZES | {"hidden_size": 32},
    "bloom": {"hidden_size": 24, "n_layer": 2, "n_head": 6},
    "smollm3": LLAMA | {"num_hidden_layers": 3, "no_rope_layer_interval": 2},
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "gpt2": {"causal-scaled": {"scale_attn_by_inverse_layer_idx": True, "n_inner": 24, "tie_word_embeddings": False}},
    "llama": {
        "causal-tied": {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
        "causal-linear": {"rope_scaling": {"rope_type": "linear", "factor": 2.5}},
        "causal-dynamic": SHORT | {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        "causal-llama3": {
            "rope_scaling": ORIGINAL
            | {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
            "rope_theta": 100.0,
        },
        "causal-yarn": {"rope_scaling": ORIGINAL | {"rope_type": "yarn", "factor": 4.0}, "rope_theta": 100.0},
    },
    "gemma3_text": {"causal-linear": {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}},
    "phi": {"causal-norms": {"qk_layernorm": True}},
    "phi3": {
        "causal-longrope": {
            "original_max_position_embeddings": 8,
            "max_position_embeddings": 64,
            "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0]},
        },
        "causal-part": {"hidden_size": 32, "partial_rotary_factor": 0.75, "sliding_window": 5},
    },
    "opt": {"causal-post": {"do_layer_norm_before": False, "word_embed_proj_dim": 8}},
    "gpt_neox": {"causal-serial": {"use_parallel_residual": False, "attention_bias": False}},
    "mistral": {"causal-wide": {"sliding_window": None, "head_dim": 8}},
    "qwen2": {"causal-windows": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}},
}
EAGER = {"gpt2/causal-scaled", "gemma2/base", "gemma2/causal", "gemma2/sequence"}
"""Checkpoints whose settings the reference's default attention ignores."""
STRETCHED = {"llama/causal-dynamic", "phi3/causal-longrope"}
"""Checkpoints that turn by the length of the longest text of a batch, here by that of each text: they do not write."""
LABELS = ("contradiction", "neutral", "entailment")
PROMPTS = [[5, 17, 42, 9, 77], [33, 8], [60, 61, 62, 63, 64, 65, 66, 67, 10]]
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.6},
}
MORE: dict[str, dict[str, Any]] = {
    "early": {"num_beams": 4, "early_stopping": True},
    "never": {"num_beams": 2, "early_stopping": "never", "length_penalty": 2.0},
    "short": {"num_beams": 3, "length_penalty": -1.0, "num_return_sequences": 3},
    "two ends": {"num_beams": 3, "eos_token_id": [EOS, 40, 41]},
    "no repeats": {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "encoder_repetition_penalty": 1.2},
    "bans": {"bad_words_ids": [[5], [17, 42]], "suppress_tokens": [11, 12], "begin_suppress_tokens": [20, 21, 22]},
    "lengths": {"min_new_tokens": 5, "forced_eos_token_id": EOS, "exponential_decay_length_penalty": (4, 1.5)},
    "guided": {"guidance_scale": 1.7},
    "biased": {"sequence_bias": [[[30], 3.0], [[30, 31], 9.0]], "num_beams": 2, "renormalize_logits": True},
}


def make_decoder(family: str, folder: Path) -> list[str]:
    """Write all checkpoints of a family with their cases; return their names."""
    shutil.rmtree(folder, ignore_errors=True)
    names = [*CLASSES, *VARIANTS.get(family, {})]
    for name in names:
        head = name.partition("-")[0]
        settings = {"vocab_size": VOCABULARY, "pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
        settings |= DECODERS[family] | VARIANTS.get(family, {}).get(name, {})
        if head == "sequence":
            settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
        config = AutoConfig.for_model(family, **settings)
        model = CLASSES[head].from_config(config)
        randomise(model, seed=crc32(f"{family}/{name}".encode()))
        # Half precision keeps the files small; both sides compute with the same numbers in float32.
        model.half().save_pretrained(folder / name)
        for path in (folder / name).glob("*.json"):
            compact(path)
        kernel = "eager" if f"{family}/{name}" in EAGER else None
        fixed = {"dtype": torch.float32, "attn_implementation": kernel}
        model = CLASSES[head].from_pretrained(folder / name, **fixed).eval()
        save_file(answers(model, head), folder / name / "cases.safetensors")
        if head == "causal" and f"{family}/{name}" not in STRETCHED:
            searches = SEARCHES | (MORE if family in WRITERS and name == "causal" else {})
            written = {label: write(model, label, settings) for label, settings in searches.items()}
            text = ",\n".join(f"{json.dumps(label)}: {json.dumps(one)}" for label, one in written.items())
            (folder / name / "written.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")
    if family in WRITERS:
        make_writing(family, folder)
    return names


def randomise(model: PreTrainedModel, seed: int) -> None:
    """Weights under which every part of a model shows in its logits, which get a spread of about one."""
    noise = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        values = torch.randn(weight.shape, generator=noise)
        if weight.dim() == 1:
            shifted = name.endswith("weight") and "gemma" not in model.config.model_type
            values = shifted + 0.3 * values
        elif "embed" in name or "wte" in name or "wpe" in name:
            values = 0.4 * values  # as the last layer of a model they make logits
        else:
            values = 1.3 * values / weight[0].numel() ** 0.5
        weight.data.copy_(values)


@torch.no_grad()
def answers(model: PreTrainedModel, head: str) -> dict[str, Tensor]:
    """Inputs as "case.input_ids" and the like, answers as "case.logits"; per token they leave out padding."""
    saved: dict[str, Tensor] = {}
    noise = torch.Generator().manual_seed(7)
    for case, lengths in {"plain": [7], "padded": [11, 3, 14, 6]}.items():
        ids = torch.randint(5, VOCABULARY, (len(lengths), max(lengths)), generator=noise)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        ids = ids.where(mask, torch.tensor(PAD))
        # Each text alone: the scalings of some models look at the longest of a batch.
        outputs = [model(input_ids=row[None, :length]) for row, length in zip(ids, lengths, strict=True)]
        if head == "base":
            found = {"hidden": torch.cat([output.last_hidden_state[0] for output in outputs])}
        elif head == "causal":
            found = {"logits": torch.cat([output.logits[0] for output in outputs])}
        else:
            found = {"logits": torch.cat([output.logits for output in outputs])}
        saved |= {f"{case}.input_ids": ids.int(), f"{case}.attention_mask": mask.int()}
        saved |= {f"{case}.{name}": value.contiguous() for name, value in found.items()}
    spread = torch.cat([value.flatten() for value in saved.values() if value.is_floating_point()]).std()
    if not 0.2 < spread < 3.5:
        raise ValueError(f"{model.config.model_type} {head}: outputs have a spread of {spread:.2f}")
    return saved


def write(model: PreTrainedModel, label: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The new ids for each prompt: greedily for a batch with padding before its prompts, else one by one."""
    settings = {"max_new_tokens": 12, "pad_token_id": PAD, "eos_token_id": EOS, "do_sample": False} | settings
    longest = max(map(len, PROMPTS))
    if label == "greedy":
        ids = torch.tensor([[PAD] * (longest - len(prompt)) + prompt for prompt in PROMPTS])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in PROMPTS])
        rows = [[row[longest:]] for row in model.generate(ids, attention_mask=mask, **settings).tolist()]
    else:
        rows = []
        for prompt in PROMPTS:
            ids = torch.tensor([prompt])
            found = model.generate(ids, attention_mask=torch.ones_like(ids), **settings).tolist()
            rows.append([row[len(prompt) :] for row in found])
    ends = settings["eos_token_id"] if isinstance(settings["eos_token_id"], list) else [settings["eos_token_id"]]
    return {"settings": settings, "prompts": PROMPTS, "new": [[cut(row, ends) for row in some] for some in rows]}


def cut(row: list[int], ends: list[int]) -> list[int]:
    """The ids up to the first that ends a text."""
    return next((row[: i + 1] for i, token in enumerate(row) if token in ends), row)


TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who lives in London?"}]
PREFILL = [*CHAT, {"role": "assistant", "content": "The film "}]
TEXT = "Paris is the capital of France."
FIXED = {"do_sample": False, "max_new_tokens": 8}
WRITERS: dict[str, list[tuple[dict[str, Any], list[Any], dict[str, Any]]]] = {
    "gpt2": [
        ({}, [TEXT], FIXED),
        ({}, [[TEXT]], FIXED),
        ({}, [[TEXT, "Zoë ate a café crème . Is it ?"]], FIXED),
        ({}, [TEXT], FIXED | {"return_full_text": False}),
        ({}, [TEXT], FIXED | {"return_tensors": True}),
        ({}, [[TEXT, "The"]], FIXED | {"num_beams": 3, "num_return_sequences": 2}),
        ({"max_new_tokens": 5}, [TEXT], {"do_sample": False}),
        ({"max_length": 24}, [TEXT], {"do_sample": False}),
        ({}, [TEXT], FIXED | {"prefix": "Who lives? "}),
        ({}, [TEXT], FIXED | {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}),
        ({}, [""], FIXED),
        ({}, [TEXT * 6], FIXED | {"handle_long_generation": "hole"}),
        ({}, [TEXT], FIXED | {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2}),
        ({}, [TEXT], FIXED | {"add_special_tokens": False, "truncation": True, "tokenizer_encode_kwargs": {}}),
    ],
    "llama": [
        ({}, [CHAT], FIXED),
        ({}, [[CHAT, CHAT[1:]]], FIXED),
        ({}, [CHAT], FIXED | {"return_full_text": False}),
        ({}, [PREFILL], FIXED),
        ({}, [PREFILL], FIXED | {"continue_final_message": False}),
        ({}, [CHAT], FIXED | {"continue_final_message": True}),
        ({}, [CHAT], FIXED | {"return_tensors": True, "num_beams": 2}),
        ({}, [TEXT], FIXED),
    ],
}


def make_writing(family: str, folder: Path) -> None:
    """A tokenizer, and what the reference's pipeline writes."""
    where = folder / "tokenizer"
    where.mkdir()
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    files = byte_pairs([*names.values()], where)
    tokenizer: PreTrainedTokenizerFast = GPT2TokenizerFast(*files, model_max_length=LIMIT, **names)
    if family != "gpt2":
        tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(where)
    settings = {"vocab_size": len(tokenizer), "pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **settings, **DECODERS[family]))
    randomise(model, seed=crc32(f"{family}/causal-writer".encode()))
    model.half().save_pretrained(folder / "causal-writer")
    for path in [*where.glob("*.json"), *(folder / "causal-writer").glob("*.json")]:
        compact(path)
    cases = []
    for construct, args, call in WRITERS[family]:
        files = {"model": str(folder / "causal-writer"), "tokenizer": str(where)}
        pipe = pipeline("text-generation", **files, device="cpu", dtype=torch.float32, **construct)
        cases.append({"construct": construct, "args": args, "call": call, "result": pipe(*args, **call)})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / "writing.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")
