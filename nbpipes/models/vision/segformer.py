"""SegFormer (https://arxiv.org/abs/2105.15203)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename
from nbpipes.layers.conv import ConvNorm
from nbpipes.layers.linear import Linear
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, classifier
from nbpipes.models.mix_transformer import MIX_TRANSFORMER, MixTransformer, MixTransformerConfig
from nbpipes.models.outputs import LabelMaps, Seen

DECODER = (
    drop("*.num_batches_tracked"),
    rename("decode_head.linear_c.{i}.proj", "layers.{i}"),
    rename("decode_head.linear_fuse", "blend.conv"),
    rename("decode_head.batch_norm", "blend.norm"),
    rename("decode_head.classifier", "out"),
)


class AllStages(nn.Module):
    """Classes of places, from what all stages see of them."""

    leading = None

    def __init__(self, c: MixTransformerConfig) -> None:
        super().__init__()
        width = c.decoder_hidden_size
        self.layers = nn.ModuleList(Linear(size, width) for size in c.hidden_sizes)
        self.blend = ConvNorm(width * len(c.hidden_sizes), width, 1, act="relu")
        self.out = nn.Conv2d(width, len(c.labels), 1)

    def forward(self, seen: Seen) -> LabelMaps:
        assert seen.maps is not None
        size = seen.maps[0].shape[-2:]
        parts = [
            F.interpolate(layer(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), size=size, mode="bilinear")
            for layer, maps in zip(self.layers, seen.maps, strict=True)
        ]
        return LabelMaps(self.out(self.blend(torch.cat(parts[::-1], 1))))


def mean(seen: Seen) -> Tensor:
    """The mean over the last maps."""
    return seen.hidden.mean((2, 3))


FAMILIES = {
    "segformer": Family(
        MixTransformerConfig,
        MixTransformer,
        MIX_TRANSFORMER,
        "segformer.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.IMAGE: classifier(mean, lambda c: c.hidden_sizes[-1]),
            Head.LABEL_MAPS: HeadSpec(AllStages, DECODER),
        },
        ImageModel,
    ),
}
