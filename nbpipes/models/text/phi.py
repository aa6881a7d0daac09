"""Phi 1 and 2 (https://arxiv.org/abs/2306.11644), and Phi 3 and 4 mini (https://arxiv.org/abs/2404.14219)."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.block import MLP
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.decoder_block import DecoderBlock, GatedMLP
from nbpipes.layers.norms import RMSNorm
from nbpipes.layers.rope import Rope
from nbpipes.models.decoding import HEADS, LAST_TOKEN, CausalTrunk, Embedding, next_words
from nbpipes.models.family import Family
from nbpipes.models.heads import Head

LAYER, OURS = "layers.{i}", "blocks.{i}"
PHI = (
    drop("*.rotary_emb.inv_freq"),
    rename("embed_tokens", "tokens"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    *(rename(f"{LAYER}.self_attn.{name}_proj", f"{OURS}.attn.{name}") for name in "qkv"),
    *(rename(f"{LAYER}.self_attn.{name}_layernorm", f"{OURS}.attn.{name}_norm") for name in "qk"),
    rename(f"{LAYER}.self_attn.dense", f"{OURS}.attn.out"),
    rename(f"{LAYER}.mlp.fc1", f"{OURS}.mlp.up"),
    rename(f"{LAYER}.mlp.fc2", f"{OURS}.mlp.down"),
    rename("final_layernorm", "norm"),
)
PHI3 = (
    drop("*.rotary_emb.inv_freq"),
    rename("embed_tokens", "tokens"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    rename(f"{LAYER}.self_attn.qkv_proj", f"{OURS}.attn.joined"),
    rename(f"{LAYER}.self_attn.o_proj", f"{OURS}.attn.out"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.mlp_norm"),
    rename(f"{LAYER}.mlp.gate_up_proj", f"{OURS}.mlp.joined"),
    rename(f"{LAYER}.mlp.down_proj", f"{OURS}.mlp.down"),
    rename("norm", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class PhiConfig(Config):
    """Config of Phi."""

    vocab_size: int = 51200
    hidden_size: int = 2048
    intermediate_size: int = 8192
    num_hidden_layers: int = 24
    num_attention_heads: int = 32
    num_key_value_heads: int | None = None
    hidden_act: str = "gelu_new"
    max_position_embeddings: int = 2048
    layer_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = None
    partial_rotary_factor: float = 0.5
    qk_layernorm: bool = False
    tie_word_embeddings: bool = False
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @property
    def turned(self) -> int:
        """How many values of a head turn by position."""
        return int(self.hidden_size // self.num_attention_heads * self.partial_rotary_factor)


@dataclass(frozen=True, kw_only=True)
class Phi3Config(PhiConfig):
    """Config of Phi 3 and 4 mini."""

    vocab_size: int = 32064
    hidden_size: int = 3072
    num_hidden_layers: int = 32
    hidden_act: str = "silu"
    max_position_embeddings: int = 4096
    original_max_position_embeddings: int = 4096
    rms_norm_eps: float = 1e-5
    partial_rotary_factor: float = 1.0
    sliding_window: int | None = None
    eos_token_id: int | list | None = 32000
    pad_token_id: int | None = 32000


def attention(c: PhiConfig, *, bias: bool, manner: Manner, norms: bool = False) -> DecoderAttention:
    """The attention of both."""
    return DecoderAttention(
        c.hidden_size,
        c.num_attention_heads,
        kv_heads=c.num_key_value_heads,
        bias=bias,
        out_bias=bias,
        turned=c.turned,
        manner=manner,
        norm=partial(nn.LayerNorm, eps=c.layer_norm_eps) if norms else None,
    )


def phi(c: PhiConfig) -> CausalTrunk:
    """The trunk of Phi: attention and feed-forward side by side, on the same norm."""
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps)
    blocks = (
        DecoderBlock(
            attention(c, bias=True, manner=Manner(), norms=c.qk_layernorm),
            MLP(c.hidden_size, c.intermediate_size, c.hidden_act),
            (norm(), None),
            parallel=True,
        )
        for _ in range(c.num_hidden_layers)
    )
    rope = Rope(c.turned, c.rope_theta, scaling=c.rope_scaling, limit=c.max_position_embeddings)
    return CausalTrunk(blocks, norm(), Embedding(c.vocab_size, c.hidden_size), ropes={"rope": rope})


def phi3(c: Phi3Config) -> CausalTrunk:
    """The trunk of Phi 3: that of Llama, with joined projections and its own stretched positions."""
    norm = partial(RMSNorm, c.hidden_size, c.rms_norm_eps)

    def block() -> DecoderBlock:
        attn = attention(c, bias=False, manner=Manner(window=c.sliding_window))
        mlp = GatedMLP(c.hidden_size, c.intermediate_size, c.hidden_act)
        attn.join()
        mlp.fuse()
        return DecoderBlock(attn, mlp, (norm(), norm()))

    rope = Rope(
        c.turned,
        c.rope_theta,
        scaling=c.rope_scaling,
        limit=c.max_position_embeddings,
        original=c.original_max_position_embeddings,
    )
    blocks = (block() for _ in range(c.num_hidden_layers))
    return CausalTrunk(blocks, norm(), Embedding(c.vocab_size, c.hidden_size), ropes={"rope": rope})


FAMILIES = {
    "phi": Family(PhiConfig, phi, PHI, "model.", {Head.CAUSAL: next_words(bias=True), Head.SEQUENCE: LAST_TOKEN}),
    "phi3": Family(Phi3Config, phi3, PHI3, "model.", HEADS),
}
