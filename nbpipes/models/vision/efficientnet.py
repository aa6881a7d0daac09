"""EfficientNet (https://arxiv.org/abs/1905.11946)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.conv import ConvNorm
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, check_channels, classifier, pooled
from nbpipes.models.outputs import Seen

BLOCK, OURS = "encoder.blocks.{i}", "blocks.{i}"
RULES = (
    drop("*.num_batches_tracked"),
    rename("embeddings.convolution", "stem.conv"),
    rename("embeddings.batchnorm", "stem.norm"),
    rename(f"{BLOCK}.expansion.expand_conv", f"{OURS}.expand.conv"),
    rename(f"{BLOCK}.expansion.expand_bn", f"{OURS}.expand.norm"),
    rename(f"{BLOCK}.depthwise_conv.depthwise_conv", f"{OURS}.spatial.conv"),
    rename(f"{BLOCK}.depthwise_conv.depthwise_norm", f"{OURS}.spatial.norm"),
    rename(f"{BLOCK}.squeeze_excite.reduce", f"{OURS}.gate.reduce"),
    rename(f"{BLOCK}.squeeze_excite.expand", f"{OURS}.gate.expand"),
    rename(f"{BLOCK}.projection.project_conv", f"{OURS}.project.conv"),
    rename(f"{BLOCK}.projection.project_bn", f"{OURS}.project.norm"),
    rename("encoder.top_conv", "top.conv"),
    rename("encoder.top_bn", "top.norm"),
)


@dataclass(frozen=True, kw_only=True)
class EfficientNetConfig(Config):
    """Config of EfficientNet."""

    num_channels: int = 3
    width_coefficient: float = 2.0
    depth_coefficient: float = 3.1
    depth_divisor: int = 8
    kernel_sizes: tuple[int, ...] = (3, 3, 5, 3, 5, 5, 3)
    in_channels: tuple[int, ...] = (32, 16, 24, 40, 80, 112, 192)
    out_channels: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    depthwise_padding: tuple[int, ...] = ()
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    num_block_repeats: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)
    expand_ratios: tuple[int, ...] = (1, 6, 6, 6, 6, 6, 6)
    squeeze_expansion_ratio: float = 0.25
    hidden_act: str = "swish"
    hidden_dim: int = 2560
    pooling_type: str = "mean"
    batch_norm_eps: float = 0.001

    def width(self, channels: int) -> int:
        """Channels at this size of the model: a multiple of the divisor, not more than 10 % below what was asked."""
        wanted, divisor = channels * self.width_coefficient, self.depth_divisor
        found = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
        return int(found + divisor if found < 0.9 * wanted else found)


class Gate(nn.Module):
    """Squeeze and excitation (https://arxiv.org/abs/1709.01507): scales channels by what the whole image holds."""

    def __init__(self, width: int, squeezed: int, act: str) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.expand(self.act(self.reduce(mean))))


class Bottleneck(nn.Module):
    """Widens, looks around in each channel alone, gates, narrows; with a way around where the shape stays."""

    def __init__(
        self,
        c: EfficientNetConfig,
        inner: int,
        outer: int,
        *,
        kernel: int,
        stride: int,
        ratio: int,
        again: bool,
        odd: bool,
    ) -> None:
        super().__init__()
        wide, eps, half = inner * ratio, c.batch_norm_eps, kernel // 2
        self.expand = ConvNorm(inner, wide, 1, act=c.hidden_act, eps=eps) if ratio != 1 else None
        # With stride 2 upstream pads one pixel less on the left and at the top, as TensorFlow does for even sizes.
        less = half - 1 if odd else half
        padding = half if stride != 2 else (less, half, less, half)
        self.spatial = ConvNorm(
            wide, wide, kernel, stride=stride, padding=padding, groups=wide, act=c.hidden_act, eps=eps
        )
        self.gate = Gate(wide, max(1, int(inner * c.squeeze_expansion_ratio)), c.hidden_act)
        self.project = ConvNorm(wide, outer, 1, eps=eps)
        self.around = stride == 1 and again

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else self.expand(x)
        change = self.project(self.gate(self.spatial(wide)))
        return x + change if self.around else change


def bottlenecks(c: EfficientNetConfig) -> Iterator[Bottleneck]:
    """All blocks: stages of several, of which only the first changes the size."""
    number = 0
    columns = (c.in_channels, c.out_channels, c.kernel_sizes, c.strides, c.expand_ratios, c.num_block_repeats)
    for inner, outer, kernel, stride, ratio, repeats in zip(*columns, strict=True):
        for place in range(math.ceil(c.depth_coefficient * repeats)):
            yield Bottleneck(
                c,
                c.width(outer if place else inner),
                c.width(outer),
                kernel=kernel,
                stride=1 if place else stride,
                ratio=ratio,
                again=place > 0,
                odd=number not in c.depthwise_padding,
            )
            number += 1


class EfficientNet(nn.Module):
    """Maps of an image, and their mean or maximum over it."""

    def __init__(self, c: EfficientNetConfig) -> None:
        super().__init__()
        if c.pooling_type not in ("mean", "max"):
            raise ValueError(f"pooling_type must be 'mean' or 'max', not {c.pooling_type!r}")
        self.channels, self.mean = c.num_channels, c.pooling_type == "mean"
        eps = c.batch_norm_eps
        self.stem = ConvNorm(c.num_channels, c.width(32), 3, stride=2, padding=(0, 1, 0, 1), act=c.hidden_act, eps=eps)
        self.blocks = nn.Sequential(*bottlenecks(c))
        self.top = ConvNorm(c.width(c.out_channels[-1]), c.width(1280), 1, act=c.hidden_act, eps=eps)

    def forward(self, pixels: Tensor) -> Seen:
        check_channels(pixels, self.channels)
        maps = self.top(self.blocks(self.stem(pixels)))
        return Seen(maps, maps.mean((2, 3)) if self.mean else maps.amax((2, 3)))


FAMILIES = {
    "efficientnet": Family(
        EfficientNetConfig,
        EfficientNet,
        RULES,
        "efficientnet.",
        {Head.BASE: HeadSpec(lambda c: SeenHead()), Head.IMAGE: classifier(pooled, lambda c: c.hidden_dim)},
        ImageModel,
    ),
}
