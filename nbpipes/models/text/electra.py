"""ELECTRA (https://arxiv.org/abs/2003.10555): BERT whose embeddings may be narrower than its blocks."""

from dataclasses import dataclass

from nbpipes.hub.weights import rename
from nbpipes.layers.linear import Linear
from nbpipes.models.encoders import (
    BERT,
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


@dataclass(frozen=True, kw_only=True)
class ElectraConfig(EncoderConfig):
    """Config of ELECTRA."""

    embedding_size: int = 128
    hidden_size: int = 256
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    type_vocab_size: int = 2
    position_embedding_type: str = "absolute"


def electra(c: ElectraConfig) -> Encoder:
    """The trunk of ELECTRA, generator or discriminator."""
    check_positions(c.position_embedding_type)
    return Encoder(
        blocks(c),
        vocab=c.vocab_size,
        width=c.embedding_size,
        positions=c.max_position_embeddings,
        segments=c.type_vocab_size,
        eps=c.layer_norm_eps,
        project=Linear(c.embedding_size, c.hidden_size) if c.embedding_size != c.hidden_size else None,
    )


FAMILIES = {
    "electra": Family(
        ElectraConfig,
        electra,
        (*BERT, rename("embeddings_project", "project")),
        "electra.",
        {
            Head.SEQUENCE: classifier(
                rename("classifier.dense", "dense"), rename("classifier.out_proj", "out"), dense="gelu"
            ),
            Head.TOKENS: TOKENS,
            Head.SPANS: SPANS,
            Head.MASKED: words(
                rename("generator_predictions.dense", "dense"),
                rename("generator_predictions.LayerNorm", "norm"),
                rename("generator_lm_head", "decoder"),
                act="gelu",
                inner="embedding_size",
            ),
        },
    ),
}
