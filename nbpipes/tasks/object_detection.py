"""Object detection: what is in an image, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.models.outputs import Detections
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.images import stack_padded
from nbpipes.tasks.images import ReadsImages, check_timeout

BUCKET = 128
"""Sides of images in one batch differ by less than this many pixels: zeros that fill the smaller ones cost time too."""


@dataclass(frozen=True)
class ObjectDetectionOptions(Options):
    """threshold: the score that an object must exceed. timeout: seconds that a download may take, None = 10."""

    threshold: float = 0.5
    timeout: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int | float):
            raise InputError(f"threshold must be a score, a number from 0 to 1, not {self.threshold!r}")
        check_timeout(self.timeout)


class ObjectDetectionPipeline(ReadsImages[ObjectDetectionOptions]):
    """Finds objects: each image gives `[{"score", "label", "box": {"xmin", "ymin", "xmax", "ymax"}}, …]`.

    Boxes are in whole pixels of the image and may reach beyond its sides.
    """

    options_class = ObjectDetectionOptions
    kind = "object-detection"

    def preprocess(self, item: Any, options: ObjectDetectionOptions | None = None) -> Iterator[Chunk]:
        chunk = self.image_chunk(item, (options or self.options).timeout)
        if self.model.mixed:
            chunk = replace(chunk, group=tuple(-(-side // BUCKET) for side in chunk.inputs["pixels"].size))
        yield chunk

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        """Images of about one size, with zeros to the right of the smaller ones and below."""
        images = [chunk.inputs["pixels"] for chunk in chunks]
        pixels, _ = stack_padded(images)
        sizes = tuple(image.size for image in images)
        return Batch({"pixel_values": pixels.to(self.device), "sizes": sizes}, (1,) * len(chunks))

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: ObjectDetectionOptions | None = None
    ) -> list[dict[str, Any]]:
        given, labels = options or self.options, self.model.config.labels
        scores, classes, boxes = judged(outputs[0].output)
        height, width = outputs[0].chunk.note
        kept = scores > given.threshold
        places = (corners(boxes[kept]) * torch.tensor((width, height, width, height))).int()
        return [
            {"score": score, "label": labels[place], "box": dict(zip(SIDES, box, strict=True))}
            for score, place, box in zip(scores[kept].tolist(), classes[kept].tolist(), places.tolist(), strict=True)
        ]


SIDES = ("xmin", "ymin", "xmax", "ymax")


def judged(found: Detections) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, labels and boxes of an image's objects: each with its best label, or the best pairs of both."""
    logits = found.logits.float()
    if found.limit is None:
        scores, labels = logits.softmax(-1)[:, :-1].max(-1)
        return scores, labels, found.boxes.float()
    scores, places = logits.sigmoid().flatten().topk(min(found.limit, logits.numel()))
    return scores, places % logits.shape[1], found.boxes.float()[places // logits.shape[1]]


def corners(boxes: Tensor) -> Tensor:
    """From the middle, width and height to the left, upper, right and lower side: `(objects, 4)`."""
    x, y, width, height = boxes.unbind(-1)
    return torch.stack((x - 0.5 * width, y - 0.5 * height, x + 0.5 * width, y + 0.5 * height), -1)
