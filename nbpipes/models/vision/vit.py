"""ViT (https://arxiv.org/abs/2010.11929) and DeiT (https://arxiv.org/abs/2012.12877)."""

from dataclasses import dataclass

from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import (
    VIT,
    ImageModel,
    PatchConfig,
    PatchEncoder,
    blocks,
    classifier,
    first,
    first_token_pooler,
)
from nbpipes.models.outputs import Logits, Seen

WITH_TEACHER = "DeiTForImageClassificationWithTeacher"


@dataclass(frozen=True, kw_only=True)
class ViTConfig(PatchConfig):
    """Config of ViT and DeiT."""

    qkv_bias: bool = True
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"


def encoder(c: ViTConfig, *names: str) -> PatchEncoder:
    """The trunk. names: of the tokens before the patches."""
    return PatchEncoder(
        blocks(c, biases=c.qkv_bias),
        nn.LayerNorm(c.hidden_size, c.layer_norm_eps),
        width=c.hidden_size,
        size=c.image_size,
        patch=c.patch_size,
        channels=c.num_channels,
        names=names,
    )


class TaughtClassifier(nn.Module):
    """Classes as the mean of two opinions: of the first token, and of the second, which was taught by a teacher."""

    leading = 2

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.own, self.taught = nn.Linear(width, labels), nn.Linear(width, labels)

    def forward(self, seen: Seen) -> Logits:
        return Logits(self._mean(seen.hidden))

    def _mean(self, hidden: Tensor) -> Tensor:
        return (self.own(hidden[:, 0]) + self.taught(hidden[:, 1])) / 2


def deit_classifier() -> HeadSpec:
    """The config's class name tells which of two classifiers a checkpoint has."""
    plain = classifier(first, lambda c: c.hidden_size, leading=1)
    return HeadSpec(
        lambda c: TaughtClassifier(c.hidden_size, len(c.labels)) if WITH_TEACHER in c.architectures else plain.build(c),
        (
            *plain.rules,
            rename("cls_classifier", "own"),
            rename("distillation_classifier", "taught"),
            drop("deit.pooler"),
        ),
    )


FAMILIES = {
    "vit": Family(
        ViTConfig,
        lambda c: encoder(c, "cls"),
        VIT,
        "vit.",
        {
            Head.BASE: first_token_pooler("vit."),
            Head.IMAGE: classifier(first, lambda c: c.hidden_size, drop("vit.pooler"), leading=1),
        },
        ImageModel,
    ),
    "deit": Family(
        ViTConfig,
        lambda c: encoder(c, "cls", "distillation"),
        (*VIT, rename("embeddings.distillation_token", "tokens.distillation")),
        "deit.",
        {Head.BASE: first_token_pooler("deit."), Head.IMAGE: deit_classifier()},
        ImageModel,
    ),
}
