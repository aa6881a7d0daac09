"""T5 (https://arxiv.org/abs/1910.10683), also in its versions 1.1 and Flan, mT5, and UMT5."""

from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.attention import Attention, Rotate
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.cross_attention import CrossAttention, CrossBlock
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.norms import RMSNorm
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.models.decoding import Embedding
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head, SpanPicker, TokenClassifier
from nbpipes.models.seq2seq import (
    END_CLASSES,
    Distances,
    EncoderDecoder,
    EncoderFirst,
    TextDecoder,
    TextEncoder,
    written_words,
)

LAYER, OURS = "block.{i}.layer", "blocks.{i}"


def _attention(source: str, target: str) -> tuple[Rule, ...]:
    names = {"q": "q", "k": "k", "v": "v", "o": "out"}
    return tuple(rename(f"{source}.{theirs}", f"{target}.{ours}") for theirs, ours in names.items())


def _feed_forward(source: str, target: str) -> tuple[Rule, ...]:
    names = {"wi": "up", "wi_0": "gate", "wi_1": "up", "wo": "down"}
    return tuple(rename(f"{source}.DenseReluDense.{theirs}", f"{target}.{ours}") for theirs, ours in names.items())


T5 = (
    rename("shared", "encoder.tokens"),
    rename("encoder.embed_tokens", "encoder.tokens"),
    rename("decoder.embed_tokens", "decoder.tokens"),
    *_attention(f"encoder.{LAYER}.0.SelfAttention", f"encoder.{OURS}.attn.layer"),
    rename("encoder.block.0.layer.0.SelfAttention.relative_attention_bias", "encoder.bias.table"),
    rename(f"encoder.{LAYER}.0.layer_norm", f"encoder.{OURS}.attn.norm"),
    *_feed_forward(f"encoder.{LAYER}.1", f"encoder.{OURS}.mlp.layer"),
    rename(f"encoder.{LAYER}.1.layer_norm", f"encoder.{OURS}.mlp.norm"),
    rename("encoder.final_layer_norm", "encoder.norm"),
    *_attention(f"decoder.{LAYER}.0.SelfAttention", f"decoder.{OURS}.attn"),
    rename("decoder.block.0.layer.0.SelfAttention.relative_attention_bias", "decoder.bias.table"),
    rename(f"decoder.{LAYER}.0.layer_norm", f"decoder.{OURS}.attn_norm"),
    *_attention(f"decoder.{LAYER}.1.EncDecAttention", f"decoder.{OURS}.cross"),
    drop(f"decoder.{LAYER}.1.EncDecAttention.relative_attention_bias"),
    rename(f"decoder.{LAYER}.1.layer_norm", f"decoder.{OURS}.cross_norm"),
    *_feed_forward(f"decoder.{LAYER}.2", f"decoder.{OURS}.mlp"),
    rename(f"decoder.{LAYER}.2.layer_norm", f"decoder.{OURS}.mlp_norm"),
    rename("decoder.final_layer_norm", "decoder.norm"),
)
UMT5 = (
    rename(f"encoder.{LAYER}.0.SelfAttention.relative_attention_bias", f"encoder.{OURS}.attn.layer.distances.table"),
    rename(f"decoder.{LAYER}.0.SelfAttention.relative_attention_bias", f"decoder.{OURS}.attn.distances.table"),
    *T5,
)
"""Every block has a table of distances of its own."""


@dataclass(frozen=True, kw_only=True)
class T5Config(Config):
    """Config of T5."""

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None
    num_heads: int = 8
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    layer_norm_epsilon: float = 1e-6
    feed_forward_proj: str = "relu"
    pad_token_id: int | None = 0
    eos_token_id: int | list | None = 1
    decoder_start_token_id: int | None = None

    @property
    def written_vocabulary(self) -> int:
        return self.vocab_size

    @property
    def gated(self) -> bool:
        return self.feed_forward_proj.startswith("gated-")

    @property
    def act(self) -> str:
        if self.feed_forward_proj == "gated-gelu":
            return "gelu_new"
        return self.feed_forward_proj.removeprefix("gated-")


