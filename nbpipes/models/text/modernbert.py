"""ModernBERT (https://arxiv.org/abs/2412.13663): rotary positions, gated feed-forward, and mostly local attention."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename, split
from nbpipes.layers.activations import activation
from nbpipes.layers.attention import Attention, Rotate
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.layers.positions import bias_by_length, distances, spread
from nbpipes.layers.rope import rotation
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head, HeadModule, SequenceClassifier, SpanPicker, TokenClassifier
from nbpipes.models.outputs import Encoded, Output, TokenLogits

LAYER, OURS = "layers.{i}", "blocks.{i}"
MODERNBERT = (
    rename("embeddings.tok_embeddings", "tokens"),
    rename("embeddings.norm", "first_norm"),
    rename("final_norm", "norm"),
    rename(f"{LAYER}.attn_norm", f"{OURS}.attn.norm"),
    split(f"{LAYER}.attn.Wqkv", *(f"{OURS}.attn.layer.{name}" for name in "qkv")),
    rename(f"{LAYER}.attn.Wo", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.mlp_norm", f"{OURS}.mlp.norm"),
    split(f"{LAYER}.mlp.Wi", f"{OURS}.mlp.layer.gate", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.mlp.Wo", f"{OURS}.mlp.layer.down"),
)


@dataclass(frozen=True, kw_only=True)
class ModernBertConfig(Config):
    """Config of ModernBERT."""

    vocab_size: int = 50368
    hidden_size: int = 768
    intermediate_size: int = 1152
    num_hidden_layers: int = 22
    num_attention_heads: int = 12
    hidden_activation: str = "gelu"
    norm_eps: float = 1e-5
    norm_bias: bool = False
    global_rope_theta: float = 160000.0
    attention_bias: bool = False
    global_attn_every_n_layers: int = 3
    local_attention: int = 128
    local_rope_theta: float | None = 10000.0
    mlp_bias: bool = False
    decoder_bias: bool = True
    classifier_pooling: str = "cls"
    classifier_bias: bool = False
    classifier_activation: str = "gelu"
    pad_token_id: int | None = 50283


class Near(NamedTuple):
    """What local attention takes where global attention takes other things: its rotation, and its window."""

    rotate: Rotate
    window: ScoreBias


class SightedAttention(Attention):
    """Attention that is either local, to the tokens near by, or global."""

    def __init__(self, width: int, heads: int, *, bias: bool, local: bool) -> None:
        super().__init__(width, heads, bias=bias)
        self.local = local

    def forward(
        self,
        x: Tensor,
        layout: Layout,
        *,
        keep: Tensor | None = None,
        bias: ScoreBias | None = None,
        rotate: Rotate | None = None,
        near: Near | None = None,
    ) -> Tensor:
        if self.local and near is not None:
            bias, rotate = near.window, near.rotate
        return super().forward(x, layout, keep=keep, bias=bias, rotate=rotate)


def window(reach: int, dtype: torch.dtype, device: torch.device) -> ScoreBias:
    """Hides tokens that are more than `reach` away."""

    def made(length: int) -> Tensor | None:
        if length - 1 <= reach:
            return None
        hidden = spread(distances(length, device).abs() > reach)
        seen = torch.zeros(1, 1, length, length, dtype=dtype, device=device)
        return seen.masked_fill_(hidden, torch.finfo(dtype).min)

    return bias_by_length(made)


class ModernBert(nn.Module):
    """Bidirectional encoder with a norm before each step, none before the first, and one after the last."""

    def __init__(self, c: ModernBertConfig) -> None:
        super().__init__()
        norm = partial(nn.LayerNorm, c.hidden_size, c.norm_eps, bias=c.norm_bias)
        self.tokens, self.first_norm, self.norm = nn.Embedding(c.vocab_size, c.hidden_size), norm(), norm()
        self.blocks = Blocks(
            Block(
                SightedAttention(
                    c.hidden_size,
                    c.num_attention_heads,
                    bias=c.attention_bias,
                    local=i % c.global_attn_every_n_layers != 0,
                ),
                MLP(c.hidden_size, c.intermediate_size, c.hidden_activation, bias=c.mlp_bias, gated=True),
                norm,
                pre=True,
            )
            for i in range(c.num_hidden_layers)
        )
        self.blocks[0].attn.norm = nn.Identity()  # embeddings are normed already
        self.head_width, self.reach = c.hidden_size // c.num_attention_heads, c.local_attention // 2
        self.far = c.global_rope_theta
        self.near = c.global_rope_theta if c.local_rope_theta is None else c.local_rope_theta

    def forward(self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Encoded:
        x = self.first_norm(self.tokens(input_ids))
        turn = partial(rotation, layout.positions, self.head_width, dtype=x.dtype)
        near = Near(turn(base=self.near), window(self.reach, x.dtype, x.device))
        x = self.blocks(x, layout, keep=keep, rotate=turn(base=self.far), near=near)
        return Encoded(self.norm(x))


class Words(HeadModule):
    """Words that fit at a token, of the whole vocabulary."""

    def __init__(self, width: int, vocab: int, *, bias: bool) -> None:
        super().__init__()
        self.out = nn.Linear(width, vocab, bias=bias)

    def forward(self, encoded: Encoded, layout: Layout) -> TokenLogits:
        return TokenLogits(self.out(encoded.hidden))


class Refined(HeadModule):
    """A layer with activation and norm before another head. mean: it sees the mean of all tokens, not the first."""

    def __init__(self, c: ModernBertConfig, head: HeadModule, *, mean: bool = False) -> None:
        super().__init__()
        self.dense = nn.Linear(c.hidden_size, c.hidden_size, bias=c.classifier_bias)
        self.act = activation(c.classifier_activation)
        self.norm = nn.LayerNorm(c.hidden_size, c.norm_eps, bias=c.norm_bias)
        self.head, self.mean = head, mean

    def keep(self, layout: Layout) -> Tensor | None:
        return None if self.mean else self.head.keep(layout)

    def forward(self, encoded: Encoded, layout: Layout) -> Output:
        x = encoded.hidden
        if self.mean:
            x = torch.stack([tokens.mean(0) for tokens in x.split(layout.lengths)])
        return self.head(Encoded(self.norm(self.act(self.dense(x)))), layout)


def sequence_head(c: ModernBertConfig) -> Refined:
    """Classes of a sequence, from its first token or from the mean of all."""
    if c.classifier_pooling not in ("cls", "mean"):
        raise ValueError(f"classifier_pooling is {c.classifier_pooling!r}; it must be 'cls' or 'mean'")
    head = SequenceClassifier(c.hidden_size, len(c.labels))
    return Refined(c, head, mean=c.classifier_pooling == "mean")


REFINE = (rename("head.dense", "dense"), rename("head.norm", "norm"))
ANSWER = (*REFINE, rename("classifier", "head.out"))
FAMILIES = {
    "modernbert": Family(
        ModernBertConfig,
        ModernBert,
        MODERNBERT,
        "model.",
        {
            Head.SEQUENCE: HeadSpec(sequence_head, ANSWER),
            Head.TOKENS: HeadSpec(lambda c: Refined(c, TokenClassifier(c.hidden_size, len(c.labels))), ANSWER),
            Head.SPANS: HeadSpec(lambda c: Refined(c, SpanPicker(c.hidden_size)), ANSWER),
            Head.MASKED: HeadSpec(
                lambda c: Refined(c, Words(c.hidden_size, c.vocab_size, bias=c.decoder_bias)),
                (*REFINE, rename("decoder", "head.out")),
                {"head.out.weight": "tokens.weight"},
            ),
        },
    ),
}
