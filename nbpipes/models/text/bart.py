"""BART (https://arxiv.org/abs/1910.13461) and models built like it: mBART, Pegasus, Marian, M2M100, Blenderbot.

They differ in where norms stand, in how places are told, and in the vocabulary of what is written.
"""

from dataclasses import dataclass
from functools import partial

from torch import nn

from nbpipes.hub.weights import drop, rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.positions import Waves
from nbpipes.models.bart import (
    DECODER,
    LAYER,
    MBART,
    OURS,
    BartConfig,
    Build,
    MbartConfig,
    attention_rules,
    decoder,
)
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.seq2seq import (
    END_CLASSES,
    EncoderDecoder,
    EncoderFirst,
    TextEncoder,
    written_words,
)

BART = (
    rename("shared", "encoder.tokens"),
    rename("encoder.embed_tokens", "encoder.tokens"),
    rename("encoder.embed_positions", "encoder.positions"),
    rename("encoder.layernorm_embedding", "encoder.first_norm"),
    *attention_rules(f"encoder.{LAYER}.self_attn", f"encoder.{OURS}.attn.layer"),
    rename(f"encoder.{LAYER}.self_attn_layer_norm", f"encoder.{OURS}.attn.norm"),
    rename(f"encoder.{LAYER}.fc1", f"encoder.{OURS}.mlp.layer.up"),
    rename(f"encoder.{LAYER}.fc2", f"encoder.{OURS}.mlp.layer.down"),
    rename(f"encoder.{LAYER}.final_layer_norm", f"encoder.{OURS}.mlp.norm"),
    rename("encoder.layer_norm", "encoder.norm"),
    *DECODER,
    drop("encoder.version"),
    drop("decoder.version"),
)
COMPUTED = (drop("encoder.embed_positions"), drop("decoder.embed_positions"), *BART)
"""For models whose places are waves, which some files store nevertheless."""


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


def bart(c: BartConfig, how: Build) -> EncoderDecoder:
    """The trunk of BART and its relatives."""
    norm = partial(nn.LayerNorm, c.d_model)
    shift = how.offset(c)
    places = Waves(c.d_model, closed=how.counted, nothing=c.padding if how.counted else None) if how.waves else None

    def block() -> Block:
        attn = Attention(c.d_model, c.encoder_attention_heads)
        return Block(attn, MLP(c.d_model, c.encoder_ffn_dim, c.activation_function), norm, pre=how.pre)

    tokens = nn.Embedding(c.vocab_size, c.d_model)
    encoder = TextEncoder(
        tokens,
        Blocks(block() for _ in range(c.encoder_layers)),
        places=places or nn.Embedding(c.max_position_embeddings + shift, c.d_model),
        shift=shift,
        padding=c.padding if how.counted else None,
        scale=c.scale,
        first=norm() if how.first else None,
        last=norm() if how.last else None,
    )
    writer = decoder(c, how)
    writer.replace(tokens=tokens if c.share_encoder_decoder_embeddings else None, places=places)
    limit = None if how.counted else c.max_position_embeddings
    start = None if how.wraps else c.decoder_start_token_id
    return EncoderDecoder(encoder, writer, start=start, end=c.end, limit=limit)


BUILDS = {
    "bart": Build(first=True, shift=2),
    "mbart": MBART,
    "pegasus": Build(pre=True, last=True, waves=True),
    "marian": Build(waves=True),
    "m2m_100": Build(pre=True, last=True, waves=True, counted=True),
    "blenderbot": Build(pre=True, last=True),
    "blenderbot-small": Build(first=True, early=True),
}
WORDS = {Head.SEQ2SEQ: written_words()}
# Where a source has a mask, these two write the word that was there: they were trained to repair texts.
REPAIRERS = {Head.MASKED: written_words(), **WORDS, Head.SEQUENCE: END_CLASSES}
TRUNKS = {name: partial(bart, how=how) for name, how in BUILDS.items()}
FAMILIES = {
    "bart": Family(BartConfig, TRUNKS["bart"], BART, "model.", REPAIRERS),
    "mbart": Family(MbartConfig, TRUNKS["mbart"], BART, "model.", REPAIRERS),
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
