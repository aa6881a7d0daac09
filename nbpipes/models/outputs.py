"""What models answer with: records of tensors that tasks can use without asking which model made them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

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
        return type(self)(**self._settings(), **tensors)

    def split(self, counts: Sequence[int]) -> list[Self]:
        """Cuts a batch into chunks. counts: rows of the per-token fields that belong to each chunk."""
        columns = {
            name: torch.split(value, list(counts)) if name in self.per_token else value.unbind(0)
            for name, value in self._tensors()
        }
        settings = self._settings()
        return [
            type(self)(**settings, **{name: parts[i] for name, parts in columns.items()}) for i in range(len(counts))
        ]

    def _settings(self) -> dict[str, Any]:
        """What is true of the whole batch. Anything else that is no tensor was for the head, and is left out."""
        values = ((item.name, getattr(self, item.name)) for item in fields(self))
        return {name: value for name, value in values if isinstance(value, int | float | str)}

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
class Cells(Output):
    """logits: `(tokens,)` that a token's cell is part of the answer; aggregation: `(batch, labels)` what is to be done
    with the chosen cells, where the model says."""

    logits: Tensor
    aggregation: Tensor | None = None
    per_token: ClassVar[frozenset[str]] = frozenset({"logits"})


@dataclass(slots=True)
class Seen(Output):
    """What a trunk sees in images. hidden: `(batch, tokens, width)`, or `(batch, channels, height, width)` of maps;
    pooled: one vector for each image, where the model has one; maps: of the stages, for heads, where the trunk has
    several, `(batch, channels, height, width)` each."""

    hidden: Tensor
    pooled: Tensor | None = None
    maps: tuple[Tensor, ...] | None = None


@dataclass(slots=True)
class SeenPatches(Output):
    """What a trunk sees in images of any shapes. hidden: `(patches, width)` of all, image after image; pooled: `(batch,
    width)`, where the model has it; lengths: patches of each image, for heads."""

    hidden: Tensor
    pooled: Tensor | None = None
    lengths: tuple[int, ...] = ()
    per_token: ClassVar[frozenset[str]] = frozenset({"hidden"})


@dataclass(slots=True)
class Pairs(Output):
    """logits: `(batch, texts)`, how well each text fits an item."""

    logits: Tensor


@dataclass(slots=True)
class Detections(Output):
    """Objects in images. boxes: `(batch, objects, 4)`, the middle's x and y, width and height, as parts of the image's.

    logits: `(batch, objects, labels + 1)`, of labels that exclude each other, the last one for "no object". Where
    `limit` is a number they are `(batch, objects, labels)`, each judged by itself with a sigmoid, and as many pairs of
    an object and a label count, the best ones. masks: `(batch, objects, height, width)`, logits of the pixels that
    belong to each object, on a map smaller than the image, where the model makes them.
    """

    logits: Tensor
    boxes: Tensor
    masks: Tensor | None = None
    limit: int | None = None


@dataclass(slots=True)
class DepthMaps(Output):
    """depth: `(batch, height, width)`, how far away each pixel is, or how near, as the model was trained."""

    depth: Tensor


@dataclass(slots=True)
class LabelMaps(Output):
    """logits: `(batch, labels, height, width)`, of each place on a map smaller than the image."""

    logits: Tensor


@dataclass(slots=True)
class Masks(Output):
    """Segments of images. logits: `(batch, segments, labels + 1)`, the last one for "no segment"; masks: `(batch,
    segments, height, width)`, logits of the places that belong to each, on a map smaller than the image."""

    logits: Tensor
    masks: Tensor
