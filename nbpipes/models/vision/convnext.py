"""ConvNeXT (https://arxiv.org/abs/2201.03545) as a classifier."""

from nbpipes.models.convnext import CONVNEXT, ConvNext, ConvNextConfig
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, classifier, pooled

FAMILIES = {
    "convnext": Family(
        ConvNextConfig,
        ConvNext,
        CONVNEXT,
        "convnext.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.IMAGE: classifier(pooled, lambda c: c.hidden_sizes[-1]),
        },
        ImageModel,
    ),
}
