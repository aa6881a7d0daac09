"""How good a detector and a segmenter are on scenes of shapes, by the figures that are usual for them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from shapes_scenes import LABELS, Box, Scene

IOUS = [0.5 + 0.05 * step for step in range(10)]
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, slots=True)
class Boxes:
    """Of a detector. precision: the mean average precision over IOUS (COCO's); half: at an overlap of one half alone.
    overlap: the mean one of objects found with that much. counted: part of pictures in which each label is found as
    often as it is there, with the score that a pipeline asks for."""

    precision: float
    half: float
    overlap: float
    counted: float


def boxes(found: Sequence[Sequence[dict[str, Any]]], scenes: Sequence[Scene], threshold: float = 0.5) -> Boxes:
    """found: what a pipeline answers for each scene, with answers of all scores."""
    means = [fmean(precision(found, scenes, label, least) for label in LABELS) for least in IOUS]
    overlaps, right = [], 0
    for answers, scene in zip(found, scenes, strict=True):
        sure = [one for one in answers if one["score"] > threshold]
        right += Counter(one["label"] for one in sure) == Counter(thing.label for thing in scene.things)
        for thing in scene.things:
            best = max((overlap(box_of(one), thing.box) for one in sure if one["label"] == thing.label), default=0.0)
            overlaps += [best] if best >= 0.5 else []
    return Boxes(fmean(means), means[0], fmean(overlaps or [0.0]), right / len(scenes))


def precision(found: Sequence[Sequence[dict[str, Any]]], scenes: Sequence[Scene], label: str, least: float) -> float:
    """Average precision of one label: the mean of the best precision at 101 parts of all objects found."""
    hits: list[tuple[float, bool]] = []
    total = 0
    for answers, scene in zip(found, scenes, strict=True):
        left = [thing.box for thing in scene.things if thing.label == label]
        total += len(left)
        for one in sorted((one for one in answers if one["label"] == label), key=lambda one: -one["score"]):
            best, place = max(((overlap(box_of(one), box), place) for place, box in enumerate(left)), default=(0.0, 0))
            if best >= least:
                del left[place]
            hits.append((one["score"], best >= least))
    right = np.cumsum([hit for _, hit in sorted(hits, key=lambda pair: -pair[0])])
    if not len(right):
        return 0.0
    share = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(share[::-1])[::-1]
    places = np.searchsorted(right / total, np.linspace(0, 1, 101))
    return float(np.where(places < len(best), best[np.minimum(places, len(best) - 1)], 0).mean())


def box_of(answer: dict[str, Any]) -> Box:
    left, top, right, bottom = (float(answer["box"][side]) for side in SIDES)
    return left, top, right, bottom


def overlap(one: Box, other: Box) -> float:
    """What two boxes share, as a part of what either covers."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / max(areas - both, 1e-9)


@dataclass(frozen=True, slots=True)
class Masks:
    """Of a segmenter. overlap: the mean over labels, background too, of what its places and the true ones share, as a
    part of what either cover (mIoU). each: the same by label. right: part of all places that have the right label."""

    overlap: float
    each: dict[str, float]
    right: float


def masks(found: Sequence[Sequence[dict[str, Any]]], scenes: Sequence[Scene]) -> Masks:
    """found: the segments that a pipeline answers for each scene."""
    names = ("background", *LABELS)
    both, either, right, total = Counter[str](), Counter[str](), 0, 0
    for segments, scene in zip(found, scenes, strict=True):
        true = np.asarray(scene.labels)
        said = {one["label"]: np.asarray(one["mask"]) > 0 for one in segments}
        nothing = np.zeros(true.shape, bool)
        for place, name in enumerate(names):
            mine, theirs = said.get(name, nothing), true == place
            both[name] += int((mine & theirs).sum())
            either[name] += int((mine | theirs).sum())
            right += int((mine & theirs).sum())
        total += true.size
    each = {name: both[name] / max(either[name], 1) for name in names}
    return Masks(fmean(each.values()), each, right / total)
