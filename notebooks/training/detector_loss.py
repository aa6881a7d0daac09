"""How wrong a detector is: labels and boxes of objects, each matched to one answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = (0.22, 0.4)
"""Objects of a size (the root of their area, as a part of the picture) below these belong to the first and the second
map, others to the third."""


NEIGHBOURS = [(right, down) for right in (-1, 0, 1) for down in (-1, 0, 1)]


@dataclass(frozen=True, slots=True)
class Found:
    """logits: `(batch, answers, labels)`. boxes: `(batch, answers, 4)`, middle, width and height."""

    logits: Tensor
    boxes: Tensor


def lost(
    dense: Found,
    each: Sequence[Found],
    sizes: Sequence[tuple[int, int]],
    labels: Tensor,
    boxes: Tensor,
    *,
    strict: bool = False,
) -> dict[str, Tensor]:
    """The parts of the loss. dense: what is said of all places of maps of `sizes`. each: by each block of the decoder.
    labels: `(batch, objects)`, -1 for none. boxes: `(batch, objects, 4)`.

    strict: an object may be named by the place at its middle alone, not by its neighbours, and what is named twice
    costs more. It is for a model that knows the shapes already.
    """
    parts = dict(zip(("seen", "placed"), of_places(dense, sizes, labels, boxes, strict), strict=True))
    for number, found in enumerate(each, 1):
        parts |= dict(zip((f"label{number}", f"box{number}"), of_objects(found, labels, boxes, strict), strict=True))
    return parts


def too_sure(logits: Tensor, strict: bool) -> Tensor:
    """How much labels count that should not be said."""
    chance = logits.detach().sigmoid()
    return chance if strict else 0.75 * chance**2


def of_places(
    found: Found, sizes: Sequence[tuple[int, int]], labels: Tensor, boxes: Tensor, strict: bool
) -> tuple[Tensor, Tensor]:
    """Of the answers for all places of the maps. An object belongs to the place at its middle, on the map for its size;
    the places around that one are taught its box too, and unless `strict` may say its label or not."""
    targets, wanted = torch.zeros_like(found.logits), torch.zeros_like(found.boxes)
    counts, shares = torch.ones(found.logits.shape[:2]), torch.zeros(found.logits.shape[:2])
    there = labels >= 0
    span = (boxes[..., 2] * boxes[..., 3]).sqrt()
    level_of = (span >= LEVELS[0]).long() + (span >= LEVELS[1]).long()
    first = 0
    for level, (height, width) in enumerate(sizes):
        rows, which = torch.nonzero(there & (level_of == level), as_tuple=True)
        box, own = boxes[rows, which], labels[rows, which]
        column, row = ((box[:, axis] * side).long().clamp(0, side - 1) for axis, side in enumerate((width, height)))
        for right, down in NEIGHBOURS:
            x, y = column + right, row + down
            near = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            near &= ((x + 0.5) / width - box[:, 0]).abs() < box[:, 2] * 0.4
            near &= ((y + 0.5) / height - box[:, 1]).abs() < box[:, 3] * 0.4
            place = (first + y * width + x)[near]
            counts[rows[near], place] = float(strict)
            wanted[rows[near], place], shares[rows[near], place] = box[near], 0.5
        place = first + row * width + column
        wanted[rows, place], shares[rows, place] = box, 1.0
        targets[rows, place, own] = 1.0
        first += height * width
    counts[targets.amax(-1) > 0] = 1
    weights = torch.where(targets > 0, 1.0, too_sure(found.logits, strict)) * counts[..., None]
    wrong = F.binary_cross_entropy_with_logits(found.logits, targets, weights, reduction="sum")
    taught = shares > 0
    apart = distance(found.boxes[taught], wanted[taught]) * shares[taught]
    return wrong / there.sum().clamp(min=1), apart.sum() / shares.sum().clamp(min=1)


def of_objects(found: Found, labels: Tensor, boxes: Tensor, strict: bool) -> tuple[Tensor, Tensor]:
    """Of a decoder's answers: each object has one, which says the label the surer the better its box is."""
    rows, answers, which = matched(found, labels, boxes)
    good, wanted = found.boxes[rows, answers], boxes[rows, which]
    targets = torch.zeros_like(found.logits)
    with torch.no_grad():
        targets[rows, answers, labels[rows, which]] = overlap(good, wanted)[0].clamp(min=0.05)
        weights = torch.where(targets > 0, targets, too_sure(found.logits, strict))
    total = max(len(rows), 1)
    wrong = F.binary_cross_entropy_with_logits(found.logits, targets, weights, reduction="sum") / total
    return wrong, distance(good, wanted).sum() / total


@torch.no_grad()
def matched(found: Found, labels: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row, answer and object of pairs, the cheapest first; each object and each answer is in one pair at most."""
    there = labels >= 0
    chance = found.logits.sigmoid().gather(2, labels.clamp(min=0)[:, None].expand(-1, found.logits.shape[1], -1))
    ours, theirs = torch.broadcast_tensors(found.boxes[:, :, None], boxes[:, None])
    cost = -2 * chance + 5 * (ours - theirs).abs().sum(-1) - 2 * overlap(ours, theirs)[1]
    cost = cost.masked_fill(~there[:, None], torch.inf)
    count, objects = len(labels), labels.shape[1]
    pairs = []
    for _ in range(int(there.sum(1).max())):
        least, place = cost.flatten(1).min(1)
        row = torch.arange(count)[least < torch.inf]
        answer, thing = place[row] // objects, place[row] % objects
        cost[row, answer] = torch.inf
        cost[row, :, thing] = torch.inf
        pairs.append((row, answer, thing))
    rows, answers, which = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return rows, answers, which


def distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """How far boxes are from others: by their numbers, and by the room that they do not share."""
    return 5 * (ours - theirs).abs().sum(-1) + 2 * (1 - overlap(ours, theirs)[1])


def overlap(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Of boxes `(…, 4)`, what both cover of what either covers; and that less the gap between them, as a part of the
    box around both (https://arxiv.org/abs/1902.09630)."""
    (a, b), (c, d) = ((box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2) for box in (ours, theirs))
    both = (torch.minimum(b, d) - torch.maximum(a, c)).clamp(min=0).prod(-1)
    either = (b - a).prod(-1) + (d - c).prod(-1) - both
    around = (torch.maximum(b, d) - torch.minimum(a, c)).prod(-1)
    shared = both / either.clamp(min=1e-9)
    return shared, shared - (around - either) / around.clamp(min=1e-9)
