"""Depth Anything (https://arxiv.org/abs/2401.10891): depths from what DINOv2 sees."""

from dataclasses import dataclass, field
from typing import Any

from nbpipes.hub.weights import rename
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.fusion import NECK, SEERS, DepthHead, FusionConfig, Neck, StatesModel, seen_blocks, seer
from nbpipes.models.heads import Head
from nbpipes.models.images import SeenHead

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


def depths(c: DepthAnythingConfig) -> DepthHead:
    """The head."""
    if c.depth_estimation_type not in ("relative", "metric"):
        raise ValueError(f"depth_estimation_type must be 'relative' or 'metric', not {c.depth_estimation_type!r}")
    other: Any = c.seer
    given = c.backbone_config or {}
    return DepthHead(
        Neck(c, other.hidden_size, readout="ignore", exact=True),
        c.fusion_hidden_size,
        c.head_hidden_size,
        wanted=seen_blocks(given, other.num_hidden_layers),
        normed=given.get("apply_layernorm", True),
        patch=c.patch_size,
        metric=c.depth_estimation_type == "metric",
        scale=c.max_depth or 1,
    )


FAMILIES = {
    "depth_anything": Family(
        DepthAnythingConfig,
        seer,
        SEERS,
        "",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.DEPTH: HeadSpec(depths, (*NECK, *(rename(f"head.conv{k}", f"conv{k}") for k in (1, 2, 3)))),
        },
        StatesModel,
    ),
}
