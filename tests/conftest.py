"""What several kinds of tests need."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@pytest.fixture(scope="session")
def write_gguf() -> Callable[..., Path]:
    """Writes a folder with a llama or qwen2 model as a GGUF file: `(folder, path, kind="F16", pre="gpt-2")`.

    kind: of the matrices; vectors stay float32. pre: how the tokenizer cuts texts. tokenizer: another folder.
    """
    gguf = pytest.importorskip("gguf")

    def write(folder: Path, path: Path, kind: str = "F16", pre: str = "gpt-2", tokenizer: Path | None = None) -> Path:
        config = json.loads((folder / "config.json").read_text())
        writer = gguf.GGUFWriter(path, config["model_type"])
        _describe(writer, config)
        _vocabulary(writer, gguf, tokenizer or folder, config, pre)
        form = gguf.GGMLQuantizationType[kind]
        for name, values in load_file(folder / "model.safetensors").items():
            heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
            if config["model_type"] == "llama" and heads:
                count = config[heads]
                parts = values.reshape(count, 2, len(values) // count // 2, *values.shape[1:])
                values = parts.swapaxes(1, 2).reshape(values.shape)
            if values.ndim > 1 and kind != "F32":
                writer.add_tensor(_renamed(name), gguf.quants.quantize(values, form), raw_dtype=form)
            else:
                writer.add_tensor(_renamed(name), values.astype("float32"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


def _renamed(name: str) -> str:
    part, _, last = name.rpartition(".")
    if part.startswith("model.layers."):
        number, _, inner = part.removeprefix("model.layers.").partition(".")
        return f"blk.{number}.{NAMES[inner]}.{last}"
    return f"{NAMES[part]}.{last}"


def _describe(writer: Any, config: dict[str, Any]) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))


def _vocabulary(writer: Any, gguf: Any, folder: Path, config: dict[str, Any], pre: str) -> None:
    whole = json.loads((folder / "tokenizer.json").read_text())
    added = {one["id"]: one for one in whole["added_tokens"]}
    tokens = {number: text for text, number in whole["model"]["vocab"].items()}
    tokens |= {number: one["content"] for number, one in added.items()}
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    count = config["vocab_size"]
    writer.add_token_list([tokens.get(i, f"[PAD{i}]") for i in range(count)])
    special = {number: kinds.CONTROL if one["special"] else kinds.USER_DEFINED for number, one in added.items()}
    writer.add_token_types([special.get(i, kinds.NORMAL if i in tokens else kinds.UNUSED) for i in range(count)])
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in whole["model"]["merges"]])
    for role, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id)):
        if isinstance(config.get(f"{role}_token_id"), int):
            add(config[f"{role}_token_id"])
    if isinstance(config.get("pad_token_id"), int):
        writer.add_pad_token_id(config["pad_token_id"])
    separate = folder / "chat_template.jinja"
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    if template := separate.read_text() if separate.exists() else settings.get("chat_template"):
        writer.add_chat_template(template)
