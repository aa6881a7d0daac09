"""Swin (https://arxiv.org/abs/2103.14030), whose attention stays within windows: the trunk of several families."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.block import MLP, Residual
from nbpipes.layers.packing import Layout
from nbpipes.layers.positions import places_apart
from nbpipes.models.images import Sides, attention, check_channels, sides
from nbpipes.models.outputs import Seen

BLOCK, OURS = "encoder.layers.{i}.blocks.{j}", "stages.{i}.blocks.{j}"
INNER = f"{BLOCK}.attention.self"
SWIN = (
    drop("embeddings.mask_token"),  # of training
    drop("*.relative_position_index"),  # computed
    rename("embeddings.patch_embeddings.projection", "patches"),
    rename("embeddings.norm", "first"),
    rename(f"{INNER}.query", f"{OURS}.attn.layer.attn.q"),
    rename(f"{INNER}.key", f"{OURS}.attn.layer.attn.k"),
    rename(f"{INNER}.value", f"{OURS}.attn.layer.attn.v"),
    rename(f"{INNER}.relative_position_bias_table", f"{OURS}.attn.layer.table"),
    rename(f"{BLOCK}.attention.output.dense", f"{OURS}.attn.layer.attn.out"),
    rename(f"{BLOCK}.layernorm_before", f"{OURS}.attn.norm"),
    rename(f"{BLOCK}.intermediate.dense", f"{OURS}.mlp.layer.up"),
    rename(f"{BLOCK}.output.dense", f"{OURS}.mlp.layer.down"),
    rename(f"{BLOCK}.layernorm_after", f"{OURS}.mlp.norm"),
    rename("encoder.layers.{i}.downsample.norm", "stages.{i}.shrink.norm"),
    rename("encoder.layers.{i}.downsample.reduction", "stages.{i}.shrink.reduce"),
    rename("layernorm", "norm"),
)
HIDDEN = -100.0
"""What the scores of places that may not see each other get: not minus infinity, for the same numbers as upstream's."""


@dataclass(frozen=True, kw_only=True)
class SwinConfig(Config):
    """Config of Swin and of DonutSwin."""

    patch_size: Sides = 4
    num_channels: int = 3
    embed_dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    window_size: int = 7
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    hidden_act: str = "gelu"
    use_absolute_embeddings: bool = False
    layer_norm_eps: float = 1e-5
    out_features: tuple[str, ...] | None = None
    out_indices: tuple[int, ...] | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the maps of each stage."""
        return tuple(self.embed_dim * 2**i for i in range(len(self.depths)))


class Windows:
    """How maps of one size are cut into windows of `side` places each way, after they were moved by `shift`."""

    def __init__(self, maps: Tensor, side: int, shift: int) -> None:
        """maps: `(batch, height, width, channels)`."""
        self.size, self.side, self.shift = maps.shape[1:3], side, shift
        self.below, self.right = (-length % side for length in self.size)
        rows, columns = (self.size[0] + self.below) // side, (self.size[1] + self.right) // side
        self.shape = (len(maps), rows, columns, side, side)
        self.layout = Layout.of([side * side] * (len(maps) * rows * columns), maps.device)
        self.mask = self._apart(maps) if shift else None

    def cut(self, maps: Tensor) -> Tensor:
        """From maps to the places of one window after the other, `(tokens, channels)`."""
        x = F.pad(maps, (0, 0, 0, self.right, 0, self.below)) if self.right or self.below else maps
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        x = x.unflatten(2, (-1, self.side)).unflatten(1, (-1, self.side))
        return x.transpose(2, 3).flatten(0, 4)

    def join(self, tokens: Tensor) -> Tensor:
        """Back to maps."""
        x = tokens.unflatten(0, self.shape).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        if self.shift:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x[:, : self.size[0], : self.size[1]]

    def _apart(self, maps: Tensor) -> Tensor:
        """Keeps places apart that only the move has brought together: `(windows, 1, places, places)`."""
        areas = []
        for windows in self.shape[1:3]:
            line = torch.zeros(windows * self.side, device=maps.device)
            line[-self.side : -self.shift], line[-self.shift :] = 1, 2
            areas.append(line)
        area = (3 * areas[0][:, None] + areas[1]).unflatten(1, (-1, self.side)).unflatten(0, (-1, self.side))
        area = area.transpose(1, 2).flatten(0, 1).flatten(1)
        return ((area[:, None] != area[:, :, None]) * HIDDEN).to(maps.dtype)[:, None].repeat(len(maps), 1, 1, 1)


class WindowAttention(nn.Module):
    """Attention within windows, with a bias for how far apart two places are in rows and columns."""

    def __init__(self, width: int, heads: int, side: int, *, biases: bool) -> None:
        super().__init__()
        self.attn, self.side = attention(width, heads, biases=biases), side
        self.table = nn.Parameter(torch.empty((2 * side - 1) ** 2, heads))

    def forward(self, maps: Tensor, windows: Windows) -> Tensor:
        """maps: `(batch, height, width, channels)`; so is what it returns."""
        apart = places_apart(self.side, self.side, maps.device)
        bias = self.table[apart].permute(2, 0, 1)[None]
        bias = bias if windows.mask is None else bias + windows.mask
        return windows.join(self.attn(windows.cut(maps), windows.layout, bias=lambda tile: bias))


class WindowBlock(nn.Module):
    """Attention within windows, then feed-forward. moved: whether the windows lie across those of the last block."""

    def __init__(self, c: SwinConfig, width: int, heads: int, *, moved: bool) -> None:
        super().__init__()
        norm, self.moved = partial(nn.LayerNorm, width, c.layer_norm_eps), moved
        self.attn = Residual(WindowAttention(width, heads, c.window_size, biases=c.qkv_bias), norm(), pre=True)
        self.mlp = Residual(MLP(width, int(c.mlp_ratio * width), c.hidden_act), norm(), pre=True)

    def forward(self, maps: Tensor, windows: Windows) -> Tensor:
        return self.mlp(self.attn(maps, windows))


class Shrink(nn.Module):
    """Four neighbours become one place with twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[1:3]
        x = F.pad(maps, (0, 0, 0, width % 2, 0, height % 2)) if width % 2 or height % 2 else maps
        corners = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(corners, -1)))


