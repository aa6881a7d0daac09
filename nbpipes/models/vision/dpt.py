"""DPT (https://arxiv.org/abs/2103.13413) and Depth Anything (https://arxiv.org/abs/2401.10891): depth from what a
vision transformer sees at several blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.block import Blocks
from nbpipes.layers.conv import BatchNorm
from nbpipes.layers.linear import Linear
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import VIT, ImageModel, PatchEncoder, SeenHead, Sides, block, first_token_pooler
from nbpipes.models.outputs import DepthMaps
from nbpipes.models.registry import family

BACKBONES = {"beit": False, "dinov2": True}
"""Families that may see for DPT instead of its own transformer, and whether their states are normed."""
READOUTS = ("ignore", "add", "project")


@dataclass(frozen=True, kw_only=True)
class FusionConfig(Config):
    """What the configs of both families have in common.

    backbone_config: of the model that sees, None for DPT's own. reassemble_factors: how much larger than the grid of
    patches the maps are that are made of each state. neck_hidden_sizes: their channels.
    """

    backbone_config: dict[str, Any] | None = field(default=None, repr=False)
    backbone: str | None = None
    reassemble_factors: tuple[float, ...] = (4, 2, 1, 0.5)
    head_in_index: int = -1

    def check_backbone(self) -> None:
        """ValueError where the model that sees is one that we do not have."""
        kind = (self.backbone_config or {}).get("model_type")
        if (self.backbone_config is None and self.backbone) or kind not in (None, *BACKBONES):
            raise ValueError(f"the backbone {self.backbone or kind!r} is not supported; known: {', '.join(BACKBONES)}")

    @property
    def seer(self) -> Config:
        """The config of the model that sees."""
        given = self.backbone_config or {}
        return family(given["model_type"]).config.read(given)


@dataclass(frozen=True, kw_only=True)
class DptConfig(FusionConfig):
    """Config of DPT."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    image_size: Sides = 384
    patch_size: Sides = 16
    num_channels: int = 3
    is_hybrid: bool = False
    qkv_bias: bool = True
    backbone_out_indices: tuple[int, ...] | None = (2, 5, 8, 11)
    readout_type: str = "project"
    neck_hidden_sizes: tuple[int, ...] = (96, 192, 384, 768)
    fusion_hidden_size: int = 256
    use_batch_norm_in_fusion_residual: bool = False
    use_bias_in_fusion_residual: bool | None = None
    add_projection: bool = False
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"


SMALL_DINOV2 = {
    "model_type": "dinov2",
    "image_size": 518,
    "hidden_size": 384,
    "num_attention_heads": 6,
    "out_indices": [9, 10, 11, 12],
}


@dataclass(frozen=True, kw_only=True)
class DepthAnythingConfig(FusionConfig):
    """Config of Depth Anything. max_depth: in metres, where depths are "metric"; "relative" ones have no unit."""

    backbone_config: dict[str, Any] | None = field(default_factory=lambda: dict(SMALL_DINOV2), repr=False)
    patch_size: int = 14
    neck_hidden_sizes: tuple[int, ...] = (48, 96, 192, 384)
    fusion_hidden_size: int = 64
    head_hidden_size: int = 32
    depth_estimation_type: str = "relative"
    max_depth: float | None = None


# ---------------------------------------------------------------------- from states to maps


