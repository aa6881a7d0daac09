"""ConvNeXT (https://arxiv.org/abs/2201.03545), the trunk of several families."""

from dataclasses import dataclass

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.block import MLP
from nbpipes.layers.scale import Scaled
from nbpipes.models.images import check_channels
from nbpipes.models.outputs import Seen

STAGE, LAYER, OURS = "encoder.stages.{i}", "encoder.stages.{i}.layers.{j}", "stages.{i}.layers.{j}"
CONVNEXT = (
    rename("embeddings.patch_embeddings", "patches"),
    rename("embeddings.layernorm", "first.norm"),
    rename(f"{STAGE}.downsampling_layer.0", "stages.{i}.norm.norm"),
    rename(f"{STAGE}.downsampling_layer.1", "stages.{i}.shrink"),
    rename(f"{LAYER}.dwconv", f"{OURS}.look"),
    rename(f"{LAYER}.layernorm", f"{OURS}.norm"),
    rename(f"{LAYER}.pwconv1", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.pwconv2", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.layer_scale_parameter", f"{OURS}.mlp.scale"),
    rename("layernorm", "norm"),
)
EPS = 1e-6
"""Of all norms but the last, whatever the config says."""


@dataclass(frozen=True, kw_only=True)
class ConvNextConfig(Config):
    """Config of ConvNeXT."""

    num_channels: int = 3
    patch_size: int = 4
    hidden_sizes: tuple[int, ...] = (96, 192, 384, 768)
    depths: tuple[int, ...] = (3, 3, 9, 3)
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    layer_scale_init_value: float = 1e-6
    out_features: tuple[str, ...] | None = None
    out_indices: tuple[int, ...] | None = None


class MapNorm(nn.Module):
    """Layer norm over the channels of maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, EPS)

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Layer(nn.Module):
    """Looks around in each channel alone, then mixes the channels of each place."""

    def __init__(self, width: int, act: str, *, scaled: bool) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, EPS)
        self.mlp = Scaled(MLP(width, 4 * width, act), width, "down", scaled=scaled)

    def forward(self, maps: Tensor) -> Tensor:
        x = self.norm(self.look(maps).permute(0, 2, 3, 1))
        return maps + self.mlp(x).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Layers of one width, after maps of another were made smaller."""

    def __init__(self, inner: int, outer: int, depth: int, act: str, *, shrink: bool, scaled: bool) -> None:
        super().__init__()
        changes = shrink or inner != outer
        self.norm = MapNorm(inner) if changes else nn.Identity()
        self.shrink = nn.Conv2d(inner, outer, 2, stride=2 if shrink else 1) if changes else nn.Identity()
        self.layers = nn.Sequential(*(Layer(outer, act, scaled=scaled) for _ in range(depth)))

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(self.shrink(self.norm(maps)))


class ConvNext(nn.Module):
    """Maps of an image, and the normed mean over it. norm: whether there is a norm for it."""

    def __init__(self, c: ConvNextConfig, *, norm: bool = True) -> None:
        super().__init__()
        if len(c.hidden_sizes) != len(c.depths):
            raise ValueError(f"hidden_sizes has {len(c.hidden_sizes)} stages, depths has {len(c.depths)}")
        widths, self.channels = c.hidden_sizes, c.num_channels
        self.patches = nn.Conv2d(c.num_channels, widths[0], c.patch_size, stride=c.patch_size)
        self.first = MapNorm(widths[0])
        scaled = c.layer_scale_init_value > 0
        self.stages = nn.Sequential(
            *(
                Stage(widths[max(i - 1, 0)], widths[i], depth, c.hidden_act, shrink=i > 0, scaled=scaled)
                for i, depth in enumerate(c.depths)
            )
        )
        self.norm = nn.LayerNorm(widths[-1], c.layer_norm_eps) if norm else None

    def forward(self, pixels: Tensor) -> Seen:
        maps = self.maps(pixels)[-1].permute(0, 3, 1, 2)
        mean = maps.mean((2, 3))
        return Seen(maps, mean if self.norm is None else self.norm(mean))

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """What each stage sees, and before them the patches: `(batch, height, width, channels)` each."""
        check_channels(pixels, self.channels)
        maps = [self.first(self.patches(pixels))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return [one.permute(0, 2, 3, 1) for one in maps]
