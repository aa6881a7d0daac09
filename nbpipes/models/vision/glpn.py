"""GLPN (https://arxiv.org/abs/2201.07436): depth from the maps of a hierarchical transformer."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename
from nbpipes.layers.conv import BatchNorm
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead
from nbpipes.models.mix_transformer import MIX_TRANSFORMER, MixTransformer, MixTransformerConfig
from nbpipes.models.outputs import DepthMaps, Seen

STAGE = "decoder.stages.{i}"
DECODER = (
    rename(f"{STAGE}.convolution", "stages.{i}.narrow"),
    drop("decoder.*.num_batches_tracked"),
    *(
        rename(f"{STAGE}.fusion.convolutional_layer{k}.{part}", f"stages.{{i}}.fusion.{ours}{k}")
        for k in (1, 2)
        for part, ours in ((0, "conv"), (1, "norm"))
    ),
    rename(f"{STAGE}.fusion.convolutional_layer3", "stages.{i}.fusion.conv3"),
    rename("head.head.0", "conv1"),
    rename("head.head.2", "conv2"),
)


@dataclass(frozen=True, kw_only=True)
class GlpnConfig(MixTransformerConfig):
    """Config of GLPN. max_depth: in metres."""

    decoder_hidden_size: int = 64
    max_depth: float = 10.0
    head_in_index: int = -1


class SelectiveFusion(nn.Module):
    """Mixes two maps by how much each of them counts at a place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1, self.norm1 = nn.Conv2d(2 * channels, channels, 3, padding=1), BatchNorm(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, half, 3, padding=1), BatchNorm(half)
        self.conv3 = nn.Conv2d(half, 2, 3, padding=1)

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(torch.cat((near, far), 1))))
        shares = torch.sigmoid(self.conv3(F.relu(self.norm2(self.conv2(x)))))
        return near * shares[:, :1] + far * shares[:, 1:]


class DecoderStage(nn.Module):
    """Adds the maps of one stage to those of the coarser ones, twice as large. first: there are no coarser ones."""

    def __init__(self, inner: int, channels: int, *, first: bool) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inner, channels, 1) if inner != channels else None
        self.fusion = None if first else SelectiveFusion(channels)

    def forward(self, maps: Tensor, coarser: Tensor | None) -> Tensor:
        x = maps if self.narrow is None else self.narrow(maps)
        if self.fusion is not None and coarser is not None:
            x = self.fusion(x, coarser)
        return doubled(x)


def doubled(maps: Tensor) -> Tensor:
    """Twice as high and wide."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


class DepthDecoder(nn.Module):
    """Depths from the maps of all stages, beginning with the coarsest."""

    leading = None

    def __init__(self, c: GlpnConfig) -> None:
        super().__init__()
        channels, sizes = c.decoder_hidden_size, c.hidden_sizes[::-1]
        self.stages = nn.ModuleList(DecoderStage(size, channels, first=not i) for i, size in enumerate(sizes))
        self.last, self.scale = range(len(sizes))[c.head_in_index], c.max_depth
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, seen: Seen) -> DepthMaps:
        maps, x = (seen.maps or ())[::-1], None
        for stage, own in zip(self.stages[: self.last + 1], maps, strict=False):
            x = stage(own, x)
        assert x is not None
        x = doubled(x) if self.last == len(self.stages) - 1 else x
        return DepthMaps(torch.sigmoid(self.conv2(F.relu(self.conv1(x)))[:, 0]) * self.scale)


FAMILIES = {
    "glpn": Family(
        GlpnConfig,
        MixTransformer,
        MIX_TRANSFORMER,
        "glpn.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.DEPTH: HeadSpec(DepthDecoder, DECODER),
        },
        ImageModel,
    ),
}
