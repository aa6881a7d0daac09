"""Image processors: from an image to the pixels that a model wants, by the recipe of its preprocessor_config.json.

Images stay bytes until a batch is made: a quarter of the memory of floats while they wait.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nbpipes.errors import ConfigError, InputError, nearest
from nbpipes.hub.repo import Repo
from nbpipes.processing.media import is_image, read_image
from nbpipes.processing.recipes import Recipe, Settings, recipe_of

FILE = "preprocessor_config.json"


@dataclass(frozen=True, slots=True)
class Pixels:
    """An image at its final size. values: `(height, width, 3)` bytes. table: `(3, 256)`, what each byte stands for.
    margins: rows of zeros above and below, columns to the left and to the right. patch: pixels of a side of the patches
    that it is cut into, None where it stays whole."""

    values: NDArray[np.uint8]
    table: NDArray[np.float32]
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    patch: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height, width, with the margins."""
        top, bottom, left, right = self.margins
        return top + self.values.shape[0] + bottom, left + self.values.shape[1] + right


def stack(images: Sequence[Pixels]) -> Tensor:
    """Images of one size as floats, `(batch, 3, height, width)`."""
    batch, _ = stack_padded(images)
    return batch


def stack_padded(images: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
    """Images with zeros to their right and below, `(batch, 3, height, width)`, and where they are: `(batch, height,
    width)`, true inside the image."""
    height, width = (max(image.size[axis] for image in images) for axis in (0, 1))
    batch = np.zeros((len(images), 3, height, width), dtype=np.float32)
    inside = np.zeros((len(images), height, width), dtype=np.bool_)
    for row, image in enumerate(images):
        own = image.size
        inside[row, : own[0], : own[1]] = True
        top, bottom, left, right = image.margins
        rows, columns = slice(top, own[0] - bottom), slice(left, own[1] - right)
        for channel in range(3):
            batch[row, channel, rows, columns] = image.table[channel][image.values[:, :, channel]]
    return torch.from_numpy(batch), torch.from_numpy(inside)


def patches_of(image: Pixels) -> tuple[Tensor, tuple[int, int]]:
    """An image cut into patches, `(patches, numbers of a patch)`, and their rows and columns. InputError where they do
    not cover it."""
    side = image.patch or 1
    rows, columns = (length // side for length in image.size)
    if (rows * side, columns * side) != image.size:
        raise InputError(
            f"an image of {image.size[0]} × {image.size[1]} pixels has no whole patches of {side} × {side}"
        )
    floats = stack([image])[0].view(3, rows, side, columns, side)
    return floats.permute(1, 3, 2, 4, 0).reshape(rows * columns, -1), (rows, columns)


class ImageProcessor:
    """Resizes, crops and normalises images as a preprocessor_config.json says.

    kind: the `image_processor_type`. raw: the content of the file.
    """

    def __init__(self, kind: str, recipe: Recipe, raw: Mapping[str, Any]) -> None:
        self.kind, self.recipe, self.raw = kind, recipe, dict(raw)
        self.settings = recipe.read(raw)
        self.table = value_table(self.settings)

    @classmethod
    def load(cls, repo: Repo) -> Self:
        """The image processor of a repository. RepoError without its file, ConfigError where it is damaged."""
        raw = repo.json(FILE)
        raw = raw.get("image_processor", raw)  # newer files hold several processors
        if not isinstance(raw, Mapping):
            raise ConfigError(f"{FILE} of {repo.name} must hold a JSON object for its image processor")
        model_type = str(repo.json_or_empty("config.json").get("model_type", ""))
        return cls(*recipe_of(raw, model_type), raw)

    def __repr__(self) -> str:
        return f"ImageProcessor({self.kind}, {self.settings})"

    def changed(self, settings: Mapping[str, Any]) -> "ImageProcessor":
        """The same with some settings replaced; TypeError names the nearest for an unknown one."""
        for name in settings:
            if name not in Settings.names():
                raise TypeError(f"image processors have no setting {name!r}{nearest(name, Settings.names())}")
        return ImageProcessor(self.kind, self.recipe, self.raw | dict(settings)) if settings else self

    def prepare(self, image: Image.Image) -> Pixels:
        """An RGB image at its final size."""
        for step in self.recipe.steps:
            image = step(image, self.settings)
        patch = self.settings.patch_size if self.recipe.patched else None
        return Pixels(np.asarray(image), self.table, self._margins(image), patch)

    def _margins(self, image: Image.Image) -> tuple[int, int, int, int]:
        if not (self.recipe.centred and self.settings.do_pad):
            return 0, 0, 0, 0
        part = self.settings.size_divisor
        rows, columns = -image.height % part, -image.width % part
        return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2

    @property
    def masks(self) -> bool:
        """Whether models must be told where the images of a batch end."""
        return self.settings.do_pad and not self.recipe.centred

    def __call__(self, images: Any, return_tensors: str | None = "pt") -> dict[str, Any]:
        """`pixel_values`, `(batch, 3, height, width)`, of an image or several, given in any form that pipelines read;
        where the recipe pads, `pixel_mask` too. Where it cuts images into patches: `pixel_values`, `(batch, patches,
        numbers of a patch)`, `pixel_attention_mask` and `spatial_shapes`. return_tensors: "pt", "np", or None for a
        list of arrays."""
        several: Iterable[Any] = [images] if is_image(images) else images
        prepared = [self.prepare(read_image(image)) for image in several]
        if self.recipe.patched:
            return self._patches(prepared, return_tensors)
        if not self.masks and len({one.size for one in prepared}) > 1 and return_tensors:
            raise InputError("images of several sizes do not make one tensor: pass return_tensors=None")
        if return_tensors is None:
            return {"pixel_values": [stack([one])[0].numpy() for one in prepared]}
        batch, inside = stack_padded(prepared)
        return _as({"pixel_values": batch} | ({"pixel_mask": inside.long()} if self.masks else {}), return_tensors)

    def _patches(self, images: Sequence[Pixels], return_tensors: str | None) -> dict[str, Any]:
        cut = [patches_of(image) for image in images]
        most = max(self.settings.max_num_patches, *(len(patches) for patches, _ in cut))
        batch = torch.stack([F.pad(patches, (0, 0, 0, most - len(patches))) for patches, _ in cut])
        inside = torch.tensor([[place < len(patches) for place in range(most)] for patches, _ in cut]).int()
        shapes = torch.tensor([shape for _, shape in cut])
        found = {"pixel_values": batch, "pixel_attention_mask": inside, "spatial_shapes": shapes}
        if return_tensors is None:
            return {name: list(value.numpy()) for name, value in found.items()}
        return _as(found, return_tensors)

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes preprocessor_config.json."""
        raw = {"image_processor_type": self.kind} | self.raw
        (Path(folder) / FILE).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def _as(found: dict[str, Tensor], kind: str) -> dict[str, Any]:
    if kind not in ("pt", "np"):
        raise InputError(f"return_tensors must be 'pt', 'np' or None, not {kind!r}")
    return dict(found) if kind == "pt" else {name: value.numpy() for name, value in found.items()}


def value_table(given: Settings) -> NDArray[np.float32]:
    """What a byte of each channel stands for, `(3, 256)`, computed in the precisions that upstream's arrays have."""
    values = np.arange(256, dtype=np.float32)
    if given.do_rescale:
        values = (np.arange(256, dtype=np.float64) * given.rescale_factor).astype(np.float32)
        if given.rescale_offset:
            values = values - 1
    table = np.repeat(values[None], 3, axis=0)
    std = np.array(given.image_std, dtype=np.float32)[:, None]
    if given.do_normalize:
        table = (table - np.array(given.image_mean, dtype=np.float32)[:, None]) / std
    return table / std if given.include_top else table