@dataclass(frozen=True, kw_only=True)
class Mt5Config(T5Config):
    """Config of mT5."""

    vocab_size: int = 250112
    d_ff: int = 1024
    num_layers: int = 8
    num_heads: int = 6
    feed_forward_proj: str = "gated-gelu"
    tie_word_embeddings: bool = False
    decoder_start_token_id: int | None = 0


@dataclass(frozen=True, kw_only=True)
class Umt5Config(Mt5Config):
    """Config of UMT5."""

    tie_word_embeddings: bool = True


class DistantAttention(Attention):
    """Attention with a table of its own for distances, instead of what is added for all blocks."""

    distances: Distances

    def forward(
        self,
        x: Tensor,
        layout: Layout,
        *,
        keep: Tensor | None = None,
        bias: ScoreBias | None = None,
        rotate: Rotate | None = None,
    ) -> Tensor:
        return super().forward(x, layout, keep=keep, bias=self.distances.pairs(x.device), rotate=rotate)


def t5(c: T5Config, *, apart: bool = False) -> EncoderDecoder:
    """The trunk of T5. Scores are not scaled. What is added to them for distances is the same in all blocks, unless
    these stand apart."""
    tokens = nn.Embedding(c.vocab_size, c.d_model)
    norm = partial(RMSNorm, c.d_model, c.layer_norm_epsilon)
    feed_forward = partial(MLP, c.d_model, c.d_ff, c.act, bias=False, gated=c.gated)
    table = partial(Distances, c.relative_attention_num_buckets, c.num_heads, c.relative_attention_max_distance)
    heads = {"head_dim": c.d_kv, "bias": False}
    bias = table(ahead=False)

    def block() -> Block:
        attn = (DistantAttention if apart else Attention)(c.d_model, c.num_heads, scale=1.0, **heads)
        if isinstance(attn, DistantAttention):
            attn.distances = table(ahead=True)
        return Block(attn, feed_forward(), norm, pre=True)

    def cross_block() -> CrossBlock:
        own = table(ahead=False) if apart else bias
        attn = DecoderAttention(c.d_model, c.num_heads, manner=Manner(scale=1.0, bias=own), **heads)
        if apart:
            attn.distances = own
        cross = CrossAttention(c.d_model, c.num_heads, scale=1.0, **heads)
        return CrossBlock(attn, cross, feed_forward(), (norm(), norm(), norm()), pre=True)

    blocks = Blocks(block() for _ in range(c.num_layers))
    encoder = TextEncoder(tokens, blocks, last=norm(), bias=None if apart else table(ahead=True))
    layers = c.num_layers if c.num_decoder_layers is None else c.num_decoder_layers
    decoder = TextDecoder((cross_block() for _ in range(layers)), norm(), Embedding(c.vocab_size, c.d_model))
    decoder.replace(tokens=tokens)
    if not apart:
        decoder.bias = bias
    start = c.pad_token_id if c.decoder_start_token_id is None else c.decoder_start_token_id
    return EncoderDecoder(encoder, decoder, start=start, end=None, limit=None)


def _scale(c: T5Config) -> float:
    """Of the states before the layer that names words, where it is also the table of embeddings."""
    return c.d_model**-0.5 if c.tie_word_embeddings else 1.0


EXACT = ("down",)
"""What T5's feed-forward layers give does not fit into float16."""
WHOLE = "transformer."
"""How names of the trunk begin in models that name classes."""
HEADS = {
    Head.SEQ2SEQ: written_words(scale=_scale, shifted=False),
    Head.SEQUENCE: replace(END_CLASSES, prefix=WHOLE),
    Head.TOKENS: HeadSpec(
        lambda c: TokenClassifier(c.d_model, len(c.labels)), (rename("classifier", "out"),), prefix=WHOLE
    ),
    Head.SPANS: HeadSpec(lambda c: SpanPicker(c.d_model), (rename("qa_outputs", "out"),)),
}
FAMILIES = {
    "t5": Family(T5Config, t5, T5, "", HEADS, EncoderFirst, EXACT),
    "mt5": Family(Mt5Config, t5, T5, "", HEADS, EncoderFirst, EXACT),
    "umt5": Family(Umt5Config, partial(t5, apart=True), UMT5, "", HEADS, EncoderFirst, EXACT),
}
