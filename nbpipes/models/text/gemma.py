"""Gemma (https://arxiv.org/abs/2403.08295), Gemma 2 (https://arxiv.org/abs/2408.00118) and the texts of Gemma 3."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.decoder_block import DecoderBlock, GatedMLP, Normed
from nbpipes.layers.norms import RMSNorm
from nbpipes.layers.rope import Rope
from nbpipes.models.decoding import HEADS, CausalTrunk, Embedding
from nbpipes.models.family import Family

LAYER, OURS = "layers.{i}", "blocks.{i}"
SLIDING, FULL = "sliding_attention", "full_attention"
COMMON = (
    drop("*.rotary_emb.inv_freq"),
    rename("embed_tokens", "tokens"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    rename("norm", "norm"),
)
GEMMA = (
    *COMMON,
    *(rename(f"{LAYER}.self_attn.{name}_proj", f"{OURS}.attn.{name}") for name in "qkv"),
    rename(f"{LAYER}.self_attn.o_proj", f"{OURS}.attn.out"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.mlp_norm"),
    *(rename(f"{LAYER}.mlp.{name}_proj", f"{OURS}.mlp.{name}") for name in ("gate", "up", "down")),
)
GEMMA2 = (
    *COMMON,
    *(rename(f"{LAYER}.self_attn.{name}_proj", f"{OURS}.attn.inner.{name}") for name in "qkv"),
    *(rename(f"{LAYER}.self_attn.{name}_norm", f"{OURS}.attn.inner.{name}_norm") for name in "qk"),
    rename(f"{LAYER}.self_attn.o_proj", f"{OURS}.attn.inner.out"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.attn.after"),
    rename(f"{LAYER}.pre_feedforward_layernorm", f"{OURS}.mlp_norm"),
    *(rename(f"{LAYER}.mlp.{name}_proj", f"{OURS}.mlp.inner.{name}") for name in ("gate", "up", "down")),
    rename(f"{LAYER}.post_feedforward_layernorm", f"{OURS}.mlp.after"),
)


@dataclass(frozen=True, kw_only=True)
class GemmaConfig(Config):
    """Config of Gemma."""

    vocab_size: int = 256000
    hidden_size: int = 3072
    intermediate_size: int = 24576
    num_hidden_layers: int = 28
    num_attention_heads: int = 16
    num_key_value_heads: int = 16
    head_dim: int = 256
    hidden_act: str = "gelu_pytorch_tanh"
    max_position_embeddings: int = 8192
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    attention_bias: bool = False
    pad_token_id: int | None = 0
    eos_token_id: int | list | None = 1
    bos_token_id: int | None = 2


@dataclass(frozen=True, kw_only=True)
class Gemma2Config(GemmaConfig):
    """Config of Gemma 2: bounded scores, and windows in every other layer."""

    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 26
    num_attention_heads: int = 8
    num_key_value_heads: int = 4
    hidden_activation: str = "gelu_pytorch_tanh"
    query_pre_attn_scalar: float = 256
    sliding_window: int | None = 4096
    layer_types: tuple[str, ...] | None = None
    final_logit_softcapping: float | None = 30.0
    attn_logit_softcapping: float | None = 50.0

    @property
    def kinds(self) -> tuple[str, ...]:
        """For each layer, whether it sees a window or everything."""
        return self.layer_types or self.pattern(2)

    def pattern(self, every: int) -> tuple[str, ...]:
        """Full attention in each layer whose number can be divided by `every`, counted from one."""
        return tuple(SLIDING if (i + 1) % every else FULL for i in range(self.num_hidden_layers))


@dataclass(frozen=True, kw_only=True)
class Gemma3TextConfig(Gemma2Config):
    """Config of the texts of Gemma 3: five layers with windows, which turn faster, for each one without."""

    vocab_size: int = 262_208
    max_position_embeddings: int = 131_072
    rope_theta: float = 1_000_000.0
    rope_scaling: dict[str, Any] | None = None
    rope_local_base_freq: float = 10_000.0
    final_logit_softcapping: float | None = None
    attn_logit_softcapping: float | None = None
    sliding_window_pattern: int = 6
    use_bidirectional_attention: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.layer_types or self.pattern(self.sliding_window_pattern)


Norm = Callable[[int], nn.Module]


def norms(c: GemmaConfig) -> Norm:
    """Makes norms, whose weights are stored less one."""
    return partial(RMSNorm, eps=c.rms_norm_eps, shift=1.0)


def attention(c: GemmaConfig, manner: Manner, norm: Norm | None = None) -> DecoderAttention:
    """The attention of all three."""
    return DecoderAttention(
        c.hidden_size,
        c.num_attention_heads,
        kv_heads=c.num_key_value_heads,
        head_dim=c.head_dim,
        bias=c.attention_bias,
        out_bias=c.attention_bias,
        turned=c.head_dim,
        manner=manner,
        norm=norm,
    )


def embedding(c: GemmaConfig) -> Embedding:
    """Words, made as long as the model is wide."""
    return Embedding(c.vocab_size, c.hidden_size, scale=math.sqrt(c.hidden_size))


def gemma(c: GemmaConfig) -> CausalTrunk:
    """The trunk of Gemma."""
    norm, width = norms(c), c.hidden_size
    blocks = (
        DecoderBlock(
            attention(c, Manner()), GatedMLP(width, c.intermediate_size, c.hidden_act), (norm(width), norm(width))
        )
        for _ in range(c.num_hidden_layers)
    )
    rope = Rope(c.head_dim, c.rope_theta, limit=c.max_position_embeddings)
    return CausalTrunk(blocks, norm(width), embedding(c), ropes={"rope": rope})


def gemma2(c: Gemma2Config) -> CausalTrunk:
    """The trunk of Gemma 2 and 3: a norm before and after each layer."""
    if isinstance(c, Gemma3TextConfig) and c.use_bidirectional_attention:
        raise ValueError("use_bidirectional_attention is not supported")
    norm, width = norms(c), c.hidden_size
    scale = c.query_pre_attn_scalar**-0.5
    third = isinstance(c, Gemma3TextConfig)

    def block(kind: str) -> DecoderBlock:
        window = c.sliding_window if kind == SLIDING else None
        attn = attention(c, Manner(scale, window, c.attn_logit_softcapping), norm if third else None)
        mlp = GatedMLP(width, c.intermediate_size, c.hidden_activation)
        return DecoderBlock(Normed(attn, norm(width)), Normed(mlp, norm(width)), (norm(width), norm(width)))

    ropes = {FULL: Rope(c.head_dim, c.rope_theta, limit=c.max_position_embeddings)}
    if isinstance(c, Gemma3TextConfig):
        ropes[FULL] = Rope(c.head_dim, c.rope_theta, scaling=c.rope_scaling, limit=c.max_position_embeddings)
        ropes[SLIDING] = Rope(c.head_dim, c.rope_local_base_freq, limit=c.max_position_embeddings)
    kinds = [kind if kind in ropes else FULL for kind in c.kinds]
    return CausalTrunk(map(block, c.kinds), norm(width), embedding(c), ropes=ropes, kinds=kinds)


FAMILIES = {
    "gemma": Family(GemmaConfig, gemma, GEMMA, "model.", HEADS),
    "gemma2": Family(Gemma2Config, gemma2, GEMMA2, "model.", HEADS),
    "gemma3_text": Family(Gemma3TextConfig, gemma2, GEMMA2, "model.", HEADS),
}
