"""BART (https://arxiv.org/abs/1910.13461) and models built like it: mBART, Pegasus, Marian, M2M100, Blenderbot.

They differ in where norms stand, in how places are told, and in the vocabulary of what is written.
"""

import math
from dataclasses import dataclass
from functools import partial

from torch import nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.cross_attention import CrossAttention, CrossBlock
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.layers.positions import Waves
from nbpipes.models.decoding import Embedding
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.seq2seq import (
    END_CLASSES,
    EncoderDecoder,
    EncoderFirst,
    TextDecoder,
    TextEncoder,
    written_words,
)

LAYER, OURS = "layers.{i}", "blocks.{i}"


def _attention(source: str, target: str) -> tuple[Rule, ...]:
    return tuple(rename(f"{source}.{name}_proj", f"{target}.{name}") for name in ("q", "k", "v", "out"))


BART = (
    rename("shared", "encoder.tokens"),
    rename("encoder.embed_tokens", "encoder.tokens"),
    rename("encoder.embed_positions", "encoder.positions"),
    rename("encoder.layernorm_embedding", "encoder.first_norm"),
    *_attention(f"encoder.{LAYER}.self_attn", f"encoder.{OURS}.attn.layer"),
    rename(f"encoder.{LAYER}.self_attn_layer_norm", f"encoder.{OURS}.attn.norm"),
    rename(f"encoder.{LAYER}.fc1", f"encoder.{OURS}.mlp.layer.up"),
    rename(f"encoder.{LAYER}.fc2", f"encoder.{OURS}.mlp.layer.down"),
    rename(f"encoder.{LAYER}.final_layer_norm", f"encoder.{OURS}.mlp.norm"),
    rename("encoder.layer_norm", "encoder.norm"),
    rename("decoder.embed_tokens", "decoder.tokens"),
    rename("decoder.embed_positions", "decoder.positions"),
    rename("decoder.layernorm_embedding", "decoder.first_norm"),
    *_attention(f"decoder.{LAYER}.self_attn", f"decoder.{OURS}.attn"),
    rename(f"decoder.{LAYER}.self_attn_layer_norm", f"decoder.{OURS}.attn_norm"),
    *_attention(f"decoder.{LAYER}.encoder_attn", f"decoder.{OURS}.cross"),
    rename(f"decoder.{LAYER}.encoder_attn_layer_norm", f"decoder.{OURS}.cross_norm"),
    rename(f"decoder.{LAYER}.fc1", f"decoder.{OURS}.mlp.up"),
    rename(f"decoder.{LAYER}.fc2", f"decoder.{OURS}.mlp.down"),
    rename(f"decoder.{LAYER}.final_layer_norm", f"decoder.{OURS}.mlp_norm"),
    rename("decoder.layer_norm", "decoder.norm"),
    drop("encoder.version"),
    drop("decoder.version"),
)
COMPUTED = (drop("encoder.embed_positions"), drop("decoder.embed_positions"), *BART)
"""For models whose places are waves, which some files store nevertheless."""


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
    def end(self) -> int | None:
        """The id that ends a text."""
        ids = self.eos_token_id
        return (ids[0] if ids else None) if isinstance(ids, list) else ids


@dataclass(frozen=True, kw_only=True)
class MbartConfig(BartConfig):
    """Config of mBART: the decoder's text begins with the last id of the source, a language."""

    num_labels: int = 2
    decoder_start_token_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class PegasusConfig(BartConfig):
    """Config of Pegasus."""

    num_labels: int = 2
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list | None = 1
    decoder_start_token_id: int | None = 0
    forced_eos_token_id: int | list | None = 1


@dataclass(frozen=True, kw_only=True)
class MarianConfig(BartConfig):
    """Config of Marian."""

    vocab_size: int = 58101
    num_labels: int = 2
    pad_token_id: int | None = 58100
    bos_token_id: int | None = None
    eos_token_id: int | list | None = 0
    decoder_start_token_id: int | None = 58100
    forced_eos_token_id: int | list | None = 0


@dataclass(frozen=True, kw_only=True)
class M2m100Config(BartConfig):
    """Config of M2M100 and NLLB."""

    vocab_size: int = 128112
    activation_function: str = "relu"
    scale_embedding: bool = True
    num_labels: int = 2
    forced_eos_token_id: int | list | None = None


@dataclass(frozen=True, kw_only=True)
class BlenderbotConfig(BartConfig):
    """Config of Blenderbot."""

    vocab_size: int = 8008
    max_position_embeddings: int = 128
    encoder_layers: int = 2
    encoder_ffn_dim: int = 10240
    encoder_attention_heads: int = 32
    decoder_layers: int = 24
    decoder_ffn_dim: int = 10240
    decoder_attention_heads: int = 32
    d_model: int = 2560
    num_labels: int = 2
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    decoder_start_token_id: int | None = 1
    encoder_no_repeat_ngram_size: int = 3


