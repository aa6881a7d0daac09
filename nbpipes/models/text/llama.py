"""Llama (https://arxiv.org/abs/2302.13971) and decoders built like it: Mistral, Qwen2, Qwen3, SmolLM3."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.decoder_block import DecoderBlock, GatedMLP
from nbpipes.layers.norms import RMSNorm
from nbpipes.layers.rope import Rope
from nbpipes.models.decoding import HEADS, CausalTrunk, Embedding
from nbpipes.models.family import Family

LAYER, OURS = "layers.{i}", "blocks.{i}"
LLAMA = (
    drop("*.rotary_emb.inv_freq"),
    rename("embed_tokens", "tokens"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    rename(f"{LAYER}.self_attn.q_proj", f"{OURS}.attn.q"),
    rename(f"{LAYER}.self_attn.k_proj", f"{OURS}.attn.k"),
    rename(f"{LAYER}.self_attn.v_proj", f"{OURS}.attn.v"),
    rename(f"{LAYER}.self_attn.o_proj", f"{OURS}.attn.out"),
    rename(f"{LAYER}.self_attn.q_norm", f"{OURS}.attn.q_norm"),
    rename(f"{LAYER}.self_attn.k_norm", f"{OURS}.attn.k_norm"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.mlp_norm"),
    rename(f"{LAYER}.mlp.gate_proj", f"{OURS}.mlp.gate"),
    rename(f"{LAYER}.mlp.up_proj", f"{OURS}.mlp.up"),
    rename(f"{LAYER}.mlp.down_proj", f"{OURS}.mlp.down"),
    rename("norm", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class LlamaConfig(Config):
    """Config of Llama, and what its relatives have besides."""

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    hidden_act: str = "silu"
    max_position_embeddings: int = 2048
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = None
    attention_bias: bool = False
    mlp_bias: bool = False
    tie_word_embeddings: bool = False
    sliding_window: int | None = None
    layer_types: tuple[str, ...] | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @property
    def head_width(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads

    def window(self, layer: int) -> int | None:
        """How many tokens a layer sees, None for all."""
        if self.layer_types is None:
            return None
        return self.sliding_window if self.layer_types[layer] == "sliding_attention" else None


@dataclass(frozen=True, kw_only=True)
class MistralConfig(LlamaConfig):
    """Config of Mistral: every layer sees a window, if there is one."""

    intermediate_size: int = 14336
    num_key_value_heads: int | None = 8
    max_position_embeddings: int = 4096 * 32
    sliding_window: int | None = 4096

    def window(self, layer: int) -> int | None:
        return self.sliding_window


@dataclass(frozen=True, kw_only=True)
class Qwen2Config(LlamaConfig):
    """Config of Qwen2: biases before attention, and windows in the upper layers if asked for."""

    vocab_size: int = 151936
    intermediate_size: int = 22016
    num_key_value_heads: int | None = 32
    max_position_embeddings: int = 32768
    use_sliding_window: bool = False
    max_window_layers: int = 28
    bos_token_id: int | None = None
    eos_token_id: int | list | None = None

    def window(self, layer: int) -> int | None:
        if not self.use_sliding_window:
            return None
        if self.layer_types is None:
            narrow = layer >= self.max_window_layers
        else:
            narrow = self.layer_types[layer] == "sliding_attention"
        return self.sliding_window or 4096 if narrow else None


@dataclass(frozen=True, kw_only=True)
class Qwen3Config(Qwen2Config):
    """Config of Qwen3: a norm for each head's queries and keys."""

    head_dim: int | None = 128


@dataclass(frozen=True, kw_only=True)
class SmolLm3Config(LlamaConfig):
    """Config of SmolLM3: some layers know no positions."""

    vocab_size: int = 128256
    hidden_size: int = 2048
    num_hidden_layers: int = 36
    num_attention_heads: int = 16
    num_key_value_heads: int | None = 4
    max_position_embeddings: int = 32768
    rope_theta: float = 2000000.0
    use_sliding_window: bool = False
    no_rope_layers: tuple[int, ...] | None = None
    no_rope_layer_interval: int = 4
    tie_word_embeddings: bool = True
    pad_token_id: int | None = 128004
    bos_token_id: int | None = 128000
    eos_token_id: int | list | None = 128001

    def window(self, layer: int) -> int | None:
        return super().window(layer) if self.use_sliding_window else None

    def turns(self, layer: int) -> bool:
        """Whether a layer knows positions; the file marks those that do with 1."""
        if self.no_rope_layers is None:
            return (layer + 1) % self.no_rope_layer_interval != 0
        return bool(self.no_rope_layers[layer])


def llama(c: LlamaConfig, *, bias: bool | None = None, norms: bool = False) -> CausalTrunk:
    """The trunk of Llama. bias: before attention, None = as after it. norms: of each head's queries and keys."""
    norm = partial(RMSNorm, eps=c.rms_norm_eps)

    def block(i: int) -> DecoderBlock:
        attn = DecoderAttention(
            c.hidden_size,
            c.num_attention_heads,
            kv_heads=c.num_key_value_heads,
            head_dim=c.head_width,
            bias=c.attention_bias if bias is None else bias,
            out_bias=c.attention_bias,
            turned=c.head_width,
            manner=Manner(window=c.window(i)),
            norm=norm if norms else None,
        )
        mlp = GatedMLP(c.hidden_size, c.intermediate_size, c.hidden_act, bias=c.mlp_bias)
        return DecoderBlock(attn, mlp, (norm(c.hidden_size), norm(c.hidden_size)))

    layers = range(c.num_hidden_layers)
    rope = Rope(c.head_width, c.rope_theta, scaling=c.rope_scaling, limit=c.max_position_embeddings)
    kinds = ["" if isinstance(c, SmolLm3Config) and not c.turns(i) else "rope" for i in layers]
    embedding = Embedding(c.vocab_size, c.hidden_size)
    return CausalTrunk(map(block, layers), norm(c.hidden_size), embedding, ropes={"rope": rope}, kinds=kinds)


FAMILIES = {
    "llama": Family(LlamaConfig, llama, LLAMA, "model.", HEADS),
    "mistral": Family(MistralConfig, llama, LLAMA, "model.", HEADS),
    "qwen2": Family(Qwen2Config, partial(llama, bias=True), LLAMA, "model.", HEADS),
    "qwen3": Family(Qwen3Config, partial(llama, norms=True), LLAMA, "model.", HEADS),
    "smollm3": Family(SmolLm3Config, llama, LLAMA, "model.", HEADS),
}
