"""What models that find objects share: batches of images of several sizes, places on maps, decoders, heads."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.layers.block import MLP, Residual
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.placed import PlacedAttention, PlacedCross
from nbpipes.layers.precision import fine
from nbpipes.models.family import Model
from nbpipes.models.outputs import Detections, Seen

Size = tuple[int, int]
"""Height, width."""


@dataclass(slots=True)
class Scene:
    """What a trunk has found in images. states: `(batch, objects, width)`.

    start: `(batch, objects, 4 or less)`, what a head adds to boxes before the sigmoid, where the trunk has an idea of
    them. maps: what a head needs besides. DETR gives as many as it asks for: the backbone's but for the last one, that
    one narrowed to the width of the transformer, and what the encoder makes of it.
    """

    states: Tensor
    start: Tensor | None = None
    maps: Sequence[Tensor] = ()


class DetectionModel(Model):
    """A trunk that reads images and finds objects, and a head that says which and where.

    mixed: whether images of several sizes may stand in one batch, with zeros to their right and below; their answers
    are those that they get alone.
    """

    def __init__(self, config: Any, kind: Any, trunk: nn.Module, head: Any) -> None:
        super().__init__(config, kind, trunk, head)
        self.levels: int = head.levels
        self.mixed: bool = getattr(trunk, "mixed", False) and self.levels == 1

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, pixel_values: Tensor, sizes: Sequence[Size] | None = None
    ) -> Any:
        """pixel_values: `(batch, channels, height, width)`. sizes: height and width of each image in it, None where all
        fill it. Returns the head's record."""
        self.prepare()
        whole = (pixel_values.shape[-2], pixel_values.shape[-1])
        if sizes is not None and all(tuple(size) == whole for size in sizes):
            sizes = None
        if sizes is not None and not self.mixed:
            raise InputError("this model takes images of one size only")
        pixels = pixel_values.to(self.dtype)
        if self.levels > 1:
            return self.head(self.trunk(pixels, levels=self.levels))
        return self.head(self.trunk(pixels) if sizes is None else self.trunk(pixels, sizes))


# ---------------------------------------------------------------------- heads


class SceneHead(nn.Module):
    """Gives the states of the objects. levels: of the backbone's maps that a head needs."""

    levels = 1

    def forward(self, scene: Scene) -> Seen:
        return Seen(scene.states)


class Layers(nn.Module):
    """Linear layers with ReLU between."""

    def __init__(self, width: int, middle: int, out: int, count: int) -> None:
        super().__init__()
        sides = [width, *[middle] * (count - 1), out]
        self.layers = nn.ModuleList(Linear(a, b) for a, b in pairwise(sides))

    def forward(self, x: Tensor) -> Tensor:
        *body, last = self.layers
        for layer in body:
            x = layer(x, "relu")
        return last(x)


