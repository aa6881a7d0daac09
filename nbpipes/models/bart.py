"""The decoder of BART (https://arxiv.org/abs/1910.13461), which its relatives and models of images write with."""

import math
from dataclasses import dataclass
from functools import partial

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename
from nbpipes.layers.block import MLP
from nbpipes.layers.cross_attention import CrossAttention, CrossBlock
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.models.decoding import Embedding
from nbpipes.models.seq2seq import TextDecoder

LAYER, OURS = "layers.{i}", "blocks.{i}"


def attention_rules(source: str, target: str) -> tuple[Rule, ...]:
    """The projections of an attention."""
    return tuple(rename(f"{source}.{name}_proj", f"{target}.{name}") for name in ("q", "k", "v", "out"))


DECODER = (
    rename("decoder.embed_tokens", "decoder.tokens"),
    rename("decoder.embed_positions", "decoder.positions"),
    rename("decoder.layernorm_embedding", "decoder.first_norm"),
    *attention_rules(f"decoder.{LAYER}.self_attn", f"decoder.{OURS}.attn"),
    rename(f"decoder.{LAYER}.self_attn_layer_norm", f"decoder.{OURS}.attn_norm"),
    *attention_rules(f"decoder.{LAYER}.encoder_attn", f"decoder.{OURS}.cross"),
    rename(f"decoder.{LAYER}.encoder_attn_layer_norm", f"decoder.{OURS}.cross_norm"),
    rename(f"decoder.{LAYER}.fc1", f"decoder.{OURS}.mlp.up"),
    rename(f"decoder.{LAYER}.fc2", f"decoder.{OURS}.mlp.down"),
    rename(f"decoder.{LAYER}.final_layer_norm", f"decoder.{OURS}.mlp_norm"),
    rename("decoder.layer_norm", "decoder.norm"),
)


@dataclass(frozen=True, kw_only=True)
class BartConfig(Config):
    """Config of BART, and what its relatives have besides."""

    vocab_size: int = 50265
    decoder_vocab_size: int | None = None
    max_position_embeddings: int = 1024
    encoder_layers: int = 12
    encoder_ffn_dim: int = 4096
    encoder_attention_heads: int = 16
    decoder_layers: int = 12
    decoder_ffn_dim: int = 4096
    decoder_attention_heads: int = 16
    activation_function: str = "gelu"
    d_model: int = 1024
    scale_embedding: bool = False
    share_encoder_decoder_embeddings: bool = True
    num_labels: int = 3
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: int | list | None = 2
    decoder_start_token_id: int | None = 2
    forced_eos_token_id: int | list | None = 2

    @property
    def written_vocabulary(self) -> int:
        return self.decoder_vocab_size or self.vocab_size

    @property
    def scale(self) -> float:
        """By what embeddings of words are multiplied."""
        return math.sqrt(self.d_model) if self.scale_embedding else 1.0

    @property
    def padding(self) -> int:
        """The id of what is no text."""
        return 1 if self.pad_token_id is None else self.pad_token_id

    @property
    def end(self) -> int | None:
        """The id that ends a text."""
        ids = self.eos_token_id
        return (ids[0] if ids else None) if isinstance(ids, list) else ids


@dataclass(frozen=True, kw_only=True)
class MbartConfig(BartConfig):
    """Config of mBART: the decoder's text begins with the last id of the source, a language."""

    num_labels: int = 2
    decoder_start_token_id: int | None = None


@dataclass(frozen=True)
class Build:
    """How a model differs from its relatives.

    pre: norms stand before the layers. first: a norm after the embeddings; early: in the decoder it stands before the
    places are added. last: a norm after the blocks. shift: what is added to places. waves: places are no table;
    counted: tokens of padding have no place. wraps: for want of another text the decoder reads the source, with its
    last id (a language) before it.
    """

    pre: bool = False
    first: bool = False
    early: bool = False
    last: bool = False
    shift: int = 0
    waves: bool = False
    counted: bool = False
    wraps: bool = False

    def offset(self, c: BartConfig) -> int:
        """What is added to places: counted ones begin behind the id of padding."""
        return c.padding + 1 if self.counted else self.shift


MBART = Build(pre=True, first=True, last=True, shift=2, wraps=True)


def decoder(c: BartConfig, how: Build) -> TextDecoder:
    """The decoder, whose places are a table of its own unless they are waves."""
    norm = partial(nn.LayerNorm, c.d_model)

    def cross_block() -> CrossBlock:
        attn = DecoderAttention(c.d_model, c.decoder_attention_heads, bias=True, out_bias=True)
        cross = CrossAttention(c.d_model, c.decoder_attention_heads)
        mlp = MLP(c.d_model, c.decoder_ffn_dim, c.activation_function)
        return CrossBlock(attn, cross, mlp, (norm(), norm(), norm()), pre=how.pre)

    embedding = Embedding(
        c.written_vocabulary,
        c.d_model,
        positions=0 if how.waves else c.max_position_embeddings,
        shift=how.offset(c),
        scale=1.0 if how.early else c.scale,  # there the norm undoes it
        norm=norm() if how.first else None,
    )
    made = TextDecoder((cross_block() for _ in range(c.decoder_layers)), norm() if how.last else None, embedding)
    made.early_norm = how.early
    return made
