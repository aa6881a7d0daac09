"""What DPT and Depth Anything share: maps made of what a transformer sees at several blocks, fused into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.conv import BatchNorm
from nbpipes.layers.linear import Linear
from nbpipes.models.images import ImageModel
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
    neck_hidden_sizes: tuple[int, ...] = (96, 192, 384, 768)
    fusion_hidden_size: int = 256
    head_in_index: int = -1

    @property
    def seer(self) -> Config:
        """The config of the model that sees."""
        given = self.backbone_config or {}
        return family(given["model_type"]).config.read(given)


def seer(c: FusionConfig) -> nn.Module:
    """The trunk of the family that sees; ValueError where it is one that we do not have."""
    kind = (c.backbone_config or {}).get("model_type")
    if (c.backbone_config is None and c.backbone) or kind not in BACKBONES:
        raise ValueError(f"the backbone {c.backbone or kind!r} is not supported; known: {', '.join(BACKBONES)}")
    return family(c.seer.model_type).trunk(c.seer)


def seen_blocks(backbone: Mapping[str, Any], layers: int) -> list[int]:
    """The blocks, from 1 on, whose states a backbone's config asks for."""
    if names := backbone.get("out_features"):
        return [int(str(name).removeprefix("stage")) for name in names]
    return [index % (layers + 1) for index in backbone.get("out_indices") or (layers,)]


# ---------------------------------------------------------------------- from states to one map


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

    width: of the states. readout: what becomes of their first token. act: behind its projection. bias, norms: of the
    residual units. exact: whether each sum is enlarged to the size of the next map, else to twice its own. given: how
    many of the first states are maps already.
    """

    def __init__(
        self,
        c: FusionConfig,
        width: int,
        *,
        readout: str,
        act: str = "gelu",
        bias: bool = True,
        norms: bool = False,
        exact: bool,
        given: int = 0,
    ) -> None:
        super().__init__()
        channels, count = c.fusion_hidden_size, len(c.neck_hidden_sizes)
        self.exact, self.given, self.last = exact, given, range(count)[c.head_in_index]
        self.parts = nn.ModuleList(
            nn.Identity() if place < given else Reassemble(width, size, factor, readout=readout, act=act)
            for place, (size, factor) in enumerate(zip(c.neck_hidden_sizes, c.reassemble_factors, strict=True))
        )
        self.convs = nn.ModuleList(nn.Conv2d(size, channels, 3, padding=1, bias=False) for size in c.neck_hidden_sizes)
        self.fusions = nn.ModuleList(Fusion(channels, bias=bias, norms=norms, alone=not i) for i in range(count))

    def forward(self, states: Sequence[Tensor], places: tuple[int, int]) -> Tensor:
        """states: from the first block to the last, behind the maps that are given. Returns the map that the head
        reads."""
        maps = [*states[: self.given]]
        maps += [
            part(state, places) for state, part in zip(states[self.given :], self.parts[self.given :], strict=True)
        ]
        maps = [conv(one) for conv, one in zip(self.convs, maps, strict=True)][::-1]
        fused = None
        for place, fusion in enumerate(self.fusions[: self.last + 1]):
            size = maps[place + 1].shape[2:] if self.exact and place + 1 < len(maps) else None
            fused = fusion(maps[place], fused, size)
        assert fused is not None
        return fused


# ---------------------------------------------------------------------- heads


class StatesHead(nn.Module):
    """What heads share that read a neck.

    wanted: the blocks, from 1 on, whose states the neck reads behind the maps that it is given. normed: whether they go
    through the norm behind the last block.
    """

    def __init__(self, neck: Neck, *, wanted: Sequence[int], normed: bool) -> None:
        super().__init__()
        if len(set(wanted)) != len(neck.parts) - neck.given:
            raise ValueError(f"the neck makes maps of {len(neck.parts)} states, but the blocks {wanted} are to be seen")
        self.neck, self.wanted, self.normed = neck, frozenset(wanted), normed


class DepthHead(StatesHead):
    """Depths from the states of several blocks.

    middle: channels before the last layer. patch: pixels of a side of a patch, where depths get the size of the image;
    else twice that of the last map. first: whether there is one more convolution. metric: whether depths lie between 0
    and `scale`; else they have no upper limit.
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
        super().__init__(neck, wanted=wanted, normed=normed)
        self.patch, self.metric, self.scale = patch, metric, scale
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


class StatesModel(ImageModel):
    """A transformer that sees, and a head, which may read the states of several of its blocks."""

    def forward(self, pixel_values: Tensor) -> Any:
        if not isinstance(self.head, StatesHead):
            return super().forward(pixel_values)
        self.prepare()
        trunk: Any = self.trunk
        states, places = trunk.states(pixel_values.to(self.dtype), self.head.wanted)
        given = self.head.neck.given
        if self.head.normed:
            states = [*states[:given], *(trunk.norm(state) for state in states[given:])]
        return self.head(states, places)


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
SEERS = tuple(
    Rule(f"backbone.{rule.source}", rule.targets, rule.change) for name in BACKBONES for rule in family(name).rules
)