class Reassemble(nn.Module):
    """Makes a map of the states of patches: `factor` times as large as their grid, with `channels`.

    readout: what becomes of the first token: "ignore", "add" it to the others, or "project" both together.
    """

    def __init__(self, width: int, channels: int, factor: float, *, readout: str, act: str) -> None:
        super().__init__()
        if readout not in READOUTS:
            raise ValueError(f"readout_type must be one of {', '.join(READOUTS)}, not {readout!r}")
        self.kind, self.act = readout, act
        self.readout = Linear(2 * width, width) if readout == "project" else None
        self.projection = Linear(width, channels)
        self.resize: nn.Module | None = None
        if factor > 1:
            self.resize = nn.ConvTranspose2d(channels, channels, int(factor), stride=int(factor))
        elif factor < 1:
            self.resize = nn.Conv2d(channels, channels, 3, stride=int(1 / factor), padding=1)

    def forward(self, state: Tensor, places: tuple[int, int]) -> Tensor:
        """state: `(batch, 1 + patches, width)`. places: rows and columns of patches."""
        first, x = state[:, :1], state[:, 1:]
        if self.readout is not None:
            x = self.readout(torch.cat((x, first.expand_as(x)), -1), self.act)
        elif self.kind == "add":
            x = x + first
        maps = self.projection(x).unflatten(1, places).permute(0, 3, 1, 2)
        return maps if self.resize is None else self.resize(maps)


class ResidualUnit(nn.Module):
    """Two convolutions behind an activation each, and the way around them."""

    def __init__(self, channels: int, *, bias: bool, norms: bool) -> None:
        super().__init__()
        self.convolution1, self.convolution2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=bias) for _ in "12")
        self.norm1, self.norm2 = (BatchNorm(channels) if norms else nn.Identity() for _ in "12")

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.convolution1(F.relu(x)))
        return x + self.norm2(self.convolution2(F.relu(y)))


class Fusion(nn.Module):
    """Adds a finer map to a coarser one, and enlarges the sum. alone: for the coarsest one, which has none before."""

    def __init__(self, channels: int, *, bias: bool, norms: bool, alone: bool) -> None:
        super().__init__()
        self.beside = None if alone else ResidualUnit(channels, bias=bias, norms=norms)
        self.unit = ResidualUnit(channels, bias=bias, norms=norms)
        self.projection = nn.Conv2d(channels, channels, 1)

    def forward(self, finer: Tensor, coarser: Tensor | None, size: Sequence[int] | None) -> Tensor:
        """size: height and width of the result, None for twice those of the map."""
        x = finer
        if self.beside is not None and coarser is not None:
            if finer.shape != coarser.shape:
                finer = F.interpolate(finer, size=coarser.shape[2:], mode="bilinear", align_corners=False)
            x = coarser + self.beside(finer)
        # The projection looks at single pixels only, so it gives the same before they are interpolated.
        x = self.projection(self.unit(x))
        height, width = size or (2 * x.shape[2], 2 * x.shape[3])
        return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=True)


class Neck(nn.Module):
    """Maps of several states, fused from the coarsest to the finest.

    exact: whether each sum is enlarged to the size of the next map, else to twice its own.
    """

    def __init__(
        self,
        c: DptConfig | DepthAnythingConfig,
        width: int,
        *,
        readout: str,
        act: str = "gelu",
        bias: bool = True,
        norms: bool = False,
        exact: bool,
    ) -> None:
        super().__init__()
        channels, count = c.fusion_hidden_size, len(c.neck_hidden_sizes)
        self.exact, self.last = exact, range(count)[c.head_in_index]
        self.parts = nn.ModuleList(
            Reassemble(width, size, factor, readout=readout, act=act)
            for size, factor in zip(c.neck_hidden_sizes, c.reassemble_factors, strict=True)
        )
        self.convs = nn.ModuleList(nn.Conv2d(size, channels, 3, padding=1, bias=False) for size in c.neck_hidden_sizes)
        self.fusions = nn.ModuleList(Fusion(channels, bias=bias, norms=norms, alone=not i) for i in range(count))

    def forward(self, states: Sequence[Tensor], places: tuple[int, int]) -> Tensor:
        """states: from the first block to the last. Returns the map that the head reads."""
        maps = [conv(part(state, places)) for state, part, conv in zip(states, self.parts, self.convs, strict=True)]
        maps.reverse()
        fused = None
        for place, fusion in enumerate(self.fusions[: self.last + 1]):
            size = maps[place + 1].shape[2:] if self.exact and place + 1 < len(maps) else None
            fused = fusion(maps[place], fused, size)
        assert fused is not None
        return fused


