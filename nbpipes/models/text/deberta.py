"""DeBERTa (https://arxiv.org/abs/2006.03654), and its versions 2 and 3 (https://arxiv.org/abs/2111.09543)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.activations import activation
from nbpipes.layers.block import MLP, Block, Blocks, Residual
from nbpipes.layers.disentangled import Distances, FusedAttention, SeparateAttention, log_buckets
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.positions import distances
from nbpipes.models.encoders import (
    ATTENTION_OUTPUT,
    BERT_WORDS,
    EMBEDDINGS,
    FEED_FORWARD,
    LAYER,
    OURS,
    SPANS,
    TOKENS,
    words,
)
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head, SequenceClassifier
from nbpipes.models.outputs import Encoded

SHARED = (
    *EMBEDDINGS,
    rename("embeddings.embed_proj", "project"),
    rename("encoder.rel_embeddings", "distances"),
    *ATTENTION_OUTPUT,
    *FEED_FORWARD,
)
DEBERTA = (
    *SHARED,
    rename(f"{LAYER}.attention.self.in_proj", f"{OURS}.attn.layer.qkv"),
    rename(f"{LAYER}.attention.self.q_bias", f"{OURS}.attn.layer.q_bias"),
    rename(f"{LAYER}.attention.self.v_bias", f"{OURS}.attn.layer.v_bias"),
    rename(f"{LAYER}.attention.self.pos_proj", f"{OURS}.attn.layer.pos_k"),
    rename(f"{LAYER}.attention.self.pos_q_proj", f"{OURS}.attn.layer.pos_q"),
)
DEBERTA_V2 = (
    *SHARED,
    rename("encoder.LayerNorm", "distance_norm"),
    rename("encoder.conv.conv", "blocks.0.conv"),
    rename("encoder.conv.LayerNorm", "blocks.0.conv_norm"),
    rename(f"{LAYER}.attention.self.query_proj", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.self.key_proj", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.self.value_proj", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.self.pos_key_proj", f"{OURS}.attn.layer.pos_k"),
    rename(f"{LAYER}.attention.self.pos_query_proj", f"{OURS}.attn.layer.pos_q"),
)


def names(listed: str) -> tuple[str, ...]:
    """The names in a field such as "p2c|c2p"."""
    return tuple(name.strip() for name in listed.lower().split("|"))


@dataclass(frozen=True, kw_only=True)
class DebertaConfig(Config):
    """Config of DeBERTa."""

    vocab_size: int = 50265
    hidden_size: int = 768
    embedding_size: int | None = None
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    type_vocab_size: int = 0
    layer_norm_eps: float = 1e-7
    relative_attention: bool = False
    max_relative_positions: int = -1
    position_biased_input: bool = True
    pos_att_type: tuple[str, ...] | str | None = None
    pooler_hidden_act: str = "gelu"
    legacy: bool = True
    pad_token_id: int | None = 0

    def __post_init__(self) -> None:
        if not self.legacy:  # the newer head for masked words has no last layer of its own
            object.__setattr__(self, "tie_word_embeddings", True)

    @property
    def embedding_width(self) -> int:
        return self.embedding_size or self.hidden_size

    @property
    def kinds(self) -> tuple[str, ...]:
        """The scores to which distances contribute: "c2p", "p2c"."""
        kinds = self.pos_att_type or ()
        return names(kinds) if isinstance(kinds, str) else kinds

    @property
    def reach(self) -> int:
        """From which distance on tokens are equally far."""
        return self.max_position_embeddings if self.max_relative_positions < 1 else self.max_relative_positions


@dataclass(frozen=True, kw_only=True)
class DebertaV2Config(DebertaConfig):
    """Config of DeBERTa versions 2 and 3."""

    vocab_size: int = 128100
    hidden_size: int = 1536
    num_hidden_layers: int = 24
    num_attention_heads: int = 24
    intermediate_size: int = 6144
    position_buckets: int = -1
    share_att_key: bool = False
    norm_rel_ebd: str = "none"
    conv_kernel_size: int = 0
    conv_groups: int = 1
    conv_act: str = "tanh"


class ConvBlock(nn.Module):
    """A block that also adds a convolution of its input to its output, and norms the sum."""

    def __init__(
        self, attn: nn.Module, mlp: nn.Module, norm: Callable[[], nn.Module], *, conv: nn.Conv1d, act: str
    ) -> None:
        super().__init__()
        self.attn, self.mlp = Residual(attn, norm(), pre=False), Residual(mlp, norm(), pre=False)
        self.conv, self.conv_norm, self.act = conv, norm(), activation(act)

    def forward(
        self, x: Tensor, layout: Layout, *, keep: Tensor | None = None, distances: Distances | None = None
    ) -> Tensor:
        around = self.act(self._around(x, layout))
        out = self.mlp(self.attn(x, layout, keep=keep, distances=distances))
        return self.conv_norm(out + (around if keep is None else around[keep]))

    def _around(self, x: Tensor, layout: Layout) -> Tensor:
        gap = self.conv.kernel_size[0] // 2  # so many zeros between sequences, lest they see each other
        places = torch.arange(len(x), device=x.device) + gap * ((layout.positions == 0).cumsum(0) - 1)
        row = x.new_zeros(len(x) + gap * (len(layout.lengths) - 1), x.shape[1])
        row[places] = x
        return self.conv(row.T[None])[0].T[places]


class Deberta(nn.Module):
    """Bidirectional encoder whose attention looks at contents and distances.

    span: rows of the table of distances for either side. buckets: how many buckets distances are sorted in, or 0.
    """

    def __init__(
        self, c: DebertaConfig, blocks: Iterable[nn.Module], *, span: int, buckets: int = 0, distance_norm: bool = False
    ) -> None:
        super().__init__()
        width, inner = c.hidden_size, c.embedding_width
        self.tokens = nn.Embedding(c.vocab_size, inner)
        self.positions = nn.Embedding(c.max_position_embeddings, inner) if c.position_biased_input else None
        self.segments = nn.Embedding(c.type_vocab_size, inner) if c.type_vocab_size else None
        self.project = Linear(inner, width, bias=False) if inner != width else None
        self.norm = nn.LayerNorm(width, c.layer_norm_eps)
        self.distances = nn.Embedding(2 * span, width) if c.relative_attention else None
        self.distance_norm = nn.LayerNorm(width, c.layer_norm_eps) if distance_norm else None
        self.blocks = Blocks(blocks)
        self.limit = None if self.positions is None else c.max_position_embeddings
        self.span, self.buckets, self.reach = span, buckets, c.reach

    def forward(
        self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Encoded:
        x = self.tokens(input_ids)
        if self.positions is not None:
            x = x + self.positions(layout.positions)
        if self.segments is not None:
            x = x + (self.segments.weight[0] if token_type_ids is None else self.segments(token_type_ids))
        x = self.norm(x if self.project is None else self.project(x))
        return Encoded(self.blocks(x, layout, keep=keep, distances=self._distances(layout, x.device)))

    def _distances(self, layout: Layout, device: torch.device) -> Distances | None:
        if self.distances is None:
            return None
        places = distances(max(tile.length for tile in layout.tiles))
        if self.buckets:
            places = log_buckets(places, self.buckets, self.reach)
        places = (places + self.span).clamp(0, 2 * self.span - 1)
        first, last = int(places[0]), int(places[-1])  # short texts need few rows
        rows = self.distances.weight[first : last + 1]
        return Distances(rows if self.distance_norm is None else self.distance_norm(rows), (places - first).to(device))


def deberta(c: DebertaConfig) -> Deberta:
    """The trunk of version 1."""
    attention = partial(
        FusedAttention,
        c.hidden_size,
        c.num_attention_heads,
        kinds=c.kinds if c.relative_attention else (),
        parts=1 + len(c.kinds),  # known or not, unlike version 2
    )
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps)
    blocks = (
        Block(attention(), MLP(c.hidden_size, c.intermediate_size, c.hidden_act), norm, pre=False)
        for _ in range(c.num_hidden_layers)
    )
    return Deberta(c, blocks, span=c.reach)


def deberta_v2(c: DebertaV2Config) -> Deberta:
    """The trunk of versions 2 and 3."""
    attention = partial(
        SeparateAttention,
        c.hidden_size,
        c.num_attention_heads,
        kinds=c.kinds if c.relative_attention else (),
        parts=1 + len({"c2p", "p2c"}.intersection(c.kinds)),
        shared=c.share_att_key,
    )
    mlp = partial(MLP, c.hidden_size, c.intermediate_size, c.hidden_act)
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps)
    blocks: list[nn.Module] = [Block(attention(), mlp(), norm, pre=False) for _ in range(c.num_hidden_layers)]
    if c.conv_kernel_size > 0:
        size = c.conv_kernel_size
        conv = nn.Conv1d(c.hidden_size, c.hidden_size, size, padding=(size - 1) // 2, groups=c.conv_groups)
        blocks[0] = ConvBlock(attention(), mlp(), norm, conv=conv, act=c.conv_act)
    return Deberta(
        c,
        blocks,
        span=c.position_buckets if c.position_buckets > 0 else c.reach,
        buckets=max(c.position_buckets, 0),
        distance_norm="layer_norm" in names(c.norm_rel_ebd),
    )


HEADS = {
    Head.SEQUENCE: HeadSpec(
        lambda c: SequenceClassifier(c.hidden_size, len(c.labels), dense=c.pooler_hidden_act),
        (rename("pooler.dense", "dense"), rename("classifier", "out")),
    ),
    Head.TOKENS: TOKENS,
    Head.SPANS: SPANS,
    Head.MASKED: words(
        *BERT_WORDS,
        # The names of the released checkpoints, which upstream reads only where the config says "legacy": false.
        rename("lm_predictions.lm_head.dense", "dense"),
        rename("lm_predictions.lm_head.LayerNorm", "norm"),
        rename("lm_predictions.lm_head.bias", "decoder.bias"),
        inner="embedding_width",
    ),
}
FAMILIES = {
    "deberta": Family(DebertaConfig, deberta, DEBERTA, "deberta.", HEADS),
    "deberta-v2": Family(DebertaV2Config, deberta_v2, DEBERTA_V2, "deberta.", HEADS),
}
