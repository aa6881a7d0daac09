"""Image segmentation: which parts an image has, what each of them is, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch.nn.functional as F
from PIL import Image

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.models.heads import Head
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.images import ReadsImages, check_timeout
from nbpipes.tasks.panoptic import Limits, Segment, instance_segments, label_maps, label_segments, panoptic_segments

SUBTASKS = ("panoptic", "instance", "semantic")
PAIRED = frozenset({"MaskFormerImageProcessor", "Mask2FormerImageProcessor"})
"""Image processors whose instances are pairs of a mask and a label; those of others are like panoptic segments."""
SIDES = {"Mask2FormerImageProcessor": (384, 384)}
"""The size that masks are brought to before anything else."""


@dataclass(frozen=True)
class ImageSegmentationOptions(Options):
    """subtask: "panoptic" (segments that do not overlap), "instance" (things, whose masks may overlap), "semantic" (one
    mask for each label); None = the first of these that the model can do. threshold: the least score of a segment.
    mask_threshold: the least probability of a place in a mask. overlap_mask_area_threshold: the least part of its mask
    that a segment has for itself. timeout: seconds that a download may take, None = 10."""

    subtask: Literal["panoptic", "instance", "semantic"] | None = None
    threshold: float = 0.9
    mask_threshold: float = 0.5
    overlap_mask_area_threshold: float = 0.5
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.subtask is not None and self.subtask not in SUBTASKS:
            raise InputError(f"subtask must be 'panoptic', 'instance', 'semantic' or None, not {self.subtask!r}")
        for name in ("threshold", "mask_threshold", "overlap_mask_area_threshold"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name} must be a number, not {value!r}")
        check_timeout(self.timeout)


class ImageSegmentationPipeline(ReadsImages[ImageSegmentationOptions]):
    """Finds the segments of images: each gives `[{"score", "label", "mask"}, …]`, with masks as PIL images of mode "L"
    and the image's size, 255 inside. Semantic segments have no score (None). Where nothing is found the list is empty.
    """

    options_class = ImageSegmentationOptions
    kind = "image-segmentation"

    def preprocess(self, item: Any, options: ImageSegmentationOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        if self.model.kind is Head.LABEL_MAPS and given.subtask not in (None, "semantic"):
            raise InputError(
                f"subtask {given.subtask!r} is not supported: {self.model.config.model_type} models with this head "
                "tell the label of each place, so subtask='semantic' is what they can do"
            )
        yield self.image_chunk(item, given.timeout)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: ImageSegmentationOptions | None = None
    ) -> list[dict[str, Any]]:
        given, labels = options or self.options, self.model.config.labels
        found = compute.run(partial(self._segments, outputs[0].output, outputs[0].chunk.note, given))
        return [
            {"score": one.score, "label": labels[one.label], "mask": Image.fromarray(one.mask.astype(np.uint8) * 255)}
            for one in found
        ]

    def _segments(self, output: Any, size: tuple[int, int], given: ImageSegmentationOptions) -> list[Segment]:
        """The segments that labels of places make, or masks by the rules of the image processor."""
        logits = output.logits.float()
        if self.model.kind is Head.LABEL_MAPS:
            return label_segments(logits, size)
        masks, kind = output.masks.float(), getattr(self.image_processor, "kind", "")
        if kind in SIDES:
            masks = F.interpolate(masks[None], size=SIDES[kind], mode="bilinear")[0]
        if given.subtask == "semantic":
            return label_segments(label_maps(logits, masks), size)
        limits = Limits(given.threshold, given.mask_threshold, given.overlap_mask_area_threshold)
        if given.subtask == "instance" and kind in PAIRED:
            return instance_segments(logits, masks, size, limits)
        return panoptic_segments(logits, masks, size, limits)
