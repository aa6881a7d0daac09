"""Heads: what stands on a trunk and turns its output into the record that a task reads."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nbpipes.layers.activations import activation
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.models.kinds import Head as Head
from nbpipes.models.outputs import Encoded, Logits, Spans, TokenLogits


class HeadModule(nn.Module):
    """A head. The trunk computes its last block only for the tokens that the head asks for."""

    def keep(self, layout: Layout) -> Tensor | None:
        """The tokens whose final hidden state is needed, None for all; as the batch asks, unless overridden."""
        return layout.rows


class BaseHead(HeadModule):
    """Gives the trunk's hidden states as they are."""

    def forward(self, encoded: Encoded, layout: Layout) -> Encoded:
        return encoded


class SequenceClassifier(HeadModule):
    """Classes of a whole sequence, from its first token; `dense` puts a layer with an activation in between."""

    def __init__(self, width: int, labels: int, *, dense: str | None = None) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width) if dense else None
        self.act = activation(dense) if dense else None
        self.out = nn.Linear(width, labels)

    def keep(self, layout: Layout) -> Tensor | None:
        return layout.starts

    def forward(self, encoded: Encoded, layout: Layout) -> Logits:
        x = encoded.hidden
        if self.dense is not None and self.act is not None:
            x = self.act(self.dense(x))
        return Logits(self.out(x))


class TokenClassifier(HeadModule):
    """Classes of each token."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, labels)

    def forward(self, encoded: Encoded, layout: Layout) -> TokenLogits:
        return TokenLogits(self.out(encoded.hidden))


class SpanPicker(HeadModule):
    """Where an answer begins and ends."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, 2)

    def forward(self, encoded: Encoded, layout: Layout) -> Spans:
        start, end = self.out(encoded.hidden).unbind(-1)
        return Spans(start, end)


class MaskedWords(HeadModule):
    """Words that fit at a token: dense, activation, norm, then the vocabulary."""

    def __init__(self, width: int, inner: int, vocab: int, act: str, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.dense, self.act, self.norm = nn.Linear(width, inner), activation(act), norm()
        self.decoder = nn.Linear(inner, vocab)

    def forward(self, encoded: Encoded, layout: Layout) -> TokenLogits:
        return TokenLogits(self.decoder(self.norm(self.act(self.dense(encoded.hidden)))))


class LastTokenClassifier(HeadModule):
    """Classes of a whole sequence, from its last token."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.out = nn.Linear(width, labels, bias=False)

    def keep(self, layout: Layout) -> Tensor | None:
        return layout.ends

    def forward(self, encoded: Encoded, layout: Layout) -> Logits:
        return Logits(self.out(encoded.hidden))


class NextWords(HeadModule):
    """Words that may follow. cap: softly bounds logits to ±cap."""

    def __init__(self, width: int, vocab: int, *, bias: bool = False, cap: float | None = None) -> None:
        super().__init__()
        self.out, self.cap = Linear(width, vocab, bias=bias), cap

    def words(self, hidden: Tensor) -> Tensor:
        """The logits of the next word after each hidden state, `(…, vocabulary)`."""
        logits = self.out(hidden)
        return logits if self.cap is None else torch.tanh(logits / self.cap) * self.cap

    def forward(self, encoded: Encoded, layout: Layout) -> TokenLogits:
        return TokenLogits(self.words(encoded.hidden))
