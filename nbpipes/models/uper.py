"""The head of UPerNet (https://arxiv.org/abs/1807.10221), which tells labels of places from maps of all sizes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.conv import ConvNorm
from nbpipes.models.outputs import LabelMaps


class Pooled(nn.Module):
    """Means over the squares of a grid of `scale` squares each way, spread over the map again."""

    def __init__(self, scale: int, inner: int, outer: int) -> None:
        super().__init__()
        self.scale, self.conv = scale, ConvNorm(inner, outer, 1, act="relu")

    def forward(self, maps: Tensor) -> Tensor:
        found = self.conv(F.adaptive_avg_pool2d(maps, self.scale))
        return F.interpolate(found, size=maps.shape[-2:], mode="bilinear")


class UperHead(nn.Module):
    """Labels of places. channels: of the maps, the largest first. scales: at which the smallest map is pooled."""

    def __init__(self, channels: Sequence[int], width: int, labels: int, scales: Sequence[int]) -> None:
        super().__init__()
        *larger, smallest = channels
        self.pooled = nn.ModuleList(Pooled(scale, smallest, width) for scale in scales)
        self.whole = ConvNorm(smallest + len(scales) * width, width, 3, padding=1, act="relu")
        self.adapters = nn.ModuleList(ConvNorm(own, width, 1, act="relu") for own in larger)
        self.convs = nn.ModuleList(ConvNorm(width, width, 3, padding=1, act="relu") for _ in larger)
        self.blend = ConvNorm(len(channels) * width, width, 3, padding=1, act="relu")
        self.out = nn.Conv2d(width, labels, 1)

    def forward(self, maps: Sequence[Tensor]) -> LabelMaps:
        """maps: the largest first."""
        *larger, smallest = maps
        x = self.whole(torch.cat([smallest, *(part(smallest) for part in self.pooled)], 1))
        sides = [x]
        for adapter, one in zip(reversed(self.adapters), reversed(larger), strict=True):
            own = adapter(one)
            sides.insert(0, own + F.interpolate(sides[0], size=own.shape[-2:], mode="bilinear"))
        seen = [conv(one) for conv, one in zip(self.convs, sides, strict=False)]
        size = seen[0].shape[-2:] if seen else x.shape[-2:]
        parts = [F.interpolate(one, size=size, mode="bilinear") for one in (*seen[1:], x)]
        return LabelMaps(self.out(self.blend(torch.cat([*seen[:1], *parts], 1))))


def uper_rules(norm: str) -> tuple[Rule, ...]:
    """From stored names to those in the head. norm: what the norms behind convolutions are called."""
    theirs = ("psp_modules.{i}.1", "bottleneck", "lateral_convs.{i}", "fpn_convs.{i}", "fpn_bottleneck")
    ours = ("pooled.{i}.conv", "whole", "adapters.{i}", "convs.{i}", "blend")
    return (
        drop("auxiliary_head"),  # of training
        drop("*.num_batches_tracked"),
        *(rename(f"decode_head.{a}.conv", f"{b}.conv") for a, b in zip(theirs, ours, strict=True)),
        *(rename(f"decode_head.{a}.{norm}", f"{b}.norm") for a, b in zip(theirs, ours, strict=True)),
        rename("decode_head.classifier", "out"),
    )
