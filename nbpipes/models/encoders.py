"""Heads that text encoders share; a family says only under which names a checkpoint stores them."""

from functools import partial

from torch import nn

from nbpipes.hub.weights import Rule, rename
from nbpipes.models.family import HeadSpec
from nbpipes.models.heads import MaskedWords, SequenceClassifier, SpanPicker, TokenClassifier

TOKENS = HeadSpec(lambda c: TokenClassifier(c.hidden_size, len(c.labels)), (rename("classifier", "out"),))
SPANS = HeadSpec(lambda c: SpanPicker(c.hidden_size), (rename("qa_outputs", "out"),))


def classifier(*rules: Rule, dense: str | None) -> HeadSpec:
    """Classes of a sequence from its first token; `dense` is the activation of the layer between, None for no layer."""
    return HeadSpec(lambda c: SequenceClassifier(c.hidden_size, len(c.labels), dense=dense), rules)


def words(*rules: Rule, act: str | None = None) -> HeadSpec:
    """Words for a masked token; the last layer shares the token embeddings. act: None = the config's hidden_act."""
    return HeadSpec(
        lambda c: MaskedWords(
            c.hidden_size,
            c.hidden_size,
            c.vocab_size,
            act or c.hidden_act,
            partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps),
        ),
        rules,
        {"decoder.weight": "tokens.weight"},
    )
