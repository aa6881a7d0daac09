"""BiT (https://arxiv.org/abs/1912.11370) with the norms behind the convolutions, as DPT looks through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.conv import Conv, same_padding
from nbpipes.models.images import check_channels

LAYER, OURS = "encoder.stages.{i}.layers.{j}", "stages.{i}.{j}"
PADDINGS = (None, "SAME", "VALID")


@dataclass(frozen=True, kw_only=True)
class BitConfig(Config):
    """Config of BiT."""

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    layer_type: str = "preactivation"
    hidden_act: str = "relu"
    global_padding: str | None = None
    num_groups: int = 32
    embedding_dynamic_padding: bool = False
    output_stride: int = 32
    width_factor: int = 1
    out_features: tuple[str, ...] | None = None

    @property
    def padding(self) -> str | None:
        """How all maps are padded: as TensorFlow does it ("SAME"), not at all ("VALID"), or evenly (None)."""
        return None if self.global_padding is None else self.global_padding.upper()


class GroupedConv(nn.Module):
    """Convolution, group norm, activation. padding: one of PADDINGS. act: None for no activation."""

    def __init__(
        self, c: BitConfig, inner: int, outer: int, kernel: int, *, stride: int = 1, act: str | None = None
    ) -> None:
        super().__init__()
        self.same = c.padding == "SAME"
        even = (stride - 1 + kernel - 1) // 2 if c.padding is None else 0
        self.conv = Conv(inner, outer, kernel, stride, even, bias=False)
        self.norm = nn.GroupNorm(c.num_groups, outer)
        self.act = None if act is None else activation(act)

    def convolved(self, x: Tensor) -> Tensor:
        """The maps before the norm."""
        if self.same:
            x = F.pad(x, same_padding(x, self.conv.kernel_size[0], self.conv.stride[0]))
        return self.conv(x)

    def normed(self, x: Tensor) -> Tensor:
        """The maps behind norm and activation."""
        x = self.norm(x)
        return x if self.act is None else self.act(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.normed(self.convolved(x))


class Bottleneck(nn.Module):
    """Three convolutions, of which the middle one looks around on a quarter of the channels, and a way around them."""

    def __init__(self, c: BitConfig, inner: int, outer: int, stride: int, *, first: bool) -> None:
        super().__init__()
        narrow, act = eights(outer / 4), c.hidden_act
        self.layers = nn.Sequential(
            GroupedConv(c, inner, narrow, 1, act=act),
            GroupedConv(c, narrow, narrow, 3, stride=stride, act=act),
            GroupedConv(c, narrow, outer, 1),
        )
        self.around = GroupedConv(c, inner, outer, 1, stride=stride) if first else nn.Identity()
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.layers(x) + self.around(x))


def eights(channels: float) -> int:
    """A multiple of 8 near a number of channels, and no less than nine tenths of it."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found if found >= 0.9 * channels else found + 8


class Bit(nn.Module):
    """The stages of BiT. ValueError for kinds of it that nothing looks through."""

    def __init__(self, c: BitConfig) -> None:
        super().__init__()
        if c.layer_type != "bottleneck" or c.output_stride != 32 or c.width_factor != 1 or c.padding not in PADDINGS:
            raise ValueError(
                "BiT must have the layer_type 'bottleneck', output_stride 32, width_factor 1, known padding"
            )
        self.channels, self.padding = c.num_channels, c.padding
        self.dynamic = c.embedding_dynamic_padding
        self.stem = GroupedConv(c, c.num_channels, c.embedding_size, 7, stride=2, act=c.hidden_act)
        self.stages, width = nn.ModuleList(), c.embedding_size
        for number, (size, depth) in enumerate(zip(c.hidden_sizes, c.depths, strict=False)):
            stage = nn.Sequential()
            for place in range(depth):
                first = place == 0
                stage.append(Bottleneck(c, width, eights(size), 2 if first and number else 1, first=first))
                width = eights(size)
            self.stages.append(stage)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """pixels: `(batch, channels, height, width)`. Returns the maps of the stages, `(batch, channels, height,
        width)`."""
        check_channels(pixels, self.channels)
        x = self.stem.convolved(pixels)
        if self.padding != "SAME":
            x = F.pad(x, (1, 1, 1, 1))  # before the norm, as the reference has it
        x = self.stem.normed(x)
        x = F.max_pool2d(F.pad(x, same_padding(x, 3, 2)) if self.dynamic else x, 3, 2)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def bit(raw: Mapping[str, Any]) -> Bit:
    """The stages that a `backbone_config` describes."""
    return Bit(BitConfig.read(raw))


def standardised(weight: Tensor) -> tuple[Tensor, ...]:
    """The weight with which each output is computed: of mean 0 and variance 1 over all that it looks at."""
    rows = weight.double().flatten(1)
    centred = rows - rows.mean(1, keepdim=True)
    scaled = centred * (centred.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    return (scaled.view(weight.shape),)


def _conv(theirs: str, ours: str) -> tuple[Rule, Rule]:
    return Rule(f"{theirs}.weight", (f"{ours}.weight",), standardised), rename(f"{theirs}.bias", f"{ours}.bias")


BIT = (
    *(
        rule
        for theirs, ours in (
            ("embedder.convolution", "stem.conv"),
            (f"{LAYER}.downsample.conv", f"{OURS}.around.conv"),
            *((f"{LAYER}.conv{k + 1}", f"{OURS}.layers.{k}.conv") for k in range(3)),
        )
        for rule in _conv(theirs, ours)
    ),
    rename("embedder.norm", "stem.norm"),
    rename(f"{LAYER}.downsample.norm", f"{OURS}.around.norm"),
    *(rename(f"{LAYER}.norm{k + 1}", f"{OURS}.layers.{k}.norm") for k in range(3)),
)
