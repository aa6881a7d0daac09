"""BLOOM (https://arxiv.org/abs/2211.05100)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.block import MLP
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.decoder_block import DecoderBlock
from nbpipes.models.decoding import HEADS, CausalTrunk, Embedding
from nbpipes.models.family import Family

LAYER, OURS = "h.{i}", "blocks.{i}"
BLOOM = (
    rename("word_embeddings", "tokens"),
    rename("word_embeddings_layernorm", "first_norm"),
    rename(f"{LAYER}.input_layernorm", f"{OURS}.attn_norm"),
    rename(f"{LAYER}.self_attention.query_key_value", f"{OURS}.attn.joined"),
    rename(f"{LAYER}.self_attention.dense", f"{OURS}.attn.out"),
    rename(f"{LAYER}.post_attention_layernorm", f"{OURS}.mlp_norm"),
    rename(f"{LAYER}.mlp.dense_h_to_4h", f"{OURS}.mlp.up"),
    rename(f"{LAYER}.mlp.dense_4h_to_h", f"{OURS}.mlp.down"),
    rename("ln_f", "norm"),
)
OTHER_NAMES = {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "n_embed": "hidden_size"}


@dataclass(frozen=True, kw_only=True)
class BloomConfig(Config):
    """Config of BLOOM."""

    vocab_size: int = 250880
    hidden_size: int = 64
    n_layer: int = 2
    n_head: int = 8
    layer_norm_epsilon: float = 1e-5
    apply_residual_connection_post_layernorm: bool = False
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @classmethod
    def read(cls, raw: object) -> Self:
        if isinstance(raw, Mapping):
            raw = dict(raw) | {ours: raw[name] for name, ours in OTHER_NAMES.items() if name in raw}
        return super().read(raw)


def slopes(heads: int) -> tuple[float, ...]:
    """By how much the score of each head sinks with each step back (https://arxiv.org/abs/2108.12409)."""
    power = 2 ** math.floor(math.log2(heads))

    def base(count: int) -> float:
        return 2 ** -(2 ** -(math.log2(count) - 3))

    found = [base(power) ** (i + 1) for i in range(power)]
    between = [base(2 * power) ** (2 * i + 1) for i in range(min(power, heads - power))]
    return (*found, *between)


def bloom(c: BloomConfig) -> CausalTrunk:
    """The trunk of BLOOM: it knows no positions but by the slopes of its scores."""
    if c.apply_residual_connection_post_layernorm:
        raise ValueError("apply_residual_connection_post_layernorm is not supported")
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_epsilon)
    manner = Manner(slopes=slopes(c.n_head))
    blocks = (
        DecoderBlock(
            DecoderAttention(c.hidden_size, c.n_head, bias=True, out_bias=True, manner=manner, mixed=True),
            MLP(c.hidden_size, 4 * c.hidden_size, "gelu_new"),
            (norm(), norm()),
        )
        for _ in range(c.n_layer)
    )
    return CausalTrunk(blocks, norm(), Embedding(c.vocab_size, c.hidden_size, norm=norm()))


FAMILIES = {"bloom": Family(BloomConfig, bloom, BLOOM, "transformer.", HEADS)}
