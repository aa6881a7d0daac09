"""Depth estimation: how far away each pixel of an image is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.images import ReadsImages, check_timeout


@dataclass(frozen=True)
class DepthEstimationOptions(Options):
    """timeout: seconds that a download may take, None = 10. parameters: a dict that may hold it too."""

    timeout: float | None = None
    parameters: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.parameters is not None and not isinstance(self.parameters, Mapping):
            raise InputError(f"parameters must be a dict, not {type(self.parameters).__name__}")
        check_timeout(self.seconds)

    @property
    def seconds(self) -> float | None:
        """The timeout that counts."""
        return (self.parameters or {}).get("timeout", self.timeout)


class DepthEstimationPipeline(ReadsImages[DepthEstimationOptions]):
    """Estimates depths: each image gives `{"predicted_depth", "depth"}`.

    predicted_depth: a float tensor `(height, width)` of the image's own size, in metres where the model was trained
    for them, else without a unit; many models give more for what is nearer. depth: a grey PIL image of it, from the
    least (black) to the largest (white).
    """

    options_class = DepthEstimationOptions
    kind = "depth-estimation"

    def preprocess(self, item: Any, options: DepthEstimationOptions | None = None) -> Iterator[Chunk]:
        yield self.image_chunk(item, (options or self.options).seconds)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: DepthEstimationOptions | None = None
    ) -> dict[str, Any]:
        depth = compute.run(partial(enlarged, outputs[0].output.depth.float(), outputs[0].chunk.note))
        return {"predicted_depth": depth, "depth": grey(depth)}


def enlarged(depth: Tensor, size: tuple[int, int]) -> Tensor:
    """A map, `(height, width)`, at another size."""
    with torch.no_grad():
        return F.interpolate(depth[None, None], size=size, mode="bicubic", align_corners=False)[0, 0]


def grey(depth: Tensor) -> Image.Image:
    """A picture of a map: its least value black, its largest white; all black where they are the same."""
    values = depth.numpy()
    low, high = values.min(), values.max()
    shares = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return Image.fromarray((shares * 255).astype(np.uint8))