class Detector(nn.Module):
    """Labels and boxes of objects. classes: how many logits an object gets.

    limit: None where the last class means "no object" and labels exclude each other; else each label is judged by
    itself, and this many pairs of an object and a label count at most.
    """

    levels = 1

    def __init__(self, width: int, classes: int, limit: int | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.label: nn.Module = Linear(width, classes)
        self.box = Layers(width, width, 4, 3)

    def forward(self, scene: Scene) -> Detections:
        boxes = self.box(scene.states)
        boxes = boxes if scene.start is None else boxes + scene.start
        return Detections(self.label(scene.states), boxes.sigmoid(), limit=self.limit)


# ---------------------------------------------------------------------- places


def waves(spots: Tensor, width: int, temperature: float = 10000.0) -> Tensor:
    """Sines and cosines by turns of places, `(…,)` in radians: `(…, width)`, in ever longer waves."""
    number = torch.arange(width, device=spots.device)
    lengths = temperature ** (2 * torch.div(number, 2, rounding_mode="floor").to(spots.dtype) / width)
    angles = spots[..., None] / lengths
    return torch.stack((angles[..., 0::2].sin(), angles[..., 1::2].cos()), -1).flatten(-2)


def full_turns(points: Tensor, width: int) -> Tensor:
    """Waves of points on images, `(…, x and y)` as parts of their sides: of the height, then of the width."""
    turns = points.to(fine(points.dtype)) * (2 * math.pi)
    return torch.cat((waves(turns[..., 1], width // 2), waves(turns[..., 0], width // 2)), -1)


def unsquashed(parts: Tensor) -> Tensor:
    """What the sigmoid of would be `parts`, 1e-5 away from 0 and 1 at least."""
    return torch.log(parts.clamp(1e-5, 1) / (1 - parts).clamp(1e-5, 1))


class SinePlaces(nn.Module):
    """Places on a map as waves over its height, then over its width, which both count as a full turn."""

    def __init__(self, width: int) -> None:
        super().__init__()
        if width % 4:
            raise ValueError(f"places on maps need a width that 4 divides, not {width}")
        self.width = width

    def forward(self, size: Size, like: Tensor) -> Tensor:
        """The places of a map, `(height * width, channels)`, of the type and on the device of `like`."""
        rows, columns = (self._side(side, like) for side in size)
        height, width = size
        both = (rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1))
        return torch.cat(both, -1).flatten(0, 1).to(like.dtype)

    def _side(self, side: int, like: Tensor) -> Tensor:
        spots = torch.arange(1, side + 1, device=like.device, dtype=fine(like.dtype))
        return waves(spots / (side + 1e-6) * (2 * math.pi), self.width // 2)


class LearnedPlaces(nn.Module):
    """Places on a map from a table for columns and one for rows, of 50 each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rows, self.columns = (nn.Embedding(50, width // 2) for _ in range(2))

    def forward(self, size: Size, like: Tensor) -> Tensor:
        """As for SinePlaces. InputError for maps that are larger than the tables."""
        height, width = size
        if max(size) > self.rows.num_embeddings:
            raise InputError(f"maps of {height} × {width} are larger than the model's table of places")
        columns = self.columns.weight[:width].expand(height, -1, -1)
        rows = self.rows.weight[:height, None].expand(-1, width, -1)
        return torch.cat((columns, rows), -1).flatten(0, 1).to(like.dtype)


def places_on_maps(kind: str, width: int) -> SinePlaces | LearnedPlaces:
    """By a config's `position_embedding_type`."""
    if kind not in ("sine", "learned"):
        raise ValueError(f"position_embedding_type must be 'sine' or 'learned', not {kind!r}")
    return SinePlaces(width) if kind == "sine" else LearnedPlaces(width)


@dataclass(slots=True)
class Flat:
    """Maps of several images as packed tokens. tokens, places: `(tokens, width)`."""

    tokens: Tensor
    places: Tensor
    layout: Layout


def flatten(maps: Tensor, sizes: Sequence[Size] | None, places: SinePlaces | LearnedPlaces) -> Flat:
    """Packs what is inside the images. maps: `(batch, channels, height, width)`. sizes: of each image on them, None =
    all of it."""
    whole = (maps.shape[-2], maps.shape[-1])
    if sizes is None:
        tokens = maps.flatten(2).transpose(1, 2).flatten(0, 1)
        layout = Layout.of([whole[0] * whole[1]] * len(maps), maps.device)
        return Flat(tokens, places(whole, maps).repeat(len(maps), 1), layout)
    parts = [one[:, :height, :width].flatten(1).T for one, (height, width) in zip(maps, sizes, strict=True)]
    layout = Layout.of([height * width for height, width in sizes], maps.device)
    return Flat(torch.cat(parts), torch.cat([places(size, maps) for size in sizes]), layout)


# ---------------------------------------------------------------------- decoders


class ObjectBlock(nn.Module):
    """Attention among the objects, attention to the image, feed-forward; norms before the layers (`pre`) or after."""

    def __init__(self, width: int, heads: int, middle: int, act: str, *, pre: bool) -> None:
        super().__init__()
        self.attn = Residual(PlacedAttention(width, heads), nn.LayerNorm(width), pre=pre)
        self.cross = Residual(PlacedCross(width, heads), nn.LayerNorm(width), pre=pre)
        self.mlp = Residual(MLP(width, middle, act), nn.LayerNorm(width), pre=pre)

    def forward(self, x: Tensor, layout: Layout, image: Flat, placed: Tensor, *, places: Tensor) -> Tensor:
        """x, places: `(images * objects, width)`. placed: the image's tokens with their places added."""
        x = self.attn(x, layout, places=places)
        x = self.cross(x, image.tokens, placed, image.layout, places=places)
        return self.mlp(x)


class ObjectDecoder(nn.Module):
    """Objects look for themselves in an image: each begins with nothing but a place of its own.

    count: how many objects an image may have at most. each: whether every block is followed by the last one's norm, as
    in models that were trained on the answers of every block.
    """

    def __init__(self, blocks: Iterable[ObjectBlock], width: int, count: int, *, each: bool = False) -> None:
        super().__init__()
        self.each = each
        self.places = nn.Parameter(torch.empty(count, width))
        self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(width)

    def forward(self, image: Flat) -> Scene:
        """image: what the encoder makes of the maps, with their places."""
        count = len(image.layout.lengths)
        places = self.places.repeat(count, 1)
        layout = Layout.of([len(self.places)] * count, places.device)
        x, placed = torch.zeros_like(places), image.tokens + image.places
        for block in self.blocks:
            x = block(x, layout, image, placed, places=places)
            x = self.norm(x) if self.each else x
        return Scene(self.norm(x).unflatten(0, (count, -1)))
