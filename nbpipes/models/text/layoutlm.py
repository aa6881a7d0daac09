"""LayoutLM (https://arxiv.org/abs/1912.13318): BERT that also reads where on a page each word stands."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.packing import Layout
from nbpipes.models.encoders import (
    BERT,
    BERT_WORDS,
    SPANS,
    TOKENS,
    Encoder,
    EncoderConfig,
    blocks,
    check_positions,
    classifier,
    words,
)
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.outputs import Encoded

LAYOUTLM = (
    *BERT,
    rename("embeddings.x_position_embeddings", "x"),
    rename("embeddings.y_position_embeddings", "y"),
    rename("embeddings.h_position_embeddings", "height"),
    rename("embeddings.w_position_embeddings", "width"),
)
POOLER = drop("layoutlm.pooler.dense")
"""Every checkpoint has it, only classes of whole pages need it."""


@dataclass(frozen=True, kw_only=True)
class LayoutLMConfig(EncoderConfig):
    """Config of LayoutLM. max_2d_position_embeddings: coordinates on a page, of which 0 to 1000 are used."""

    type_vocab_size: int = 2
    position_embedding_type: str = "absolute"
    max_2d_position_embeddings: int = 1024


class PageEncoder(Encoder):
    """BERT with tables of places on a page: of the sides of each token's box, and of its width and height."""

    def __init__(self, c: LayoutLMConfig) -> None:
        check_positions(c.position_embedding_type)
        super().__init__(
            blocks(c),
            vocab=c.vocab_size,
            width=c.hidden_size,
            positions=c.max_position_embeddings,
            segments=c.type_vocab_size,
            eps=c.layer_norm_eps,
        )
        count = c.max_2d_position_embeddings
        self.x, self.y, self.width, self.height = (nn.Embedding(count, c.hidden_size) for _ in range(4))

    def place(self, boxes: Tensor) -> Tensor:
        """What boxes, `(tokens, 4)`, add to the tokens: left, upper, right and lower side. InputError for others."""
        left, top, right, bottom = boxes.unbind(-1)
        sides = torch.cat((boxes, (right - left)[:, None], (bottom - top)[:, None]), 1)
        if ((sides < 0) | (sides >= self.x.num_embeddings)).any():
            raise InputError("boxes are [left, upper, right, lower] with left <= right and upper <= lower, 0 to 1000")
        across = self.x(left) + self.x(right) + self.width(right - left)
        return across + self.y(top) + self.y(bottom) + self.height(bottom - top)

    def forward(
        self,
        input_ids: Tensor,
        layout: Layout,
        keep: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        bbox: Tensor | None = None,
    ) -> Encoded:
        """bbox: `(tokens, 4)` the box of each token's word, in thousandths of the page; None puts all at (0, 0)."""
        boxes = input_ids.new_zeros(len(input_ids), 4) if bbox is None else bbox
        segments = self.segments
        x = self.tokens(input_ids) + self.positions(layout.positions) + self.place(boxes)
        if segments is not None:
            x = x + (segments.weight[0] if token_type_ids is None else segments(token_type_ids))
        return Encoded(self.blocks(self.norm(x), layout, keep=keep))


FAMILIES = {
    "layoutlm": Family(
        LayoutLMConfig,
        PageEncoder,
        LAYOUTLM,
        "layoutlm.",
        {
            Head.SEQUENCE: classifier(
                rename("layoutlm.pooler.dense", "dense"), rename("classifier", "out"), dense="tanh"
            ),
            Head.TOKENS: replace(TOKENS, rules=(*TOKENS.rules, POOLER)),
            Head.SPANS: replace(SPANS, rules=(*SPANS.rules, POOLER)),
            Head.MASKED: words(POOLER, *BERT_WORDS),
        },
    ),
}
