"""ResNets, which other models look through: their configs, their maps, and the two ways of naming their weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.conv import ConvNorm
from nbpipes.layers.resnet import ResidualConv, ResNetMaps

LAYER, OURS = "encoder.stages.{i}.layers.{j}", "stages.{i}.{j}"
NAMED = (
    drop("*.num_batches_tracked"),
    rename("embedder.embedder.convolution", "stem.conv"),
    rename("embedder.embedder.normalization", "stem.norm"),
    rename(f"{LAYER}.shortcut.convolution", f"{OURS}.around.conv"),
    rename(f"{LAYER}.shortcut.normalization", f"{OURS}.around.norm"),
    rename(f"{LAYER}.layer.{{k}}.convolution", f"{OURS}.layers.{{k}}.conv"),
    rename(f"{LAYER}.layer.{{k}}.normalization", f"{OURS}.layers.{{k}}.norm"),
)
"""The names of transformers' own ResNet."""
STAGES = 4
NAMED_BY_TIMM = (
    rename("conv1", "stem.conv"),
    rename("bn1", "stem.norm"),
    *(
        rename(f"layer{i + 1}.{{j}}.{part}{k + 1}", f"stages.{i}.{{j}}.layers.{k}.{ours}")
        for i in range(STAGES)
        for k in range(3)
        for part, ours in (("conv", "conv"), ("bn", "norm"))
    ),
    *(
        rename(f"layer{i + 1}.{{j}}.downsample.{k}", f"stages.{i}.{{j}}.around.{ours}")
        for i in range(STAGES)
        for k, ours in enumerate(("conv", "norm"))
    ),
)
"""The names of the timm package, under which DETR's authors and many after them have stored it."""


@dataclass(frozen=True, kw_only=True)
class ResNetConfig(Config):
    """Config of ResNet."""

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    layer_type: str = "bottleneck"
    hidden_act: str = "relu"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False
    out_features: tuple[str, ...] | None = None
    out_indices: tuple[int, ...] | None = None


NARROW, DEEP = (64, 128, 256, 512), (256, 512, 1024, 2048)
TIMM: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = MappingProxyType(
    {
        "resnet18": (NARROW, (2, 2, 2, 2)),
        "resnet34": (NARROW, (3, 4, 6, 3)),
        "resnet50": (DEEP, (3, 4, 6, 3)),
        "resnet101": (DEEP, (3, 4, 23, 3)),
        "resnet152": (DEEP, (3, 8, 36, 3)),
    }
)
"""Channels and depths of the stages by timm's name."""


def resnet(c: ResNetConfig, *, dilated: bool = False) -> ResNetMaps:
    """The body of a ResNet, up to its last stage."""
    if c.layer_type not in ("basic", "bottleneck"):
        raise ValueError(f"layer_type must be 'basic' or 'bottleneck', not {c.layer_type!r}")
    deep = c.layer_type == "bottleneck"
    if dilated and not deep:
        raise ValueError("a ResNet of basic layers cannot be dilated")

    def make(inner: int, outer: int, stride: int, dilation: int) -> ResidualConv:
        around = ConvNorm(inner, outer, 1, stride=stride) if inner != outer or stride != 1 else None
        return ResidualConv(
            inner,
            outer,
            bottleneck=deep,
            stride=stride,
            dilation=dilation,
            early=c.downsample_in_bottleneck,
            around=around,
            act=c.hidden_act,
        )

    stem = ConvNorm(c.num_channels, c.embedding_size, 7, stride=2, padding=3, act=c.hidden_act)
    first = 2 if c.downsample_in_first_stage else 1
    return ResNetMaps(stem, c.embedding_size, c.hidden_sizes, c.depths, make, first=first, dilated=dilated)


def chosen(raw: Mapping[str, Any] | None, name: str | None, *, timm: bool, channels: int) -> ResNetConfig:
    """The ResNet that a model's config asks for: by timm's name, or by a config of its own (`raw`, None = defaults).

    channels: of the pixels, where the name alone does not tell. ValueError for another kind of network.
    """
    if timm:
        if name is None or name not in TIMM:
            raise ValueError(f"backbone {name!r} is not supported; known: {', '.join(TIMM)}")
        sizes, depths = TIMM[name]
        kind = "basic" if sizes == NARROW else "bottleneck"
        return ResNetConfig(num_channels=channels, hidden_sizes=sizes, depths=depths, layer_type=kind)
    if raw is None and name not in (None, "resnet50"):
        raise ValueError(f"backbone {name!r} is not described by a backbone_config")
    given = raw or {}
    if given.get("model_type", "resnet") != "resnet":
        raise ValueError(f"a backbone of the type {given['model_type']!r} is not supported here; known: resnet")
    read = ResNetConfig.read(given)
    return _up_to(read, _last_stage(read))


def _last_stage(c: ResNetConfig) -> int:
    """The stage that is looked at, from 1 on; the stem is stage 0."""
    if c.out_features:
        return int(c.out_features[-1].removeprefix("stage"))
    return c.out_indices[-1] % (len(c.depths) + 1) if c.out_indices else len(c.depths)


def _up_to(c: ResNetConfig, last: int) -> ResNetConfig:
    if not 1 <= last <= len(c.depths):
        raise ValueError(f"the backbone has no stage {last} to look at")
    return replace(c, hidden_sizes=c.hidden_sizes[:last], depths=c.depths[:last])
