"""GPT-NeoX (https://arxiv.org/abs/2204.06745), the architecture of Pythia."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.block import MLP
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.layers.decoder_block import DecoderBlock
from nbpipes.layers.rope import Rope
from nbpipes.models.decoding import LAST_TOKEN, CausalTrunk, Embedding, next_words
from nbpipes.models.family import Family
from nbpipes.models.heads import Head

LAYER, OURS = "layers.{i}", "blocks.{i}"
GPT_NEOX = (
    drop("*.rotary_emb.inv_freq"),
    drop(f"{LAYER}.attention.bias"),
    drop(f"{LAYER}.attention.masked_bias"),
    rename("embed_in", "tokens"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    rename(f"{LAYER}.attention.query_key_value", f"{OURS}.attn.joined"),
    rename(f"{LAYER}.attention.dense", f"{OURS}.attn.out"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.mlp_norm"),
    rename(f"{LAYER}.mlp.dense_h_to_4h", f"{OURS}.mlp.up"),
    rename(f"{LAYER}.mlp.dense_4h_to_h", f"{OURS}.mlp.down"),
    rename("final_layer_norm", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class GptNeoxConfig(Config):
    """Config of GPT-NeoX."""

    vocab_size: int = 50432
    hidden_size: int = 6144
    num_hidden_layers: int = 44
    num_attention_heads: int = 64
    intermediate_size: int = 24576
    hidden_act: str = "gelu"
    rotary_pct: float = 0.25
    rotary_emb_base: float = 10000.0
    rope_theta: float | None = None
    rope_scaling: dict[str, Any] | None = None
    max_position_embeddings: int = 2048
    layer_norm_eps: float = 1e-5
    use_parallel_residual: bool = True
    attention_bias: bool = True
    tie_word_embeddings: bool = False
    bos_token_id: int | None = 0
    eos_token_id: int | list | None = 2


def gpt_neox(c: GptNeoxConfig) -> CausalTrunk:
    """The trunk of GPT-NeoX: attention and feed-forward side by side, each with a norm of its own."""
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps)
    turned = int(c.hidden_size // c.num_attention_heads * c.rotary_pct)
    blocks = (
        DecoderBlock(
            DecoderAttention(
                c.hidden_size,
                c.num_attention_heads,
                bias=c.attention_bias,
                out_bias=c.attention_bias,
                turned=turned,
                mixed=True,
            ),
            MLP(c.hidden_size, c.intermediate_size, c.hidden_act),
            (norm(), norm()),
            parallel=c.use_parallel_residual,
        )
        for _ in range(c.num_hidden_layers)
    )
    base = c.rope_theta or c.rotary_emb_base
    rope = Rope(turned, base, scaling=c.rope_scaling, limit=c.max_position_embeddings)
    return CausalTrunk(blocks, norm(), Embedding(c.vocab_size, c.hidden_size), ropes={"rope": rope})


HEADS = {Head.CAUSAL: next_words(source="embed_out"), Head.SEQUENCE: LAST_TOKEN}
FAMILIES = {"gpt_neox": Family(GptNeoxConfig, gpt_neox, GPT_NEOX, "gpt_neox.", HEADS)}
