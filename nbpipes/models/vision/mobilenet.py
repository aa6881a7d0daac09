"""MobileNetV2 (https://arxiv.org/abs/1801.04381)."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.conv import ConvNorm
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, check_channels, classifier, pooled
from nbpipes.models.outputs import Seen

CHANNELS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
STRIDES = (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
PARTS = {"expand_1x1": "expand", "conv_3x3": "spatial", "reduce_1x1": "reduce"}
RULES = (
    drop("*.num_batches_tracked"),
    rename("conv_stem.first_conv.convolution", "stem.first.conv"),
    rename("conv_stem.first_conv.normalization", "stem.first.norm"),
    *(rename(f"conv_stem.{theirs}.convolution", f"stem.block.{ours}.conv") for theirs, ours in PARTS.items()),
    *(rename(f"conv_stem.{theirs}.normalization", f"stem.block.{ours}.norm") for theirs, ours in PARTS.items()),
    *(rename(f"layer.{{i}}.{theirs}.convolution", f"blocks.{{i}}.{ours}.conv") for theirs, ours in PARTS.items()),
    *(rename(f"layer.{{i}}.{theirs}.normalization", f"blocks.{{i}}.{ours}.norm") for theirs, ours in PARTS.items()),
    rename("conv_1x1.convolution", "top.conv"),
    rename("conv_1x1.normalization", "top.norm"),
)


@dataclass(frozen=True, kw_only=True)
class MobileNetV2Config(Config):
    """Config of MobileNetV2."""

    num_channels: int = 3
    depth_multiplier: float = 1.0
    depth_divisible_by: int = 8
    min_depth: int = 8
    expand_ratio: float = 6.0
    output_stride: int = 32
    first_layer_is_expansion: bool = True
    finegrained_output: bool = True
    hidden_act: str = "relu6"
    tf_padding: bool = True
    layer_norm_eps: float = 0.001

    def width(self, channels: int) -> int:
        """Channels at this size of the model."""
        return self.divisible(round(channels * self.depth_multiplier))

    def divisible(self, channels: int) -> int:
        """The nearest multiple of the divisor that is not more than 10 % below."""
        divisor = self.depth_divisible_by
        found = max(self.min_depth, int(channels + divisor / 2) // divisor * divisor)
        return int(found + divisor if found < 0.9 * channels else found)

    @property
    def last(self) -> int:
        """Channels of the last maps; small models keep those of the full one."""
        return 1280 if self.finegrained_output and self.depth_multiplier < 1 else self.width(1280)


def conv(c: MobileNetV2Config, inner: int, outer: int, kernel: int, *, stride: int = 1) -> ConvNorm:
    """A convolution over all channels."""
    padding = None if c.tf_padding else kernel // 2
    return ConvNorm(inner, outer, kernel, stride=stride, padding=padding, act=c.hidden_act, eps=c.layer_norm_eps)


def around(c: MobileNetV2Config, width: int, stride: int, dilation: int = 1) -> ConvNorm:
    """A convolution in each channel alone."""
    padding, eps = None if c.tf_padding else dilation, c.layer_norm_eps
    more = {"stride": stride, "padding": padding, "dilation": dilation, "groups": width}
    return ConvNorm(width, width, 3, **more, act=c.hidden_act, eps=eps)


class Bottleneck(nn.Module):
    """Widens, looks around in each channel alone, narrows; with a way around where the shape stays.

    wide: channels in between. expand: whether a convolution widens; else the input is as wide already.
    """

    def __init__(
        self, c: MobileNetV2Config, inner: int, outer: int, *, wide: int, stride: int, dilation: int, expand: bool
    ) -> None:
        super().__init__()
        self.expand = conv(c, inner, wide, 1) if expand else None
        self.spatial = around(c, wide, stride, dilation)
        self.reduce = ConvNorm(wide, outer, 1, eps=c.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce(self.spatial(x if self.expand is None else self.expand(x)))


class Residual(Bottleneck):
    """A bottleneck with a way around it."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Stem(nn.Module):
    """The first convolution, which halves the size, and a first bottleneck."""

    def __init__(self, c: MobileNetV2Config) -> None:
        super().__init__()
        wide, expand = c.width(32), not c.first_layer_is_expansion
        self.first = conv(c, c.num_channels, wide, 3, stride=2)
        self.block = Bottleneck(c, wide, c.width(CHANNELS[0]), wide=wide, stride=1, dilation=1, expand=expand)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.first(x))


def bottlenecks(c: MobileNetV2Config) -> Iterator[Bottleneck]:
    """All blocks. Once maps are as small as the config wants, later strides become dilation."""
    reached, dilation = 2, 1
    widths = [c.width(channels) for channels in CHANNELS]
    for inner, outer, step in zip(widths, widths[1:], STRIDES, strict=False):
        stride, spread = (step, 1) if reached != c.output_stride else (1, dilation)
        if reached == c.output_stride:
            dilation *= step
        else:
            reached *= step
        kind = Residual if stride == 1 and inner == outer else Bottleneck
        wide = c.divisible(round(inner * c.expand_ratio))
        yield kind(c, inner, outer, wide=wide, stride=stride, dilation=spread, expand=True)


class MobileNetV2(nn.Module):
    """Maps of an image, and their mean over it."""

    def __init__(self, c: MobileNetV2Config) -> None:
        super().__init__()
        self.channels = c.num_channels
        self.stem = Stem(c)
        self.blocks = nn.Sequential(*bottlenecks(c))
        self.top = conv(c, c.width(CHANNELS[-1]), c.last, 1)

    def forward(self, pixels: Tensor) -> Seen:
        check_channels(pixels, self.channels)
        maps = self.top(self.blocks(self.stem(pixels)))
        return Seen(maps, maps.mean((2, 3)))


FAMILIES = {
    "mobilenet_v2": Family(
        MobileNetV2Config,
        MobileNetV2,
        RULES,
        "mobilenet_v2.",
        {Head.BASE: HeadSpec(lambda c: SeenHead()), Head.IMAGE: classifier(pooled, lambda c: c.last)},
        ImageModel,
    ),
}
