"""ResNet (https://arxiv.org/abs/1512.03385)."""

from torch import Tensor, nn

from nbpipes.hub.weights import rename, under
from nbpipes.models.backbones import NAMED, ResNetConfig, resnet
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, check_channels, classifier, pooled
from nbpipes.models.outputs import Seen


class ResNet(nn.Module):
    """Maps of an image, and their mean over it, `(batch, channels, 1, 1)` as upstream has it."""

    def __init__(self, c: ResNetConfig) -> None:
        super().__init__()
        self.channels, self.maps = c.num_channels, resnet(c)

    def forward(self, pixels: Tensor) -> Seen:
        check_channels(pixels, self.channels)
        maps = self.maps(pixels)[-1]
        return Seen(maps, maps.mean((2, 3), keepdim=True))


FAMILIES = {
    "resnet": Family(
        ResNetConfig,
        ResNet,
        under("", NAMED, "maps."),
        "resnet.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead()),
            Head.IMAGE: HeadSpec(
                classifier(pooled, lambda c: c.hidden_sizes[-1]).build, (rename("classifier.1", "out"),)
            ),
        },
        ImageModel,
    ),
}
