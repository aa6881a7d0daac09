"""Residual convolutions, the body of ResNet (https://arxiv.org/abs/1512.03385)."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from nbpipes.layers.conv import ConvNorm, Inside


class ResidualConv(nn.Module):
    """Convolutions and a way around them, from `inner` to `outer` channels.

    bottleneck: 3 × 3 on a quarter of the channels, else two of them on all. early: whether a bottleneck's first
    convolution has the stride. dilation: of its 3 × 3. around: the way around, None for the input itself.
    act: after the sum; inside ReLU follows whatever it is.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        *,
        bottleneck: bool = True,
        stride: int = 1,
        dilation: int = 1,
        early: bool = False,
        around: nn.Module | None = None,
        act: str = "relu",
    ) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        if bottleneck:
            narrow = outer // 4
            first, second = (stride, 1) if early else (1, stride)
            self.layers = nn.ModuleList(
                (
                    ConvNorm(inner, narrow, 1, stride=first, act="relu"),
                    ConvNorm(narrow, narrow, 3, stride=second, padding=dilation, dilation=dilation, act="relu"),
                    ConvNorm(narrow, outer, 1, act=act),
                )
            )
        else:
            self.layers = nn.ModuleList(
                (
                    ConvNorm(inner, outer, 3, stride=stride, padding=1, act="relu"),
                    ConvNorm(outer, outer, 3, padding=1, act=act),
                )
            )
        self.around = around

    def forward(self, x: Tensor, inside: Inside | None = None) -> Tensor:
        """inside: where the images are, if they are of several sizes."""
        if inside is not None and not self.bottleneck:
            x = inside.clear(x)
        y = self.layers[0](x)
        if inside is not None:
            y = inside.clear(y)
        *body, last = self.layers[1:]
        for layer in body:
            y = layer(y)
        return last(y, x if self.around is None else self.around(x))


MakeBlock = Callable[[int, int, int, int], ResidualConv]
"""Makes a block of the channels it gets, the channels it gives, its stride and its dilation."""


class Stage(nn.ModuleList):
    """Blocks, one after the other."""

    def forward(self, x: Tensor, inside: Inside | None = None) -> Tensor:
        for block in self:
            x = block(x, inside)
        return x


class ResNetMaps(nn.Module):
    """A stem, a pooling that halves its map, and stages of blocks; each stage but the first halves the map again.

    stem: `embedding` channels of pixels. sizes: channels of each stage. depths: its blocks. first: stride of the first.
    dilated: the last one keeps the size of its map and looks twice as far instead, from its second block on.
    """

    def __init__(
        self,
        stem: nn.Module,
        embedding: int,
        sizes: Sequence[int],
        depths: Sequence[int],
        make: MakeBlock,
        *,
        first: int = 1,
        dilated: bool = False,
    ) -> None:
        super().__init__()
        self.stem, self.shrink = stem, nn.MaxPool2d(3, stride=2, padding=1)
        self.stages, inner = nn.ModuleList(), embedding
        for place, (outer, depth) in enumerate(zip(sizes, depths, strict=True)):
            far = dilated and place == len(sizes) - 1
            stride = 1 if far else 2 if place else first
            rest = (make(outer, outer, 1, 2 if far else 1) for _ in range(depth - 1))
            self.stages.append(Stage((make(inner, outer, stride, 1), *rest)))
            inner = outer

    def forward(self, pixels: Tensor, inside: Inside | None = None, last: int = 1) -> list[Tensor]:
        """The maps of the `last` stages. inside: where the images are, if they are of several sizes."""
        x = self.stem(pixels)
        x = self.shrink(x if inside is None else inside.clear(x))
        maps: list[Tensor] = []
        for stage in self.stages:
            x = stage(x, inside)
            maps = [*maps, x][-last:]
        return maps
