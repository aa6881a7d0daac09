"""UPerNet (https://arxiv.org/abs/1807.10221) on Swin, ConvNeXT and ResNet."""

from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import under
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead
from nbpipes.models.outputs import LabelMaps, Seen
from nbpipes.models.segmentation import BODY, NETWORK, network
from nbpipes.models.uper import UperHead, uper_rules

DEFAULT = {"model_type": "resnet", "out_features": ["stage1", "stage2", "stage3", "stage4"]}


@dataclass(frozen=True, kw_only=True)
class UperNetConfig(Config):
    """Config of UPerNet."""

    backbone_config: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT))
    hidden_size: int = 512
    pool_scales: tuple[int, ...] = (1, 2, 3, 6)


class Trunk(nn.Module):
    """The network that looks."""

    def __init__(self, c: UperNetConfig) -> None:
        super().__init__()
        self.network = network(c.backbone_config)

    def forward(self, pixels: Tensor) -> Seen:
        maps = self.network(pixels)
        return Seen(maps[-1], maps=tuple(maps))


class Labels(UperHead):
    """Labels of places, from what the network sees."""

    leading = None

    def forward(self, seen: Seen) -> LabelMaps:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert seen.maps is not None
        return super().forward(seen.maps)


def labels(c: UperNetConfig) -> Labels:
    """The head for a config; its maps are those of the network, which is made once more to count their channels."""
    return Labels(Trunk(c).network.channels, c.hidden_size, len(c.labels), c.pool_scales)


class UperNetModel(ImageModel):
    """A network and a head, whose logits are brought to the size of the pixels."""

    def forward(self, pixel_values: Tensor) -> Any:
        found = super().forward(pixel_values)
        if not isinstance(found, LabelMaps):
            return found
        return LabelMaps(F.interpolate(found.logits, size=pixel_values.shape[-2:], mode="bilinear"))


RULES = (*under("backbone.", NETWORK, "network."), *under("backbone.", BODY, "network.body."))
FAMILIES = {
    "upernet": Family(
        UperNetConfig,
        Trunk,
        RULES,
        "",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.LABEL_MAPS: HeadSpec(labels, uper_rules("batch_norm")),
        },
        UperNetModel,
    ),
}
