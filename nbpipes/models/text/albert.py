"""ALBERT (https://arxiv.org/abs/1909.11942): BERT with narrow embeddings, and blocks that are used again and again."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.models.encoders import EMBEDDINGS, SPANS, TOKENS, Encoder, block, check_positions, classifier, words
from nbpipes.models.family import Family
from nbpipes.models.heads import Head

LAYER, OURS = "encoder.albert_layer_groups.{i}.albert_layers.{j}", "blocks.groups.{i}.{j}"
ALBERT = (
    *EMBEDDINGS,
    rename("encoder.embedding_hidden_mapping_in", "project"),
    rename(f"{LAYER}.attention.query", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.key", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.value", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.dense", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.attention.LayerNorm", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.ffn", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.ffn_output", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.full_layer_layer_norm", f"{OURS}.mlp.norm"),
)


@dataclass(frozen=True, kw_only=True)
class AlbertConfig(Config):
    """Config of ALBERT."""

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_size: int = 4096
    num_hidden_layers: int = 12
    num_hidden_groups: int = 1
    num_attention_heads: int = 64
    intermediate_size: int = 16384
    inner_group_num: int = 1
    hidden_act: str = "gelu_new"
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    position_embedding_type: str = "absolute"
    pad_token_id: int | None = 0


class SharedBlocks(nn.Module):
    """A deep stack from few blocks: each group of them does an equal share of the layers."""

    def __init__(self, groups: Iterable[Iterable[nn.Module]], layers: int) -> None:
        super().__init__()
        lists = [list(group) for group in groups]
        share = layers / len(lists)
        self.groups = nn.ModuleList(nn.ModuleList(group) for group in lists)
        self.order = [member for i in range(layers) for member in lists[int(i / share)]]

    def forward(self, x: Tensor, layout: Layout, *, keep: Tensor | None = None) -> Tensor:
        """x: `(tokens, width)`. keep: tokens whose final state is wanted (None: all)."""
        *body, last = self.order
        for member in body:
            x = member(x, layout)
        return last(x, layout, keep=keep)


def albert(c: AlbertConfig) -> Encoder:
    """The trunk of ALBERT."""
    check_positions(c.position_embedding_type)
    shape = (c.hidden_size, c.num_attention_heads, c.intermediate_size, c.hidden_act, c.layer_norm_eps)
    groups = ((block(*shape) for _ in range(c.inner_group_num)) for _ in range(c.num_hidden_groups))
    return Encoder(
        SharedBlocks(groups, c.num_hidden_layers),
        vocab=c.vocab_size,
        width=c.embedding_size,
        positions=c.max_position_embeddings,
        segments=c.type_vocab_size,
        eps=c.layer_norm_eps,
        project=Linear(c.embedding_size, c.hidden_size),
    )


FAMILIES = {
    "albert": Family(
        AlbertConfig,
        albert,
        ALBERT,
        "albert.",
        {
            Head.SEQUENCE: classifier(rename("albert.pooler", "dense"), rename("classifier", "out"), dense="tanh"),
            Head.TOKENS: TOKENS,
            Head.SPANS: SPANS,
            Head.MASKED: words(
                rename("predictions.dense", "dense"),
                rename("predictions.LayerNorm", "norm"),
                rename("predictions.bias", "decoder.bias"),
                rename("predictions.decoder.weight", "decoder.weight"),
                drop("predictions.decoder.bias"),  # a copy
                inner="embedding_size",
            ),
        },
    ),
}
