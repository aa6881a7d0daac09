"""Swin (https://arxiv.org/abs/2103.14030) as a classifier."""

from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, classifier, pooled
from nbpipes.models.windows import SWIN, Swin, SwinConfig

FAMILIES = {
    "swin": Family(
        SwinConfig,
        Swin,
        SWIN,
        "swin.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.IMAGE: classifier(pooled, lambda c: c.widths[-1]),
        },
        ImageModel,
    ),
}
