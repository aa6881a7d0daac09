"""BERT (https://arxiv.org/abs/1810.04805) and encoders built like it: RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT."""

from dataclasses import dataclass

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.block import Blocks
from nbpipes.models.encoders import (
    BERT,
    BERT_WORDS,
    EMBEDDINGS,
    OURS,
    ROBERTA_HEADS,
    SPANS,
    TOKENS,
    Encoder,
    EncoderConfig,
    block,
    blocks,
    check_positions,
    classifier,
    words,
)
from nbpipes.models.family import Family
from nbpipes.models.heads import Head

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
class BertConfig(EncoderConfig):
    """Config of BERT."""

    type_vocab_size: int = 2
    position_embedding_type: str = "absolute"


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


def bert(c: BertConfig, padding: int | None = None) -> Encoder:
    """The trunk of BERT; with `padding` that of RoBERTa."""
    check_positions(c.position_embedding_type)
    return Encoder(
        blocks(c),
        vocab=c.vocab_size,
        width=c.hidden_size,
        positions=c.max_position_embeddings,
        segments=c.type_vocab_size,
        eps=c.layer_norm_eps,
        padding=padding,
    )


def roberta(c: RobertaConfig) -> Encoder:
    """The trunk of RoBERTa, XLM-RoBERTa and CamemBERT."""
    return bert(c, padding=1 if c.pad_token_id is None else c.pad_token_id)


def distilbert(c: DistilBertConfig) -> Encoder:
    """The trunk of DistilBERT: BERT without segments."""
    return Encoder(
        Blocks(block(c.dim, c.n_heads, c.hidden_dim, c.activation, c.layer_norm_eps) for _ in range(c.n_layers)),
        vocab=c.vocab_size,
        width=c.dim,
        positions=c.max_position_embeddings,
        segments=0,
        eps=c.layer_norm_eps,
    )


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
            Head.MASKED: words(*BERT_WORDS),
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
