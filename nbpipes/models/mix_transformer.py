"""The encoder of SegFormer (https://arxiv.org/abs/2105.15203) and of GLPN: attention to fewer places than look."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.activations import activation
from nbpipes.layers.block import Residual
from nbpipes.layers.linear import Linear
from nbpipes.models.images import check_channels
from nbpipes.models.outputs import Seen

LAYER, OURS = "encoder.block.{i}.{j}", "stages.{i}.layers.{j}"
MIX_TRANSFORMER = (
    rename("encoder.patch_embeddings.{i}.proj", "stages.{i}.patches"),
    rename("encoder.patch_embeddings.{i}.layer_norm", "stages.{i}.first"),
    rename("encoder.layer_norm.{i}", "stages.{i}.norm"),
    rename(f"{LAYER}.layer_norm_1", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.attention.self.query", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.self.key", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.self.value", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.self.sr", f"{OURS}.attn.layer.shrink"),
    rename(f"{LAYER}.attention.self.layer_norm", f"{OURS}.attn.layer.norm"),
    rename(f"{LAYER}.attention.output.dense", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.layer_norm_2", f"{OURS}.mlp.norm"),
    rename(f"{LAYER}.mlp.dense1", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.mlp.dwconv.dwconv", f"{OURS}.mlp.layer.look"),
    rename(f"{LAYER}.mlp.dense2", f"{OURS}.mlp.layer.down"),
)


@dataclass(frozen=True, kw_only=True)
class MixTransformerConfig(Config):
    """Config of SegFormer and GLPN."""

    num_channels: int = 3
    num_encoder_blocks: int = 4
    depths: tuple[int, ...] = (2, 2, 2, 2)
    sr_ratios: tuple[int, ...] = (8, 4, 2, 1)
    hidden_sizes: tuple[int, ...] = (32, 64, 160, 256)
    patch_sizes: tuple[int, ...] = (7, 3, 3, 3)
    strides: tuple[int, ...] = (4, 2, 2, 2)
    num_attention_heads: tuple[int, ...] = (1, 2, 5, 8)
    mlp_ratios: tuple[int, ...] = (4, 4, 4, 4)
    hidden_act: str = "gelu"
    decoder_hidden_size: int = 256


class ReducedAttention(nn.Module):
    """Attention of every place to squares of `ratio` places each way."""

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} cannot be split among {heads} heads")
        self.heads = heads
        self.q, self.k, self.v, self.out = (Linear(width, width) for _ in range(4))
        self.shrink = nn.Conv2d(width, width, ratio, stride=ratio) if ratio > 1 else None
        self.norm = nn.LayerNorm(width) if ratio > 1 else None

    def forward(self, maps: Tensor) -> Tensor:
        """maps: `(batch, height, width, channels)`; so is what it returns."""
        seen = maps
        if self.shrink is not None and self.norm is not None:
            seen = self.norm(self.shrink(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        q, k, v = (self._split(layer(x)) for layer, x in ((self.q, maps), (self.k, seen), (self.v, seen)))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.out(mixed).view(maps.shape)

    def _split(self, x: Tensor) -> Tensor:
        return x.flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)


class LookingMLP(nn.Module):
    """Feed-forward whose middle looks at the neighbours of a place: it takes the part of positions."""

    def __init__(self, width: int, middle: int, act: str) -> None:
        super().__init__()
        self.up, self.down = Linear(width, middle), Linear(middle, width)
        self.look, self.act = nn.Conv2d(middle, middle, 3, padding=1, groups=middle), activation(act)

    def forward(self, maps: Tensor) -> Tensor:
        x = self.look(self.up(maps).permute(0, 3, 1, 2))
        return self.down(self.act(x).permute(0, 2, 3, 1))


class MixLayer(nn.Module):
    """Attention, then feed-forward, each with a norm before and a way around."""

    def __init__(self, width: int, heads: int, ratio: int, middle: int, act: str) -> None:
        super().__init__()
        self.attn = Residual(ReducedAttention(width, heads, ratio), nn.LayerNorm(width), pre=True)
        self.mlp = Residual(LookingMLP(width, middle, act), nn.LayerNorm(width), pre=True)

    def forward(self, maps: Tensor) -> Tensor:
        return self.mlp(self.attn(maps))


class MixStage(nn.Module):
    """Overlapping patches of the maps before, and layers on them."""

    def __init__(self, c: MixTransformerConfig, place: int) -> None:
        super().__init__()
        width, size = c.hidden_sizes[place], c.patch_sizes[place]
        inner = c.hidden_sizes[place - 1] if place else c.num_channels
        self.patches = nn.Conv2d(inner, width, size, stride=c.strides[place], padding=size // 2)
        self.first, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        middle = int(width * c.mlp_ratios[place])
        shape = (width, c.num_attention_heads[place], c.sr_ratios[place], middle, c.hidden_act)
        self.layers = nn.Sequential(*(MixLayer(*shape) for _ in range(c.depths[place])))

    def forward(self, maps: Tensor) -> Tensor:
        x = self.layers(self.first(self.patches(maps).permute(0, 2, 3, 1)))
        return self.norm(x).permute(0, 3, 1, 2)


class MixTransformer(nn.Module):
    """Stages on ever smaller maps."""

    def __init__(self, c: MixTransformerConfig) -> None:
        super().__init__()
        self.channels = c.num_channels
        self.stages = nn.ModuleList(MixStage(c, i) for i in range(c.num_encoder_blocks))

    def forward(self, pixels: Tensor) -> Seen:
        """pixels: `(batch, channels, height, width)`. Returns the maps of the last stage, and those of all."""
        check_channels(pixels, self.channels)
        maps = [pixels]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return Seen(maps[-1], maps=tuple(maps[1:]))
