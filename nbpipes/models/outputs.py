"""What models answer with: records of tensors that tasks can use without asking which model made them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import torch
from torch import Tensor


@dataclass(slots=True)
class Output:
    """Tensors of one batch. Fields named in `per_token` have one row for each token, the others one for each chunk."""

    per_token: ClassVar[frozenset[str]] = frozenset()

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, name)

    def cpu(self) -> Self:
        """The same record in main memory, without gradients."""
        tensors = {name: value.detach().cpu() for name, value in self._tensors()}
        return type(self)(**tensors)

    def split(self, counts: Sequence[int]) -> list[Self]:
        """Cuts a batch into chunks. counts: rows of the per-token fields that belong to each chunk."""
        columns = {
            name: torch.split(value, list(counts)) if name in self.per_token else value.unbind(0)
            for name, value in self._tensors()
        }
        return [type(self)(**{name: parts[i] for name, parts in columns.items()}) for i in range(len(counts))]

    def _tensors(self) -> list[tuple[str, Tensor]]:
        values = ((item.name, getattr(self, item.name)) for item in fields(self))
        return [(name, value) for name, value in values if isinstance(value, Tensor)]


@dataclass(slots=True)
class Encoded(Output):
    """hidden: `(tokens, width)` of a packed batch."""

    hidden: Tensor
    per_token: ClassVar[frozenset[str]] = frozenset({"hidden"})


@dataclass(slots=True)
class Logits(Output):
    """logits: `(batch, labels)`."""

    logits: Tensor


@dataclass(slots=True)
class TokenLogits(Output):
    """logits: `(tokens, labels)`, or only the tokens that were asked for."""

    logits: Tensor
    per_token: ClassVar[frozenset[str]] = frozenset({"logits"})


@dataclass(slots=True)
class Spans(Output):
    """start, end: `(tokens,)` logits of an answer that begins, or ends, at the token."""

    start: Tensor
    end: Tensor
    per_token: ClassVar[frozenset[str]] = frozenset({"start", "end"})


@dataclass(slots=True)
class Seen(Output):
    """What a trunk sees in images. hidden: `(batch, tokens, width)`, or `(batch, channels, height, width)` of maps;
    pooled: one vector for each image, where the model has one."""

    hidden: Tensor
    pooled: Tensor | None = None


@dataclass(slots=True)
class Pairs(Output):
    """logits: `(batch, texts)`, how well each text fits an item."""

    logits: Tensor
