"""MPNet (https://arxiv.org/abs/2004.09297): RoBERTa with relative positions besides the absolute ones."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.layers.positions import bias_by_length, buckets, distances, spread
from nbpipes.models.encoders import EMBEDDINGS, FEED_FORWARD, LAYER, OURS, ROBERTA_HEADS, Encoder, EncoderConfig, blocks
from nbpipes.models.family import Family
from nbpipes.models.outputs import Encoded

MPNET = (
    *EMBEDDINGS,
    rename("encoder.relative_attention_bias", "distances"),
    rename(f"{LAYER}.attention.attn.q", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.attn.k", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.attn.v", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.attn.o", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.attention.LayerNorm", f"{OURS}.attn.norm"),
    *FEED_FORWARD,
)
BUCKETS, REACH = 32, 128
"""Upstream sorts distances by these, whatever the config says of the number of buckets."""


@dataclass(frozen=True, kw_only=True)
class MPNetConfig(EncoderConfig):
    """Config of MPNet."""

    vocab_size: int = 30527
    relative_attention_num_buckets: int = 32
    pad_token_id: int | None = 1


class MPNet(Encoder):
    """Encoder that adds to the scores, in all blocks, what a table has for the distance of two tokens."""

    def __init__(self, c: MPNetConfig) -> None:
        super().__init__(
            blocks(c),
            vocab=c.vocab_size,
            width=c.hidden_size,
            positions=c.max_position_embeddings,
            segments=0,
            eps=c.layer_norm_eps,
            padding=1,  # not the config's pad_token_id
        )
        self.distances = nn.Embedding(c.relative_attention_num_buckets, c.num_attention_heads)

    def forward(
        self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Encoded:
        x = self.embed(input_ids, layout, token_type_ids)
        return Encoded(self.blocks(x, layout, keep=keep, bias=self._bias(x.device)))

    def _bias(self, device: torch.device) -> ScoreBias:
        def made(length: int) -> Tensor:
            values = self.distances(buckets(distances(length, device), BUCKETS, REACH))
            return spread(values.T)[None]

        return bias_by_length(made)


FAMILIES = {"mpnet": Family(MPNetConfig, MPNet, MPNET, "mpnet.", ROBERTA_HEADS)}
