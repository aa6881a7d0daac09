"""What models that find segments share: the networks they look through, and how masks are made of vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.models.backbones import NAMED, chosen, resnet
from nbpipes.models.convnext import CONVNEXT, EPS, ConvNext, ConvNextConfig
from nbpipes.models.outputs import Masks, Seen
from nbpipes.models.windows import SWIN, Swin, SwinConfig, chosen_stages

STAGES = 4


@dataclass(slots=True)
class Segmented:
    """What a trunk has found in images. states: `(batch, segments, width)`. vectors: `(batch, segments, channels)`,
    whose products with `pixels`, `(batch, channels, height, width)`, are masks; None where the head makes them of the
    states. seen: the last map of the network that looks."""

    states: Tensor
    pixels: Tensor
    seen: Tensor
    vectors: Tensor | None = None


class SeenLast(nn.Module):
    """Gives what the network that looks has seen last."""

    leading = None

    def forward(self, found: Segmented) -> Seen:
        return Seen(found.seen)


class MaskClassifier(nn.Module):
    """Labels and masks of segments. embed: makes vectors of their states, where the trunk does not."""

    leading = None

    def __init__(self, width: int, labels: int, embed: nn.Module | None = None) -> None:
        super().__init__()
        self.label, self.embed = nn.Linear(width, labels + 1), embed

    def forward(self, found: Segmented) -> Masks:
        vectors = found.vectors if self.embed is None else self.embed(found.states)
        assert vectors is not None
        return Masks(self.label(found.states), products(vectors, found.pixels))


def products(vectors: Tensor, pixels: Tensor) -> Tensor:
    """vectors: `(batch, segments, channels)`. pixels: `(batch, channels, height, width)`. Returns `(batch, segments,
    height, width)`."""
    return torch.einsum("bqc,bchw->bqhw", vectors, pixels)


# ---------------------------------------------------------------------- networks that look


class NormedMaps(nn.Module):
    """Normed maps of some stages of Swin or ConvNeXT. widths: channels of all stages. wanted: stages, from 0 on, where
    the patches are. eps: of the norms."""

    def __init__(self, body: Swin | ConvNext, widths: Sequence[int], wanted: Sequence[int], eps: float) -> None:
        super().__init__()
        self.body, self.wanted = body, tuple(wanted)
        self.channels = tuple(widths[max(stage - 1, 0)] for stage in wanted)
        pairs = zip(wanted, self.channels, strict=True)
        self.norms = nn.ModuleDict({str(stage): nn.LayerNorm(width, eps) for stage, width in pairs})

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """pixels: `(batch, 3, height, width)`. Returns `(batch, channels, height, width)` each, the largest first."""
        maps = self.body.maps(pixels)
        return [self.norms[str(stage)](maps[stage]).permute(0, 3, 1, 2) for stage in self.wanted]


class ResNetStages(nn.Module):
    """Maps of all stages of a ResNet."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        super().__init__()
        shape = chosen(raw, None, timm=False, channels=3)
        self.body, self.channels = resnet(shape), shape.hidden_sizes

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """As for NormedMaps."""
        return self.body(pixels, None, len(self.channels))


def network(raw: Mapping[str, Any], *, every: bool = False) -> NormedMaps | ResNetStages:
    """The network that a `backbone_config` describes; ValueError for a kind that is not known.

    every: whether all stages of Swin give their maps, whatever the config says.
    """
    match raw.get("model_type", "swin"):
        case "swin" | "maskformer-swin":
            c = SwinConfig.read(raw)
            count = len(c.depths) + 1
            wanted = range(1, count) if every else chosen_stages(c.out_features, c.out_indices, count)
            return NormedMaps(Swin(c, norm=False, moves=True), c.widths, wanted, 1e-5)
        case "convnext":
            c = ConvNextConfig.read(raw)
            wanted = chosen_stages(c.out_features, c.out_indices, len(c.depths) + 1)
            return NormedMaps(ConvNext(c, norm=False), c.hidden_sizes, wanted, EPS)
        case "resnet":
            return ResNetStages(raw)
        case kind:
            raise ValueError(f"a backbone of the type {kind!r} is not supported; known: swin, convnext, resnet")


NETWORK = (
    rename("hidden_states_norms.stem", "norms.0"),
    *(rename(f"hidden_states_norms.stage{i}", f"norms.{i}") for i in range(1, STAGES + 1)),
    *(rename(f"hidden_states_norms.{i}", f"norms.{i + 1}") for i in range(STAGES)),
)
"""Norms of maps, by the name of the stage or, as MaskFormer has them, counted."""
BODY = (*SWIN, *NAMED, *CONVNEXT)
