"""YOLOS (https://arxiv.org/abs/2106.00666): a vision transformer with tokens of its own for the objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.packing import Layout
from nbpipes.layers.precision import fine
from nbpipes.models.detection import DetectionModel, Detector, Layers, Scene, Size
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import VIT, FirstTokenPooler, PatchConfig, Sides, blocks, check_channels, grid, sides
from nbpipes.models.outputs import Seen


@dataclass(frozen=True, kw_only=True)
class YolosConfig(PatchConfig):
    """Config of YOLOS."""

    image_size: Sides = (512, 864)
    patch_size: int = 16
    qkv_bias: bool = True
    num_detection_tokens: int = 100
    use_mid_position_embeddings: bool = True


class Yolos(nn.Module):
    """Tokens of an image: one for all of it, its patches, the objects. Tables of places are stretched to its size."""

    mixed = True

    def __init__(self, c: YolosConfig) -> None:
        super().__init__()
        self.channels, self.objects, self.grid = (
            c.num_channels,
            c.num_detection_tokens,
            grid(c.image_size, c.patch_size),
        )
        self.patches = nn.Conv2d(c.num_channels, c.hidden_size, sides(c.patch_size), stride=sides(c.patch_size))
        self.whole = nn.Parameter(torch.empty(1, 1, c.hidden_size))
        self.finders = nn.Parameter(torch.empty(1, self.objects, c.hidden_size))
        count = 1 + self.grid[0] * self.grid[1] + self.objects
        self.places = nn.Parameter(torch.empty(1, count, c.hidden_size))
        between = (c.num_hidden_layers - 1, 1, count, c.hidden_size)
        self.between = nn.Parameter(torch.empty(between)) if c.use_mid_position_embeddings else None
        self.blocks = blocks(c, biases=c.qkv_bias)
        self.norm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)

    def forward(self, pixels: Tensor, sizes: Sequence[Size] | None = None, levels: int = 1) -> Scene:
        """pixels: `(batch, channels, height, width)`. sizes: of each image in it, None where all fill it. levels: 1 for
        the objects alone, else all tokens are given as maps."""
        check_channels(pixels, self.channels)
        maps, side = self.patches(pixels), self.patches.stride[0]
        on_maps = [
            (height // side, width // side) for height, width in sizes or [tuple(pixels.shape[2:])] * len(pixels)
        ]
        tables = {size: self._stretched(self.places, size)[0] for size in on_maps}
        x = torch.cat(
            [
                torch.cat((self.whole[0], one[:, :height, :width].flatten(1).T, self.finders[0]))
                + tables[height, width]
                for one, (height, width) in zip(maps, on_maps, strict=True)
            ]
        )
        layout = Layout.of([len(tables[size]) for size in on_maps], x.device)
        last = (layout.ends[:, None] - torch.arange(self.objects - 1, -1, -1, device=x.device)).flatten()
        x = self.norm(self._through(x, layout, on_maps, last if levels == 1 else None)).unflatten(0, (len(maps), -1))
        return Scene(x) if levels == 1 else Scene(x[:, -self.objects :], maps=(x,))

    def _through(self, x: Tensor, layout: Layout, on_maps: Sequence[Size], keep: Tensor | None) -> Tensor:
        """Sends packed tokens through the blocks. keep: tokens whose final state is wanted, None for all."""
        *body, final = self.blocks
        tables = {} if self.between is None else {size: self._stretched(self.between, size) for size in set(on_maps)}
        for place, layer in enumerate(body):
            x = layer(x, layout)
            if tables:
                x = x + torch.cat([tables[size][place] for size in on_maps])
        return final(x, layout, keep=keep)

    def _stretched(self, table: Tensor, size: Size) -> Tensor:
        """Places for patches of another grid. table: `(…, 1, tokens, width)`. Returns `(…, tokens, width)`."""
        table = table.squeeze(-3) if table.dim() > 3 else table
        if size == self.grid:
            return table
        patches = table.shape[1] - 1 - self.objects
        whole, maps, finders = table.split([1, patches, self.objects], 1)
        maps = maps.transpose(1, 2).unflatten(2, self.grid).to(fine(maps.dtype))
        maps = F.interpolate(maps, size=size, mode="bicubic", align_corners=False)
        return torch.cat((whole, maps.flatten(2).transpose(1, 2).to(table.dtype), finders), 1)


class Tokens(nn.Module):
    """Gives the states of all tokens, and a vector of the first one where a checkpoint has a layer for it."""

    levels = 2

    def __init__(self, c: YolosConfig) -> None:
        super().__init__()
        self.pool = FirstTokenPooler(c.hidden_size, c.hidden_size, "tanh")

    def forward(self, scene: Scene) -> Seen:
        seen = Seen(scene.maps[0])
        return seen if self.pool is None else Seen(seen.hidden, self.pool(seen))


class YolosDetector(Detector):
    """Labels and boxes of objects, both from several layers."""

    def __init__(self, c: YolosConfig) -> None:
        super().__init__(c.hidden_size, len(c.labels) + 1)
        self.label = Layers(c.hidden_size, c.hidden_size, len(c.labels) + 1, 3)


FAMILIES = {
    "yolos": Family(
        YolosConfig,
        Yolos,
        (
            rename("embeddings.cls_token", "whole"),
            rename("embeddings.detection_tokens", "finders"),
            rename("embeddings.position_embeddings", "places"),
            rename("encoder.mid_position_embeddings", "between"),
            *VIT,
        ),
        "vit.",
        {
            Head.BASE: HeadSpec(
                Tokens,
                (rename("pooler.dense", "pool.dense"), rename("vit.pooler.dense", "pool.dense")),
                optional=("pool",),
            ),
            Head.DETECTION: HeadSpec(
                YolosDetector, (rename("class_labels_classifier", "label"), rename("bbox_predictor", "box"))
            ),
        },
        DetectionModel,
    ),
}
