"""DPT (https://arxiv.org/abs/2103.13413): depths, or labels of places, from several blocks of a transformer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename, under
from nbpipes.layers.conv import ConvNorm
from nbpipes.models.bit import BIT, bit
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.fusion import (
    BACKBONES,
    NECK,
    SEERS,
    DepthHead,
    FusionConfig,
    Neck,
    StatesHead,
    StatesModel,
    seen_blocks,
    seer,
)
from nbpipes.models.heads import Head
from nbpipes.models.images import VIT, PatchConfig, PatchEncoder, Sides, blocks, first_token_pooler
from nbpipes.models.outputs import LabelMaps

HYBRID = {
    "global_padding": "same",
    "layer_type": "bottleneck",
    "depths": [3, 4, 9],
    "embedding_dynamic_padding": True,
}
"""The network before the transformer of a hybrid, where the config leaves it out."""
EARLY = 2
"""Maps of that network that the neck of a hybrid is given; the last one goes through the transformer."""


@dataclass(frozen=True, kw_only=True)
class DptConfig(FusionConfig, PatchConfig):
    """Config of DPT. is_hybrid: whether a network of convolutions stands before the transformer.
    backbone_featmap_shape: of that network's last map."""

    image_size: Sides = 384
    is_hybrid: bool = False
    backbone_featmap_shape: tuple[int, ...] | None = None
    qkv_bias: bool = True
    backbone_out_indices: tuple[int, ...] | None = (2, 5, 8, 11)
    readout_type: str = "project"
    use_batch_norm_in_fusion_residual: bool = False
    use_bias_in_fusion_residual: bool | None = None
    add_projection: bool = False
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"


class DptEncoder(PatchEncoder):
    """DPT's own transformer, which reads images of any size."""

    def __init__(self, c: DptConfig) -> None:
        super().__init__(
            blocks(c, biases=c.qkv_bias),
            nn.LayerNorm(c.hidden_size, c.layer_norm_eps),
            width=c.hidden_size,
            size=c.image_size,
            patch=c.patch_size,
            channels=c.num_channels,
            stretch=True,
            mode="bilinear",
        )


class HybridEncoder(DptEncoder):
    """The same behind a network of convolutions, the places of whose last map are its patches."""

    def __init__(self, c: DptConfig) -> None:
        super().__init__(c)
        self.body = bit(c.backbone_config or HYBRID)
        _, channels, *_ = c.backbone_featmap_shape or (1, 1024)
        self.patches = nn.Conv2d(channels, c.hidden_size, 1)

    def embed(self, pixels: Tensor) -> tuple[Tensor, tuple[int, int]]:
        return self.embed_maps(self.patches(self._maps(pixels)[-1]))

    def states(self, pixels: Tensor, wanted: Collection[int]) -> tuple[list[Tensor], tuple[int, int]]:
        """As the transformer alone, behind the first maps of the network."""
        *early, last = self._maps(pixels)
        x, places = self.embed_maps(self.patches(last))
        return [*early, *self.states_of(x, places, wanted)], places

    def _maps(self, pixels: Tensor) -> list[Tensor]:
        return self.body(pixels)[: EARLY + 1]


def dpt(c: DptConfig) -> nn.Module:
    """What sees: DPT's own transformer, alone or behind convolutions, or another one."""
    if c.is_hybrid:
        return HybridEncoder(c)
    return seer(c) if c.backbone_config is not None or c.backbone else DptEncoder(c)


# ---------------------------------------------------------------------- heads


class LabelHead(StatesHead):
    """Labels of places."""

    def __init__(self, neck: Neck, channels: int, labels: int, *, wanted: Sequence[int], normed: bool) -> None:
        super().__init__(neck, wanted=wanted, normed=normed)
        self.blend = ConvNorm(channels, channels, 3, padding=1, act="relu")
        self.out = nn.Conv2d(channels, labels, 1)

    def forward(self, states: Sequence[Tensor], places: tuple[int, int]) -> LabelMaps:
        x = self.out(self.blend(self.neck(states, places)))
        size = (2 * x.shape[2], 2 * x.shape[3])
        return LabelMaps(F.interpolate(x, size=size, mode="bilinear", align_corners=True))


@dataclass(frozen=True, slots=True)
class Looks:
    """What the heads read. wanted: blocks, from 1 on. normed: whether their states go through the last norm."""

    neck: Neck
    wanted: list[int]
    normed: bool


def looks(c: DptConfig) -> Looks:
    """The neck of a config, and what it reads."""
    norms, bias = c.use_batch_norm_in_fusion_residual, c.use_bias_in_fusion_residual
    other, given = None if c.is_hybrid else c.backbone_config, EARLY if c.is_hybrid else 0
    wanted = [index + 1 for index in (c.backbone_out_indices or ())[given:]]
    width, normed = c.hidden_size, False
    if other is not None:
        source: Any = c.seer
        width, wanted = source.hidden_size, seen_blocks(other, source.num_hidden_layers)
        normed = BACKBONES[source.model_type] and other.get("apply_layernorm", True)
    neck = Neck(
        c,
        width,
        readout=c.readout_type,
        act=c.hidden_act,
        bias=not norms if bias is None else bias,
        norms=norms,
        exact=False,
        given=given,
    )
    return Looks(neck, wanted, normed)


def depths(c: DptConfig) -> DepthHead:
    """The head of depths."""
    seen = looks(c)
    return DepthHead(seen.neck, c.fusion_hidden_size, wanted=seen.wanted, normed=seen.normed, first=c.add_projection)


def label_maps(c: DptConfig) -> LabelHead:
    """The head of labels of places."""
    seen = looks(c)
    return LabelHead(seen.neck, c.fusion_hidden_size, len(c.labels), wanted=seen.wanted, normed=seen.normed)


DEPTHS = (
    *NECK,
    rename("head.projection", "projection"),
    rename("head.head.0", "conv1"),
    rename("head.head.2", "conv2"),
    rename("head.head.4", "conv3"),
)
LABELS = (
    *NECK,
    drop("auxiliary_head"),  # of training
    drop("head.head.1.num_batches_tracked"),
    rename("head.head.0", "blend.conv"),
    rename("head.head.1", "blend.norm"),
    rename("head.head.4", "out"),
)
HYBRIDS = (
    *under("embeddings.backbone.bit.", BIT, "body."),
    rename("embeddings.projection", "patches"),
)
FAMILIES = {
    "dpt": Family(
        DptConfig,
        dpt,
        (*SEERS, *HYBRIDS, *VIT),
        "dpt.",
        {
            Head.BASE: first_token_pooler("dpt."),
            Head.DEPTH: HeadSpec(depths, DEPTHS),
            Head.LABEL_MAPS: HeadSpec(label_maps, LABELS),
        },
        StatesModel,
    ),
}