# ---------------------------------------------------------------------- heads


class DepthHead(nn.Module):
    """Depths from the states of several blocks.

    wanted: these blocks, from 1 on. normed: whether the states go through the norm behind the last block.
    patch: pixels of a side of a patch, where depths get the size of the image; else twice that of the last map.
    metric: whether depths lie between 0 and `scale`; else they have no upper limit.
    """

    def __init__(
        self,
        neck: Neck,
        channels: int,
        middle: int = 32,
        *,
        wanted: Sequence[int],
        normed: bool,
        patch: int | None = None,
        first: bool = False,
        metric: bool = False,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if len(set(wanted)) != len(neck.parts):
            raise ValueError(f"the neck makes maps of {len(neck.parts)} states, but the blocks {wanted} are to be seen")
        self.neck, self.wanted, self.normed, self.patch = neck, frozenset(wanted), normed, patch
        self.metric, self.scale = metric, scale
        self.projection = nn.Conv2d(channels, channels, 3, padding=1) if first else None
        self.conv1 = nn.Conv2d(channels, channels // 2, 3, padding=1)
        self.conv2 = nn.Conv2d(channels // 2, middle, 3, padding=1)
        self.conv3 = nn.Conv2d(middle, 1, 1)

    def forward(self, states: Sequence[Tensor], places: tuple[int, int]) -> DepthMaps:
        x = self.neck(states, places)
        if self.projection is not None:
            x = F.relu(self.projection(x))
        x = self.conv1(x)
        height, width = x.shape[2] * 2, x.shape[3] * 2
        if self.patch is not None:
            height, width = places[0] * self.patch, places[1] * self.patch
        x = F.interpolate(x, size=(height, width), mode="bilinear", align_corners=True)
        x = self.conv3(F.relu(self.conv2(x)))[:, 0]
        return DepthMaps((torch.sigmoid(x) if self.metric else F.relu(x)) * self.scale)


class DepthModel(ImageModel):
    """A transformer that sees and, for depths, a head that reads the states of several of its blocks."""

    def forward(self, pixel_values: Tensor) -> Any:
        if not isinstance(self.head, DepthHead):
            return super().forward(pixel_values)
        self.prepare()
        trunk: Any = self.trunk
        states, places = trunk.states(pixel_values.to(self.dtype), self.head.wanted)
        return self.head([trunk.norm(state) for state in states] if self.head.normed else states, places)


def seen_blocks(backbone: Mapping[str, Any], layers: int) -> list[int]:
    """The blocks, from 1 on, whose states a backbone's config asks for."""
    if names := backbone.get("out_features"):
        return [int(str(name).removeprefix("stage")) for name in names]
    return [index % (layers + 1) for index in backbone.get("out_indices") or (layers,)]


def seer(c: FusionConfig) -> nn.Module:
    """The trunk of the family that sees."""
    c.check_backbone()
    return family(c.seer.model_type).trunk(c.seer)


def dpt(c: DptConfig) -> nn.Module:
    """DPT's own transformer, which reads images of any size, or another one."""
    if c.is_hybrid:
        raise ValueError("DPT with a convolutional stem (is_hybrid) is not supported")
    if c.backbone_config is not None or c.backbone:
        return seer(c)
    shape = (c.hidden_size, c.num_attention_heads, c.intermediate_size, c.hidden_act, c.layer_norm_eps)
    return PatchEncoder(
        Blocks(block(*shape, biases=c.qkv_bias) for _ in range(c.num_hidden_layers)),
        nn.LayerNorm(c.hidden_size, c.layer_norm_eps),
        width=c.hidden_size,
        size=c.image_size,
        patch=c.patch_size,
        channels=c.num_channels,
        stretch=True,
        mode="bilinear",
    )


def dpt_depth(c: DptConfig) -> DepthHead:
    """The head of DPT."""
    width, layers, other = c.hidden_size, c.num_hidden_layers, c.backbone_config
    wanted = [index + 1 for index in c.backbone_out_indices or ()]
    if other is not None:
        width, layers = c.seer.hidden_size, c.seer.num_hidden_layers  # pyright: ignore[reportAttributeAccessIssue]
        wanted = seen_blocks(other, layers)
    norms, bias = c.use_batch_norm_in_fusion_residual, c.use_bias_in_fusion_residual
    bias = not norms if bias is None else bias
    neck = Neck(c, width, readout=c.readout_type, act=c.hidden_act, bias=bias, norms=norms, exact=False)
    normed = other is not None and BACKBONES[c.seer.model_type] and other.get("apply_layernorm", True)
    return DepthHead(neck, c.fusion_hidden_size, wanted=wanted, normed=normed, first=c.add_projection)


def depth_anything_depth(c: DepthAnythingConfig) -> DepthHead:
    """The head of Depth Anything."""
    if c.depth_estimation_type not in ("relative", "metric"):
        raise ValueError(f"depth_estimation_type must be 'relative' or 'metric', not {c.depth_estimation_type!r}")
    other: Any = c.seer
    neck = Neck(c, other.hidden_size, readout="ignore", exact=True)
    given = c.backbone_config or {}
    return DepthHead(
        neck,
        c.fusion_hidden_size,
        c.head_hidden_size,
        wanted=seen_blocks(given, other.num_hidden_layers),
        normed=given.get("apply_layernorm", True),
        patch=c.patch_size,
        metric=c.depth_estimation_type == "metric",
        scale=c.max_depth or 1,
    )


PART, FUSED = "neck.reassemble_stage.layers.{i}", "neck.fusion_stage.layers.{i}"
NECK = (
    Rule(f"{PART}.projection.weight", ("neck.parts.{i}.projection.weight",), lambda tensor: (tensor.flatten(1),)),
    rename(PART, "neck.parts.{i}"),
    rename("neck.reassemble_stage.readout_projects.{i}.0", "neck.parts.{i}.readout"),
    rename("neck.convs", "neck.convs"),
    drop("neck.fusion_stage.layers.0.residual_layer1"),  # it would look at a coarser map than the coarsest one
    drop("neck.*.num_batches_tracked"),
    *(
        rename(f"{FUSED}.{part}.{theirs}{k}", f"neck.fusions.{{i}}.{ours}.{name}{k}")
        for part, ours in (("residual_layer1", "beside"), ("residual_layer2", "unit"))
        for theirs, name in (("convolution", "convolution"), ("batch_norm", "norm"))
        for k in (1, 2)
    ),
    rename(f"{FUSED}.projection", "neck.fusions.{i}.projection"),
)
DPT_HEAD = (
    rename("head.projection", "projection"),
    rename("head.head.0", "conv1"),
    rename("head.head.2", "conv2"),
    rename("head.head.4", "conv3"),
)
ANYTHING_HEAD = tuple(rename(f"head.conv{k}", f"conv{k}") for k in (1, 2, 3))
SEERS = tuple(
    Rule(f"backbone.{rule.source}", rule.targets, rule.change) for name in BACKBONES for rule in family(name).rules
)

FAMILIES = {
    "dpt": Family(
        DptConfig,
        dpt,
        (*SEERS, *VIT),
        "dpt.",
        {
            Head.BASE: first_token_pooler("dpt."),
            Head.DEPTH: HeadSpec(dpt_depth, (*NECK, *DPT_HEAD)),
        },
        DepthModel,
    ),
    "depth_anything": Family(
        DepthAnythingConfig,
        seer,
        SEERS,
        "",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.DEPTH: HeadSpec(depth_anything_depth, (*NECK, *ANYTHING_HEAD)),
        },
        DepthModel,
    ),
}