@dataclass(frozen=True, kw_only=True)
class BlenderbotSmallConfig(BlenderbotConfig):
    """Config of Blenderbot Small."""

    vocab_size: int = 50265
    max_position_embeddings: int = 512
    encoder_layers: int = 8
    encoder_ffn_dim: int = 2048
    encoder_attention_heads: int = 16
    decoder_layers: int = 8
    decoder_ffn_dim: int = 2048
    decoder_attention_heads: int = 16
    d_model: int = 512
    encoder_no_repeat_ngram_size: int = 0


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


def bart(c: BartConfig, how: Build) -> EncoderDecoder:
    """The trunk of BART and its relatives."""
    norm = partial(nn.LayerNorm, c.d_model)
    scale = math.sqrt(c.d_model) if c.scale_embedding else 1.0
    padding = 1 if c.pad_token_id is None else c.pad_token_id
    shift = padding + 1 if how.counted else how.shift
    places = Waves(c.d_model, closed=how.counted, nothing=padding if how.counted else None) if how.waves else None

    def block() -> Block:
        attn = Attention(c.d_model, c.encoder_attention_heads)
        return Block(attn, MLP(c.d_model, c.encoder_ffn_dim, c.activation_function), norm, pre=how.pre)

    def cross_block() -> CrossBlock:
        attn = DecoderAttention(c.d_model, c.decoder_attention_heads, bias=True, out_bias=True)
        cross = CrossAttention(c.d_model, c.decoder_attention_heads)
        mlp = MLP(c.d_model, c.decoder_ffn_dim, c.activation_function)
        return CrossBlock(attn, cross, mlp, (norm(), norm(), norm()), pre=how.pre)

    tokens = nn.Embedding(c.vocab_size, c.d_model)
    encoder = TextEncoder(
        tokens,
        Blocks(block() for _ in range(c.encoder_layers)),
        places=places or nn.Embedding(c.max_position_embeddings + shift, c.d_model),
        shift=shift,
        padding=padding if how.counted else None,
        scale=scale,
        first=norm() if how.first else None,
        last=norm() if how.last else None,
    )
    embedding = Embedding(
        c.written_vocabulary,
        c.d_model,
        positions=0 if how.waves else c.max_position_embeddings,
        shift=shift,
        scale=1.0 if how.early else scale,  # there the norm undoes it
        norm=norm() if how.first else None,
    )
    decoder = TextDecoder((cross_block() for _ in range(c.decoder_layers)), norm() if how.last else None, embedding)
    decoder.early_norm = how.early
    decoder.replace(tokens=tokens if c.share_encoder_decoder_embeddings else None, places=places)
    limit = None if how.counted else c.max_position_embeddings
    start = None if how.wraps else c.decoder_start_token_id
    return EncoderDecoder(encoder, decoder, start=start, end=c.end, limit=limit)


BUILDS = {
    "bart": Build(first=True, shift=2),
    "mbart": Build(pre=True, first=True, last=True, shift=2, wraps=True),
    "pegasus": Build(pre=True, last=True, waves=True),
    "marian": Build(waves=True),
    "m2m_100": Build(pre=True, last=True, waves=True, counted=True),
    "blenderbot": Build(pre=True, last=True),
    "blenderbot-small": Build(first=True, early=True),
}
WORDS = {Head.SEQ2SEQ: written_words()}
WITH_CLASSES = WORDS | {Head.SEQUENCE: END_CLASSES}
TRUNKS = {name: partial(bart, how=how) for name, how in BUILDS.items()}
FAMILIES = {
    "bart": Family(BartConfig, TRUNKS["bart"], BART, "model.", WITH_CLASSES),
    "mbart": Family(MbartConfig, TRUNKS["mbart"], BART, "model.", WITH_CLASSES),
    "pegasus": Family(PegasusConfig, TRUNKS["pegasus"], COMPUTED, "model.", WORDS, EncoderFirst),
    "marian": Family(MarianConfig, TRUNKS["marian"], COMPUTED, "model.", WORDS, EncoderFirst),
    "m2m_100": Family(
        M2m100Config,
        TRUNKS["m2m_100"],
        COMPUTED,
        "model.",
        {Head.SEQ2SEQ: written_words(shifted=False)},
        EncoderFirst,
    ),
    "blenderbot": Family(BlenderbotConfig, TRUNKS["blenderbot"], BART, "model.", WORDS, EncoderFirst),
    "blenderbot-small": Family(BlenderbotSmallConfig, TRUNKS["blenderbot-small"], BART, "model.", WORDS, EncoderFirst),
}
