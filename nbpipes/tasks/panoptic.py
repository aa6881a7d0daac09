"""From what a model says of an image's places to its segments: the rules of SegFormer, DETR and the MaskFormers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Size = tuple[int, int]
"""Height, width."""
ROOM = 1 << 24
"""Numbers that are resized at a time: with 150 labels, maps of a large photograph would fill the memory."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an image. label: its number. score: None where the rule knows none. mask: `(height, width)`, bool."""

    label: int
    score: float | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on segments count. score: of the label. mask: of a place, to belong to a mask. overlap: the part of
    its mask that a segment must have for itself."""

    score: float
    mask: float
    overlap: float


def label_segments(maps: Tensor, size: Size) -> list[Segment]:
    """For each label the places where it is the best one. maps: `(labels, height, width)`."""
    largest = Largest(size)
    for start, part in _resized(maps, size):
        largest.see(start, part)
    places, counts = largest.place.numpy(), largest.counts(len(maps))
    return [Segment(label, None, places == label) for label, count in enumerate(counts.tolist()) if count]


def label_maps(logits: Tensor, masks: Tensor) -> Tensor:
    """Masks that vote for their labels. logits: `(segments, labels + 1)`; masks: `(segments, height, width)`, logits.
    Returns `(labels, height, width)`."""
    return torch.einsum("qc,qhw->chw", logits.softmax(-1)[:, :-1], masks.sigmoid())


def panoptic_segments(logits: Tensor, masks: Tensor, size: Size, limits: Limits) -> list[Segment]:
    """Every place belongs to the mask that is best there; masks whose places mostly belong to others are left out.

    logits: `(segments, labels + 1)`; masks: `(segments, height, width)`, logits.
    """
    scores, labels = logits.softmax(-1).max(-1)
    kept = (labels != logits.shape[-1] - 1) & (scores > limits.score)
    if not kept.any():
        return []
    scores, labels = scores[kept], labels[kept]
    largest, parts = Largest(size), []
    for start, part in _resized(masks[kept].sigmoid(), size):
        part *= scores[start : start + len(part), None, None]
        parts.append((part >= limits.mask).sum((1, 2)))
        largest.see(start, part)
    areas, owned, owners = torch.cat(parts), largest.counts(len(scores)), largest.place.numpy()
    found = []
    for i, (score, label) in enumerate(zip(scores.tolist(), labels.tolist(), strict=True)):
        if owned[i] > 0 and areas[i] > 0 and (owned[i] / areas[i]).item() > limits.overlap:
            found.append(Segment(label, round(score, 6), owners == i))
    return found


def instance_segments(logits: Tensor, masks: Tensor, size: Size, limits: Limits) -> list[Segment]:
    """The best pairs of a mask and a label, as many as there are masks; later ones lie above earlier ones.

    logits: `(segments, labels + 1)`; masks: `(segments, height, width)`, logits.
    """
    count, labels = len(logits), logits.shape[-1] - 1
    # Unsorted as upstream: the order decides what lies above.
    scores, pairs = logits.softmax(-1)[:, :-1].flatten().topk(count, sorted=False)
    masks = masks[pairs // labels]
    inside = (masks > 0).float()
    sure = (masks.sigmoid() * inside).flatten(1).sum(1) / (inside.flatten(1).sum(1) + 1e-6)
    above, found = np.full(size, -1), []
    for score, pair, mask in zip((scores * sure).tolist(), pairs.tolist(), inside, strict=True):
        if score < limits.score:
            continue
        own = F.interpolate(mask[None, None], size=size, mode="nearest")[0, 0].numpy() == 1
        if own.any():
            above[own] = len(found)
            found.append((pair % labels, round(score, 6)))
    return [Segment(label, score, above == i) for i, (label, score) in enumerate(found)]


class Largest:
    """Which of many maps is the largest at each place, the first one of several, while they come in parts.

    place: `(height, width)`, its number.
    """

    def __init__(self, size: Size) -> None:
        self.place = torch.zeros(size, dtype=torch.long)
        self.value = torch.full(size, -torch.inf)

    def see(self, start: int, part: Tensor) -> None:
        """part: `(maps, height, width)`, of which the first has the number `start`."""
        values, places = part.max(0)
        better = values > self.value
        self.value, self.place = (
            torch.where(better, values, self.value),
            torch.where(better, places + start, self.place),
        )

    def counts(self, maps: int) -> Tensor:
        """At how many places each of so many maps is the largest."""
        return torch.bincount(self.place.flatten(), minlength=maps)


def _resized(maps: Tensor, size: Size) -> Iterator[tuple[int, Tensor]]:
    """Maps at the size of an image, some at a time, with the number of the first. maps: `(maps, height, width)`."""
    step = max(1, ROOM // (size[0] * size[1]))
    for start in range(0, len(maps), step):
        yield start, F.interpolate(maps[None, start : start + step], size=size, mode="bilinear")[0]
