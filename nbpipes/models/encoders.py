"""What text encoders share: rules from stored names to ours, a trunk, heads. A family says what it does otherwise."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.packing import Layout
from nbpipes.layers.positions import counted_positions
from nbpipes.models.family import HeadSpec
from nbpipes.models.heads import Head, MaskedWords, SequenceClassifier, SpanPicker, TokenClassifier
from nbpipes.models.outputs import Encoded

LAYER, OURS = "encoder.layer.{i}", "blocks.{i}"
EMBEDDINGS = (
    rename("embeddings.word_embeddings", "tokens"),
    rename("embeddings.position_embeddings", "positions"),
    rename("embeddings.token_type_embeddings", "segments"),
    rename("embeddings.LayerNorm", "norm"),
    drop("embeddings.position_ids"),
)
ATTENTION_INPUT = (
    rename(f"{LAYER}.attention.self.query", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.self.key", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.self.value", f"{OURS}.attn.layer.v"),
)
ATTENTION_OUTPUT = (
    rename(f"{LAYER}.attention.output.dense", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.attention.output.LayerNorm", f"{OURS}.attn.norm"),
)
FEED_FORWARD = (
    rename(f"{LAYER}.intermediate.dense", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.output.dense", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.output.LayerNorm", f"{OURS}.mlp.norm"),
)
BERT = (*EMBEDDINGS, *ATTENTION_INPUT, *ATTENTION_OUTPUT, *FEED_FORWARD)
"""The trunk of BERT, as many others store theirs too."""


def check_positions(kind: str) -> None:
    """ValueError for kinds of positions other than learned absolute ones, which a config may ask for."""
    if kind != "absolute":
        raise ValueError(f"position_embedding_type {kind!r} is not supported, only 'absolute'")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Config):
    """What the configs of encoders built like BERT have in common."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0


def block(width: int, heads: int, middle: int, act: str, eps: float) -> Block:
    """The block of BERT: attention and feed-forward, with a norm after each."""
    norm = partial(nn.LayerNorm, width, eps)
    return Block(Attention(width, heads), MLP(width, middle, act), norm, pre=False)


def blocks(c: EncoderConfig) -> Blocks:
    """The blocks of an encoder built like BERT."""
    shape = (c.hidden_size, c.num_attention_heads, c.intermediate_size, c.hidden_act, c.layer_norm_eps)
    return Blocks(block(*shape) for _ in range(c.num_hidden_layers))


class Encoder(nn.Module):
    """Bidirectional encoder: embeddings of tokens, positions and segments are added, normed, and go through blocks.

    width: of the embeddings; `project` leads from there to the blocks. segments: how many, or 0. padding: the id from
    which on positions are counted, None to count from 0.
    """

    def __init__(
        self,
        blocks: nn.Module,
        *,
        vocab: int,
        width: int,
        positions: int,
        segments: int,
        eps: float,
        padding: int | None = None,
        project: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(positions, width)
        self.segments = nn.Embedding(segments, width) if segments else None
        self.norm, self.padding, self.project = nn.LayerNorm(width, eps), padding, project
        self.blocks = blocks
        self.limit = positions if padding is None else positions - padding - 1

    def embed(self, input_ids: Tensor, layout: Layout, token_type_ids: Tensor | None = None) -> Tensor:
        """What goes into the first block, `(tokens, width of the blocks)`."""
        x = self.tokens(input_ids)
        if self.segments is not None:
            x = x + (self.segments.weight[0] if token_type_ids is None else self.segments(token_type_ids))
        places = layout.positions
        if self.padding is not None:
            places = counted_positions(input_ids, layout, self.padding)
        x = self.norm(x + self.positions(places))
        return x if self.project is None else self.project(x)

    def forward(
        self,
        input_ids: Tensor,
        layout: Layout,
        keep: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> Encoded:
        return Encoded(self.blocks(self.embed(input_ids, layout, token_type_ids), layout, keep=keep))


TOKENS = HeadSpec(lambda c: TokenClassifier(c.hidden_size, len(c.labels)), (rename("classifier", "out"),))
SPANS = HeadSpec(lambda c: SpanPicker(c.hidden_size), (rename("qa_outputs", "out"),))


def classifier(*rules: Rule, dense: str | None) -> HeadSpec:
    """Classes of a sequence from its first token; `dense` is the activation of the layer between, None for no layer."""
    return HeadSpec(lambda c: SequenceClassifier(c.hidden_size, len(c.labels), dense=dense), rules)


def words(*rules: Rule, act: str | None = None, inner: str = "hidden_size") -> HeadSpec:
    """Words for a masked token; the last layer shares the token embeddings.

    act: None = the config's hidden_act. inner: the field of the config that holds the width of the token embeddings.
    """

    def build(c: Any) -> MaskedWords:
        width = getattr(c, inner)
        norm = partial(nn.LayerNorm, width, c.layer_norm_eps)
        return MaskedWords(c.hidden_size, width, c.vocab_size, act or c.hidden_act, norm)

    return HeadSpec(build, rules, {"decoder.weight": "tokens.weight"})


BERT_WORDS = (
    rename("cls.predictions.transform.dense", "dense"),
    rename("cls.predictions.transform.LayerNorm", "norm"),
    rename("cls.predictions.bias", "decoder.bias"),
    rename("cls.predictions.decoder.weight", "decoder.weight"),
    drop("cls.predictions.decoder.bias"),  # a copy
)
"""The head for masked words of BERT, whose names others took over."""
ROBERTA_HEADS = {
    Head.SEQUENCE: classifier(rename("classifier.dense", "dense"), rename("classifier.out_proj", "out"), dense="tanh"),
    Head.TOKENS: TOKENS,
    Head.SPANS: SPANS,
    Head.MASKED: words(
        rename("lm_head.dense", "dense"),
        rename("lm_head.layer_norm", "norm"),
        rename("lm_head.bias", "decoder.bias"),
        rename("lm_head.decoder.weight", "decoder.weight"),
        drop("lm_head.decoder.bias"),  # a copy
        act="gelu",
    ),
}
"""The heads of RoBERTa, whose names others took over."""
