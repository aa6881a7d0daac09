"""The rules that make segments of masks, on masks that are easy to see through."""

import numpy as np
import pytest
import torch

from nbpipes.tasks import panoptic
from nbpipes.tasks.panoptic import Limits, instance_segments, label_maps, label_segments, panoptic_segments

SURE = 12.0
LIMITS = Limits(0.5, 0.5, 0.5)


def classes(*labels: int, count: int = 3) -> torch.Tensor:
    """Logits that are sure of these labels; `count` stands for "no segment"."""
    logits = torch.zeros(len(labels), count + 1)
    logits[range(len(labels)), list(labels)] = SURE
    return logits


def boxes(*rows: tuple[int, int]) -> torch.Tensor:
    """Masks of 4 × 4 places that cover the columns from the first number to before the second."""
    masks = torch.full((len(rows), 4, 4), -SURE)
    for mask, (start, stop) in zip(masks, rows, strict=True):
        mask[:, start:stop] = SURE
    return masks


def columns(segment: panoptic.Segment) -> list[int]:
    assert (segment.mask == segment.mask[0]).all()
    return np.flatnonzero(segment.mask[0]).tolist()


def test_panoptic_segments_do_not_overlap_and_keep_the_order_of_the_masks():
    found = panoptic_segments(classes(2, 3, 0), boxes((0, 2), (0, 4), (2, 4)), (4, 4), LIMITS)
    assert [(one.label, columns(one)) for one in found] == [(2, [0, 1]), (0, [2, 3])]
    assert all(one.score == pytest.approx(1, abs=1e-4) for one in found)


def test_a_mask_that_others_cover_is_no_segment():
    logits = classes(1, 2)
    logits[1] /= 4  # less sure
    both = panoptic_segments(logits, boxes((0, 3), (0, 4)), (4, 4), Limits(0.5, 0.5, 0.2))
    assert [(one.label, columns(one)) for one in both] == [(1, [0, 1, 2]), (2, [3])]
    alone = panoptic_segments(logits, boxes((0, 3), (0, 4)), (4, 4), LIMITS)
    assert [one.label for one in alone] == [1]


def test_nothing_is_found_where_nothing_is_sure():
    assert panoptic_segments(classes(3, 3), boxes((0, 1), (1, 2)), (4, 4), LIMITS) == []
    assert panoptic_segments(torch.zeros(2, 4), boxes((0, 1), (1, 2)), (4, 4), LIMITS) == []
    assert instance_segments(classes(3, 3), boxes((0, 1), (1, 2)), (4, 4), LIMITS) == []


def test_instances_may_overlap_and_empty_masks_are_none():
    found = instance_segments(classes(1, 1, 2), boxes((0, 3), (1, 4), (0, 0)), (4, 4), LIMITS)
    assert [one.label for one in found] == [1, 1]
    assert sorted(columns(one) for one in found) in ([[0], [1, 2, 3]], [[0, 1, 2], [3]])  # one lies above the other


def test_labels_are_voted_for():
    maps = label_maps(classes(0, 2, 3), boxes((0, 2), (2, 4), (0, 4)))
    assert [(one.label, one.score, columns(one)) for one in label_segments(maps, (4, 4))] == [
        (0, None, [0, 1]),
        (2, None, [2, 3]),
    ]


@pytest.mark.parametrize("room", [1, 200, 1 << 24])
def test_large_images_are_seen_in_parts(monkeypatch, room):
    draw = torch.Generator().manual_seed(3)
    maps, logits = torch.randn(6, 5, 4, generator=draw), 3 * torch.randn(6, 4, generator=draw)
    wanted = torch.nn.functional.interpolate(maps[None], size=(11, 13), mode="bilinear")[0].argmax(0).numpy()
    monkeypatch.setattr(panoptic, "ROOM", room)
    for one in label_segments(maps, (11, 13)):
        np.testing.assert_array_equal(one.mask, wanted == one.label)
    found = panoptic_segments(logits, maps, (11, 13), Limits(0.1, 0.2, 0.1))
    assert len(found) >= 2
    assert sum(one.mask.sum() for one in found) <= 11 * 13


def test_ties_go_to_the_first_one(monkeypatch):
    maps = torch.zeros(3, 2, 2)
    for room in (1, 1 << 24):
        monkeypatch.setattr(panoptic, "ROOM", room)
        assert [one.label for one in label_segments(maps, (2, 2))] == [0]
