"""The rules that make segments of masks, live: ours beside the post-processing of the reference's image processors."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nbpipes.tasks.panoptic import Limits, instance_segments, label_maps, label_segments, panoptic_segments

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
LIMITS = (Limits(0.0, 0.5, 0.5), Limits(0.3, 0.1, 0.0), Limits(0.6, 0.3, 0.8), Limits(0.9, 0.5, 0.5))
KINDS = {
    "DetrImageProcessor": None,
    "ConditionalDetrImageProcessor": None,
    "MaskFormerImageProcessor": None,
    "Mask2FormerImageProcessor": (384, 384),
}
"""The reference's image processors, and the size that each brings masks to."""


def answers(seed: int, segments: int = 12, labels: int = 5) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
    """Logits of labels and masks by chance, smooth as those of models are, and the size of an image."""
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(segments, labels + 1, generator=draw)
    coarse = torch.randn(1, segments, 4, 5, generator=draw)
    masks = 4 * F.interpolate(coarse, size=(24, 20 + seed % 9), mode="bicubic")[0]
    size = torch.randint(9, 90, (2,), generator=draw).tolist()
    return logits, masks, (size[0], size[1])


def reference(kind: str, rule: str, logits: torch.Tensor, masks: torch.Tensor, size: tuple[int, int], limits: Limits):
    """What the reference finds: labels, scores and masks."""
    names = ("logits", "pred_masks") if "Detr" in kind else ("class_queries_logits", "masks_queries_logits")
    output = SimpleNamespace(**dict(zip(names, (logits[None], masks[None]), strict=True)))
    processor = getattr(transformers, kind)()
    chosen = {"threshold": limits.score, "mask_threshold": limits.mask, "overlap_mask_area_threshold": limits.overlap}
    post = getattr(processor, f"post_process_{rule}_segmentation")
    found = post(output, **(chosen if rule != "semantic" else {}), target_sizes=[size])[0]
    if rule == "semantic":
        places = found.numpy()
        return [(label, None, places == label) for label in np.unique(places).tolist()]
    places = found["segmentation"].numpy()
    return [(one["label_id"], one["score"], places == one["id"]) for one in found["segments_info"]]


def ours(kind: str, rule: str, logits: torch.Tensor, masks: torch.Tensor, size: tuple[int, int], limits: Limits):
    if KINDS[kind] is not None:
        masks = F.interpolate(masks[None], size=KINDS[kind], mode="bilinear")[0]
    if rule == "semantic":
        return label_segments(label_maps(logits, masks), size)
    if rule == "instance" and kind.startswith("Mask"):
        return instance_segments(logits, masks, size, limits)
    return panoptic_segments(logits, masks, size, limits)


@pytest.mark.parametrize("rule", ["panoptic", "instance", "semantic"])
@pytest.mark.parametrize("kind", KINDS)
def test_segments_are_equal(kind, rule):
    total = 0
    for seed in range(25):
        logits, masks, size = answers(seed)
        for limits in LIMITS:
            wanted = reference(kind, rule, logits, masks, size, limits)
            found = ours(kind, rule, logits, masks, size, limits)
            assert [(one.label, one.score) for one in found] == [(label, score) for label, score, _ in wanted]
            for one, (_, _, mask) in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(one.mask, mask)
            total += len(found)
    assert total > 50


@pytest.mark.parametrize("kind", ["SegformerImageProcessor", "BeitImageProcessor", "DPTImageProcessor"])
def test_labels_of_places_are_equal(kind):
    for seed in range(25):
        _, maps, size = answers(seed)
        output = SimpleNamespace(logits=maps[None])
        places = getattr(transformers, kind)().post_process_semantic_segmentation(output, [size])[0].numpy()
        found = label_segments(maps, size)
        assert [one.label for one in found] == np.unique(places).tolist()
        for one in found:
            np.testing.assert_array_equal(one.mask, places == one.label)
