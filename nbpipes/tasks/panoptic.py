"""From what a model says of an image's places to its segments: the rules of SegFormer, DETR and the MaskFormers."""

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
    best, _ = _best(maps, size, torch.ones(len(maps)), 0)
    places = best.numpy()
    return [Segment(label, None, places == label) for label in np.unique(places).tolist()]


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
    owner, areas = _best(masks.sigmoid()[kept], size, scores, limits.mask)
    owned = torch.bincount(owner.flatten(), minlength=len(scores))
    found, owners = [], owner.numpy()
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


def _best(maps: Tensor, size: Size, weights: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """Which map is the largest at each place of an image of `size`, the first one of several: `(height, width)`; and
    at how many places each has at least `least`. maps: `(maps, height, width)`, to be multiplied by `weights`."""
    step = max(1, ROOM // (size[0] * size[1]))
    highest, best, counts = torch.full(size, -torch.inf), torch.zeros(size, dtype=torch.long), []
    for start in range(0, len(maps), step):
        part = F.interpolate(maps[None, start : start + step], size=size, mode="bilinear")[0]
        part *= weights[start : start + step, None, None]
        counts.append((part >= least).sum((1, 2)))
        values, places = part.max(0)
        better = values > highest
        highest, best = torch.where(better, values, highest), torch.where(better, places + start, best)
    return best, torch.cat(counts)
