"""ResNet (https://arxiv.org/abs/1512.03385)."""

from dataclasses import dataclass

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.conv import ConvNorm
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel, SeenHead, check_channels, classifier, pooled
from nbpipes.models.outputs import Seen

LAYER, OURS = "encoder.stages.{i}.layers.{j}", "stages.{i}.{j}"
RULES = (
    drop("*.num_batches_tracked"),
    rename("embedder.embedder.convolution", "stem.conv"),
    rename("embedder.embedder.normalization", "stem.norm"),
    rename(f"{LAYER}.shortcut.convolution", f"{OURS}.around.conv"),
    rename(f"{LAYER}.shortcut.normalization", f"{OURS}.around.norm"),
    rename(f"{LAYER}.layer.{{k}}.convolution", f"{OURS}.layers.{{k}}.conv"),
    rename(f"{LAYER}.layer.{{k}}.normalization", f"{OURS}.layers.{{k}}.norm"),
)


@dataclass(frozen=True, kw_only=True)
class ResNetConfig(Config):
    """Config of ResNet."""

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    layer_type: str = "bottleneck"
    hidden_act: str = "relu"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False


class Bottleneck(nn.Module):
    """Convolutions and a way around them. Those inside are always followed by ReLU, whatever the config says."""

    def __init__(self, c: ResNetConfig, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        narrow = outer // 4
        if c.layer_type == "bottleneck":
            early, late = (stride, 1) if c.downsample_in_bottleneck else (1, stride)
            self.layers = nn.Sequential(
                ConvNorm(inner, narrow, 1, stride=early, act="relu"),
                ConvNorm(narrow, narrow, 3, stride=late, padding=1, act="relu"),
                ConvNorm(narrow, outer, 1),
            )
        else:
            self.layers = nn.Sequential(
                ConvNorm(inner, outer, 3, stride=stride, padding=1, act="relu"),
                ConvNorm(outer, outer, 3, padding=1),
            )
        self.around = ConvNorm(inner, outer, 1, stride=stride) if inner != outer or stride != 1 else None
        self.act = activation(c.hidden_act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.layers(x) + (x if self.around is None else self.around(x)))


class ResNet(nn.Module):
    """Maps of an image, and their mean over it, `(batch, channels, 1, 1)` as upstream has it."""

    def __init__(self, c: ResNetConfig) -> None:
        super().__init__()
        if c.layer_type not in ("basic", "bottleneck"):
            raise ValueError(f"layer_type must be 'basic' or 'bottleneck', not {c.layer_type!r}")
        self.channels = c.num_channels
        self.stem = ConvNorm(c.num_channels, c.embedding_size, 7, stride=2, padding=3, act=c.hidden_act)
        self.shrink = nn.MaxPool2d(3, stride=2, padding=1)
        stages, inner = [], c.embedding_size
        for place, (outer, depth) in enumerate(zip(c.hidden_sizes, c.depths, strict=True)):
            stride = 2 if place or c.downsample_in_first_stage else 1
            blocks = [Bottleneck(c, outer if i else inner, outer, 1 if i else stride) for i in range(depth)]
            stages.append(nn.Sequential(*blocks))
            inner = outer
        self.stages = nn.Sequential(*stages)

    def forward(self, pixels: Tensor) -> Seen:
        check_channels(pixels, self.channels)
        maps = self.stages(self.shrink(self.stem(pixels)))
        return Seen(maps, maps.mean((2, 3), keepdim=True))


FAMILIES = {
    "resnet": Family(
        ResNetConfig,
        ResNet,
        RULES,
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
