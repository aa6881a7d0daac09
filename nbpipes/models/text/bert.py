"""BERT (https://arxiv.org/abs/1810.04805) and encoders built like it: RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT."""

from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.packing import Layout
from nbpipes.models.encoders import SPANS, TOKENS, classifier, words
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.outputs import Encoded

EMBEDDINGS = (
    rename("embeddings.word_embeddings", "tokens"),
    rename("embeddings.position_embeddings", "positions"),
    rename("embeddings.token_type_embeddings", "segments"),
    rename("embeddings.LayerNorm", "norm"),
)
LAYER, OURS = "encoder.layer.{i}", "blocks.{i}"
BERT = (
    *EMBEDDINGS,
    rename(f"{LAYER}.attention.self.query", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.self.key", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.self.value", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.output.dense", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.attention.output.LayerNorm", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.intermediate.dense", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.output.dense", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.output.LayerNorm", f"{OURS}.mlp.norm"),
)
DISTIL = "transformer.layer.{i}"
DISTILBERT = (
    *EMBEDDINGS,
    rename(f"{DISTIL}.attention.q_lin", f"{OURS}.attn.layer.q"),
    rename(f"{DISTIL}.attention.k_lin", f"{OURS}.attn.layer.k"),
    rename(f"{DISTIL}.attention.v_lin", f"{OURS}.attn.layer.v"),
    rename(f"{DISTIL}.attention.out_lin", f"{OURS}.attn.layer.out"),
    rename(f"{DISTIL}.sa_layer_norm", f"{OURS}.attn.norm"),
    rename(f"{DISTIL}.ffn.lin1", f"{OURS}.mlp.layer.up"),
    rename(f"{DISTIL}.ffn.lin2", f"{OURS}.mlp.layer.down"),
    rename(f"{DISTIL}.output_layer_norm", f"{OURS}.mlp.norm"),
)


@dataclass(frozen=True, kw_only=True)
class BertConfig(Config):
    """Config of BERT."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0


@dataclass(frozen=True, kw_only=True)
class RobertaConfig(BertConfig):
    """Config of RoBERTa and its like."""

    vocab_size: int = 50265
    pad_token_id: int | None = 1


@dataclass(frozen=True, kw_only=True)
class XlmRobertaConfig(RobertaConfig):
    """Config of XLM-RoBERTa and CamemBERT, whose default vocabulary upstream leaves at BERT's."""

    vocab_size: int = 30522


@dataclass(frozen=True, kw_only=True)
class DistilBertConfig(Config):
    """Config of DistilBERT."""

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    n_layers: int = 6
    n_heads: int = 12
    dim: int = 768
    hidden_dim: int = 3072
    activation: str = "gelu"
    pad_token_id: int | None = 0

    @property
    def hidden_size(self) -> int:
        return self.dim

    @property
    def hidden_act(self) -> str:
        return self.activation

    @property
    def layer_norm_eps(self) -> float:
        return 1e-12


class Bert(nn.Module):
    """Bidirectional encoder with learned positions; counts them from the padding id on where `padding` is given."""

    def __init__(
        self,
        *,
        vocab: int,
        width: int,
        positions: int,
        segments: int,
        blocks: int,
        heads: int,
        middle: int,
        act: str,
        eps: float,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        norm = partial(nn.LayerNorm, width, eps)
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(positions, width)
        self.segments = nn.Embedding(segments, width) if segments else None
        self.norm, self.padding = norm(), padding
        self.limit = positions if padding is None else positions - padding - 1
        self.blocks = Blocks(
            Block(Attention(width, heads), MLP(width, middle, act), norm, pre=False) for _ in range(blocks)
        )

    def forward(
        self,
        input_ids: Tensor,
        layout: Layout,
        keep: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> Encoded:
        x = self.tokens(input_ids)
        if self.segments is not None:
            x = x + (self.segments.weight[0] if token_type_ids is None else self.segments(token_type_ids))
        x = self.norm(x + self.positions(self._places(input_ids, layout)))
        return Encoded(self.blocks(x, layout, keep=keep))

    def _places(self, input_ids: Tensor, layout: Layout) -> Tensor:
        if self.padding is None:
            return layout.positions
        seen = input_ids != self.padding  # a text may hold the padding token itself: it does not count
        return layout.running_count(seen) * seen + self.padding


def bert(c: BertConfig, padding: int | None = None) -> Bert:
    """The trunk of BERT; with `padding` that of RoBERTa."""
    return Bert(
        vocab=c.vocab_size,
        width=c.hidden_size,
        positions=c.max_position_embeddings,
        segments=c.type_vocab_size,
        blocks=c.num_hidden_layers,
        heads=c.num_attention_heads,
        middle=c.intermediate_size,
        act=c.hidden_act,
        eps=c.layer_norm_eps,
        padding=padding,
    )


def roberta(c: RobertaConfig) -> Bert:
    """The trunk of RoBERTa, XLM-RoBERTa and CamemBERT."""
    return bert(c, padding=1 if c.pad_token_id is None else c.pad_token_id)


def distilbert(c: DistilBertConfig) -> Bert:
    """The trunk of DistilBERT: BERT without segments."""
    return Bert(
        vocab=c.vocab_size,
        width=c.hidden_size,
        positions=c.max_position_embeddings,
        segments=0,
        blocks=c.n_layers,
        heads=c.n_heads,
        middle=c.hidden_dim,
        act=c.hidden_act,
        eps=c.layer_norm_eps,
    )


ROBERTA_HEADS = {
    Head.SEQUENCE: classifier(rename("classifier.dense", "dense"), rename("classifier.out_proj", "out"), dense="tanh"),
    Head.TOKENS: TOKENS,
    Head.SPANS: SPANS,
    Head.MASKED: words(
        rename("lm_head.dense", "dense"),
        rename("lm_head.layer_norm", "norm"),
        rename("lm_head.bias", "decoder.bias"),
        rename("lm_head.decoder.weight", "decoder.weight"),
        act="gelu",
    ),
}

FAMILIES = {
    "bert": Family(
        BertConfig,
        bert,
        BERT,
        "bert.",
        {
            Head.SEQUENCE: classifier(rename("bert.pooler.dense", "dense"), rename("classifier", "out"), dense="tanh"),
            Head.TOKENS: TOKENS,
            Head.SPANS: SPANS,
            Head.MASKED: words(
                rename("cls.predictions.transform.dense", "dense"),
                rename("cls.predictions.transform.LayerNorm", "norm"),
                rename("cls.predictions.bias", "decoder.bias"),
                rename("cls.predictions.decoder.weight", "decoder.weight"),
            ),
        },
    ),
    "distilbert": Family(
        DistilBertConfig,
        distilbert,
        DISTILBERT,
        "distilbert.",
        {
            Head.SEQUENCE: classifier(rename("pre_classifier", "dense"), rename("classifier", "out"), dense="relu"),
            Head.TOKENS: TOKENS,
            Head.SPANS: SPANS,
            Head.MASKED: words(
                rename("vocab_transform", "dense"),
                rename("vocab_layer_norm", "norm"),
                rename("vocab_projector", "decoder"),
            ),
        },
    ),
    "roberta": Family(RobertaConfig, roberta, BERT, "roberta.", ROBERTA_HEADS),
    "xlm-roberta": Family(XlmRobertaConfig, roberta, BERT, "roberta.", ROBERTA_HEADS),
    "camembert": Family(XlmRobertaConfig, roberta, BERT, "roberta.", ROBERTA_HEADS),
}
