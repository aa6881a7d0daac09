"""OPT (https://arxiv.org/abs/2205.01068)."""

from dataclasses import dataclass
from functools import partial

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.block import MLP
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.layers.decoder_block import DecoderBlock
from nbpipes.layers.linear import Linear
from nbpipes.models.decoding import HEADS, CausalTrunk, Embedding
from nbpipes.models.family import Family

LAYER, OURS = "decoder.layers.{i}", "blocks.{i}"
OPT = (
    rename("decoder.embed_tokens", "tokens"),
    rename("decoder.embed_positions", "positions"),
    rename("decoder.project_in", "project_in"),
    rename("decoder.project_out", "project_out"),
    rename(f"{LAYER}.self_attn_layer_norm", f"{OURS}.attn_norm"),
    *(rename(f"{LAYER}.self_attn.{name}_proj", f"{OURS}.attn.{name}") for name in ("q", "k", "v", "out")),
    rename(f"{LAYER}.final_layer_norm", f"{OURS}.mlp_norm"),
    rename(f"{LAYER}.fc1", f"{OURS}.mlp.up"),
    rename(f"{LAYER}.fc2", f"{OURS}.mlp.down"),
    rename("decoder.final_layer_norm", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class OptConfig(Config):
    """Config of OPT."""

    vocab_size: int = 50272
    hidden_size: int = 768
    num_hidden_layers: int = 12
    ffn_dim: int = 3072
    num_attention_heads: int = 12
    activation_function: str = "relu"
    max_position_embeddings: int = 2048
    do_layer_norm_before: bool = True
    _remove_final_layer_norm: bool = False
    word_embed_proj_dim: int | None = None
    enable_bias: bool = True
    layer_norm_elementwise_affine: bool = True
    pad_token_id: int | None = 1
    bos_token_id: int | None = 2
    eos_token_id: int | list | None = 2


def opt(c: OptConfig) -> CausalTrunk:
    """The trunk of OPT. Its table of positions begins with two rows that nobody uses."""
    norm = partial(nn.LayerNorm, c.hidden_size, elementwise_affine=c.layer_norm_elementwise_affine)
    blocks = (
        DecoderBlock(
            DecoderAttention(c.hidden_size, c.num_attention_heads, bias=c.enable_bias, out_bias=c.enable_bias),
            MLP(c.hidden_size, c.ffn_dim, c.activation_function, bias=c.enable_bias),
            (norm(), norm()),
            pre=c.do_layer_norm_before,
        )
        for _ in range(c.num_hidden_layers)
    )
    last = norm() if c.do_layer_norm_before and not c._remove_final_layer_norm else None
    width, project = c.word_embed_proj_dim or c.hidden_size, None
    if width != c.hidden_size:
        project = Linear(width, c.hidden_size, bias=False), Linear(c.hidden_size, width, bias=False)
    embedding = Embedding(c.vocab_size, width, positions=c.max_position_embeddings, shift=2, inner=c.hidden_size)
    return CausalTrunk(blocks, last, embedding, project=project)


FAMILIES = {"opt": Family(OptConfig, opt, OPT, "model.", HEADS)}
