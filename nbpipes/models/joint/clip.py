"""CLIP (https://arxiv.org/abs/2103.00020): images and texts that fit."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageClassifier, PatchEncoder, SeenHead
from nbpipes.models.outputs import Seen
from nbpipes.models.pairs import NO_TEXT, TEXT, VISION, JointConfig, PairModel, PairsHead, Tower, known

TOWER = (*VISION, rename("pre_layrnorm", "before"), rename("post_layernorm", "last"))


@dataclass(frozen=True, kw_only=True)
class ClipConfig(JointConfig):
    """Config of CLIP. Older files have a second dict for each tower, which counts more than the first."""

    text_defaults: ClassVar[dict[str, Any]] = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8}
    text_config_dict: dict[str, Any] | None = field(default=None, repr=False)
    vision_config_dict: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def text(self) -> Tower:
        return Tower.read(self.text_defaults | known(self.text_config) | known(self.text_config_dict))

    @property
    def vision(self) -> Tower:
        return Tower.read(known(self.vision_config) | known(self.vision_config_dict))


class ClipVision(PatchEncoder):
    """The image tower of CLIP: the first token, normed, stands for the image."""

    def __init__(self, c: ClipConfig) -> None:
        own = c.vision
        super().__init__(
            own.blocks(),
            None,
            width=own.hidden_size,
            size=own.image_size,
            patch=own.patch_size,
            channels=own.num_channels,
            bias=False,
            before=nn.LayerNorm(own.hidden_size, own.layer_norm_eps),
        )
        self.last = nn.LayerNorm(own.hidden_size, own.layer_norm_eps)

    def forward(self, pixels: Tensor, leading: int | None = None) -> Seen:
        seen = super().forward(pixels, leading)
        return Seen(seen.hidden, self.last(seen.hidden[:, 0]))


def patch_mean(seen: Seen) -> Tensor:
    """The mean of the tokens behind the first one."""
    return seen.hidden[:, 1:].mean(1)


FAMILIES = {
    "clip": Family(
        ClipConfig,
        ClipVision,
        TOWER,
        "vision_model.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead(), NO_TEXT),
            Head.IMAGE: HeadSpec(
                lambda c: ImageClassifier(patch_mean, c.vision.hidden_size, len(c.labels)),
                (rename("classifier", "out"),),
            ),
            Head.PAIRS: HeadSpec(lambda c: PairsHead(c, independent=False), TEXT),
        },
        PairModel,
    ),
}