class Stage(nn.Module):
    """Blocks on maps of one size. moves: whether windows move even where one window covers the maps."""

    def __init__(self, c: SwinConfig, place: int, *, moves: bool) -> None:
        super().__init__()
        width, heads = c.widths[place], c.num_heads[place]
        self.side, self.moves = c.window_size, moves
        self.blocks = nn.ModuleList(WindowBlock(c, width, heads, moved=i % 2 == 1) for i in range(c.depths[place]))
        self.shrink = Shrink(width) if place < len(c.depths) - 1 else nn.Identity()

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The maps that the blocks make, and these made smaller for the next stage."""
        still = Windows(maps, self.side, 0)
        moves = self.moves or min(maps.shape[1:3]) > self.side
        moved = Windows(maps, self.side, self.side // 2) if moves and len(self.blocks) > 1 else still
        for block in self.blocks:
            maps = block(maps, moved if block.moved else still)
        return maps, self.shrink(maps)


class Swin(nn.Module):
    """Stages of blocks, each of which sees maps of half the size of the last. norm: after the last stage.

    moves: see `Stage`; upstream's backbones do, its classifiers do not.
    """

    def __init__(self, c: SwinConfig, *, norm: bool = True, moves: bool = False) -> None:
        super().__init__()
        if len(c.depths) != len(c.num_heads):
            raise ValueError(f"depths has {len(c.depths)} stages, num_heads has {len(c.num_heads)}")
        if c.use_absolute_embeddings:
            raise ValueError("use_absolute_embeddings has no meaning that all implementations share")
        self.channels, self.patch = c.num_channels, sides(c.patch_size)
        self.patches = nn.Conv2d(c.num_channels, c.embed_dim, self.patch, stride=self.patch)
        self.first = nn.LayerNorm(c.embed_dim)
        self.stages = nn.ModuleList(Stage(c, i, moves=moves) for i in range(len(c.depths)))
        self.norm = nn.LayerNorm(c.widths[-1], c.layer_norm_eps) if norm else None

    def forward(self, pixels: Tensor) -> Seen:
        """pixels: `(batch, channels, height, width)`. Returns the last stage's tokens and their mean."""
        hidden = self.maps(pixels)[-1].flatten(1, 2)
        hidden = hidden if self.norm is None else self.norm(hidden)
        return Seen(hidden, hidden.mean(1))

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """What each stage sees, and before them the patches: `(batch, height, width, channels)` each."""
        check_channels(pixels, self.channels)
        below, right = (-length % side for length, side in zip(pixels.shape[-2:], self.patch, strict=True))
        x = F.pad(pixels, (0, right, 0, below)) if right or below else pixels
        x = self.first(self.patches(x).permute(0, 2, 3, 1))
        seen = [x]
        for stage in self.stages:
            maps, x = stage(x)
            seen.append(maps)
        return seen


def chosen_stages(features: Sequence[str] | None, indices: Sequence[int] | None, count: int) -> tuple[int, ...]:
    """The stages whose maps a backbone gives, counted from 0, the patches: the last one unless a config says more.

    features: "stem", "stage1"…; indices: their numbers. count: of the stages, the stem included. ValueError where
    there is no such stage.
    """
    names = ["stem", *(f"stage{i}" for i in range(1, count))]
    if features:
        return tuple(names.index(name) for name in features)
    chosen = [count - 1] if not indices else [range(count)[index] for index in indices]
    return tuple(chosen)
