"""What the tasks that read images share."""

import os
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import torch

from nbpipes.engine.inputs import Given
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.download import is_url
from nbpipes.processing.images import ImageProcessor, patches_of, stack
from nbpipes.processing.media import is_image, read_image
from nbpipes.results.pictures import remember

OptionsT = TypeVar("OptionsT", bound=Options)
READERS = 8
NAMES = ("inputs", "images", "image")
"""Keywords that bring the images of a call."""


class ReadsImages(Pipeline[OptionsT]):
    """The base of tasks whose items are images: paths, URLs, base64, bytes, open files, PIL images, arrays, tensors.

    Images are given as the first argument or as `inputs=`, `images=` or `image=`.
    """

    budget: ClassVar[int] = 8 * 224 * 224
    wanted = "an image (a path, URL, base64, bytes, open file, PIL image, array or tensor)"

    @property
    def readers(self) -> int:
        return readers(self.device)

    def is_item(self, value: Any) -> bool:
        return is_image(value)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        for name in NAMES:
            if name in options:
                if args:
                    raise TypeError(f"images are given twice, as an argument and as {name}=")
                args = (options.pop(name),)
        if len(args) == 1 and isinstance(args[0], torch.Tensor) and args[0].ndim == 4:
            args = (list(args[0]),)
        return super().arguments(args, options)

    def image_chunk(self, item: Any, timeout: float | None, processor: ImageProcessor | None = None) -> Chunk:
        """The chunk of an image; its note is the image's height and width. processor: instead of the pipeline's."""
        if self.image_processor is None:
            raise InputError(f"{self.task} needs an image processor: pass image_processor=")
        image = read_image(item, timeout)
        if isinstance(item, str) and is_url(item):
            remember(item, image)
        pixels = (processor or self.image_processor).prepare(image)
        height, width = pixels.size
        group = pixels.size if pixels.patch is None else pixels.patch
        return Chunk({"pixels": pixels}, (image.height, image.width), height * width, group=group)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        """Images of one size, or those of any sizes that are cut into patches."""
        images = [chunk.inputs["pixels"] for chunk in chunks]
        if images[0].patch is None:
            return Batch({"pixel_values": stack(images).to(self.device)}, (1,) * len(chunks))
        patches, shapes = zip(*(patches_of(image) for image in images), strict=True)
        counts = tuple(len(one) for one in patches)
        return Batch({"pixel_values": torch.cat(patches).to(self.device), "shapes": shapes}, counts)


def readers(device: torch.device) -> int:
    """Threads that decode and resize images while others are computed: a GPU wants more than one brings."""
    return 1 if device.type == "cpu" else min(READERS, os.cpu_count() or 1)


def check_timeout(timeout: float | None) -> None:
    """InputError unless `timeout` is a number of seconds above 0, or None."""
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0):
        raise InputError(f"timeout must be seconds above 0, or None, not {timeout!r}")
