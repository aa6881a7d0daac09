"""The JSON files that a GGUF file stands for: config.json, generation_config.json."""

from collections.abc import Mapping
from typing import Any

from nbpipes.errors import ConfigError
from nbpipes.hub.gguf.reader import GgufFile
from nbpipes.hub.gguf.weights import COMPUTED, dequantized

CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}
"""Architectures that can be read, and the class that each was converted from."""
FIELDS = {
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "rope.freq_base": "rope_theta",
}
NEEDED = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count")
TOKENS = {
    "bos_token_id": "tokenizer.ggml.bos_token_id",
    "eos_token_id": "tokenizer.ggml.eos_token_id",
    "pad_token_id": "tokenizer.ggml.padding_token_id",
}
TURN_END = "tokenizer.ggml.eot_token_id"
"""What ends a turn of a chat, where that is another token than what ends a text."""


def config(file: GgufFile) -> dict[str, Any]:
    """config.json. ConfigError for an architecture that cannot be read, or numbers that are not there."""
    meta = file.metadata
    kind = str(meta.get("general.architecture", ""))
    if kind not in CLASSES:
        known = ", ".join(CLASSES)
        raise ConfigError(
            f"{file.path.name!r} holds a model of architecture {kind!r}; of GGUF these are known: {known}"
        )
    missing = [name for name in NEEDED if f"{kind}.{name}" not in meta]
    if missing or "token_embd.weight" not in file.tensors:
        lacks = f"{kind}.{missing[0]}" if missing else "token_embd.weight"
        raise ConfigError(f"{file.path.name!r} does not tell {lacks}")
    found = {ours: meta[f"{kind}.{name}"] for name, ours in FIELDS.items() if f"{kind}.{name}" in meta}
    return {
        "model_type": kind,
        "architectures": [CLASSES[kind]],
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "attention_bias": kind == "llama" and "blk.0.attn_q.bias" in file.tensors,
        "mlp_bias": kind == "llama" and "blk.0.ffn_up.bias" in file.tensors,
        "rope_scaling": _scaling(file, kind, found.get("max_position_embeddings")),
        **_window(meta, kind, found["num_hidden_layers"]),
        **found,
        **tokens(meta),
    }


def generation_config(file: GgufFile) -> dict[str, Any]:
    """generation_config.json."""
    found = tokens(file.metadata)
    turn = file.metadata.get(TURN_END)
    if turn is not None and turn != found.get("eos_token_id"):
        found["eos_token_id"] = [end for end in (found.get("eos_token_id"), turn) if end is not None]
    return found


def tokens(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The ids with a role."""
    return {name: metadata[key] for name, key in TOKENS.items() if key in metadata}


def _window(meta: Mapping[str, Any], kind: str, layers: Any) -> dict[str, Any]:
    """Mistral is stored as a llama whose layers see a window."""
    window = meta.get(f"{kind}.attention.sliding_window")
    if not window or kind != "llama" or not isinstance(layers, int) or not 0 < layers < 10_000:
        return {}
    return {"sliding_window": window, "layer_types": ["sliding_attention"] * layers}


def _scaling(file: GgufFile, kind: str, limit: Any) -> dict[str, Any] | None:
    """How rotary positions are stretched."""
    meta = file.metadata
    if COMPUTED in file.tensors:
        # Llama 3.1 brings what each speed is divided by; "longrope" says the same in a config.
        factors = dequantized(file, COMPUTED).flatten().tolist()
        longest = {"original_max_position_embeddings": limit}
        return {"rope_type": "longrope", "short_factor": factors, "long_factor": factors, "attention_factor": 1.0} | (
            longest if limit else {}
        )
    way = meta.get(f"{kind}.rope.scaling.type", "none")
    if way == "none":
        return None
    if way not in ("linear", "yarn"):
        raise ConfigError(f"{file.path.name!r} scales positions by {way!r}, which cannot be read")
    scaling = {"rope_type": way, "factor": meta.get(f"{kind}.rope.scaling.factor", 1.0)}
    original = meta.get(f"{kind}.rope.scaling.original_context_length")
    return scaling | ({"original_max_position_embeddings": original} if original else {})
