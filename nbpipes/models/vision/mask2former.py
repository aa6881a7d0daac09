"""Mask2Former (https://arxiv.org/abs/2112.01527)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename, split, under
from nbpipes.layers.block import MLP, Residual
from nbpipes.layers.deformable import DeformableAttention
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.placed import PlacedAttention, checked_heads
from nbpipes.models.detection import Layers, SinePlaces
from nbpipes.models.detr import attention_rules
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel
from nbpipes.models.segmentation import (
    BODY,
    NETWORK,
    MaskClassifier,
    SeenLast,
    Segmented,
    network,
    products,
)

LEVELS = 3
"""Maps that are looked at by turns, the smallest first."""
POINTS = 4
DEFAULT = {"model_type": "swin", "depths": [2, 2, 18, 2], "out_features": ["stage1", "stage2", "stage3", "stage4"]}


@dataclass(frozen=True, kw_only=True)
class Mask2FormerConfig(Config):
    """Config of Mask2Former."""

    backbone_config: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT))
    feature_size: int = 256
    mask_feature_size: int = 256
    hidden_dim: int = 256
    encoder_feedforward_dim: int = 1024
    activation_function: str = "relu"
    encoder_layers: int = 6
    decoder_layers: int = 10
    num_attention_heads: int = 8
    dim_feedforward: int = 2048
    pre_norm: bool = False
    enforce_input_projection: bool = False
    common_stride: int = 4
    num_queries: int = 100
    feature_strides: tuple[int, ...] = (4, 8, 16, 32)


@dataclass(slots=True)
class Levels:
    """Maps of several sizes as tokens, one after the other. tokens: `(batch, tokens, width)`. places: `(tokens,
    width)`, without what tells the maps apart."""

    tokens: Tensor
    places: Tensor
    sizes: list[tuple[int, int]]

    @property
    def counts(self) -> list[int]:
        """Tokens of each map."""
        return [height * width for height, width in self.sizes]


# ---------------------------------------------------------------------- pixels


class DeformableBlock(nn.Module):
    """Attention to a few spots of all maps, then feed-forward."""

    def __init__(self, c: Mask2FormerConfig) -> None:
        super().__init__()
        width = c.feature_size
        attn = DeformableAttention(width, c.num_attention_heads, LEVELS, POINTS)
        self.attn = Residual(attn, nn.LayerNorm(width), pre=False)
        self.mlp = Residual(MLP(width, c.encoder_feedforward_dim, "relu"), nn.LayerNorm(width), pre=False)

    def forward(self, x: Tensor, sizes: Sequence[tuple[int, int]], spots: Tensor, places: Tensor) -> Tensor:
        return self.mlp(self.attn(x, x, sizes, spots, places))


def convolution(inner: int, outer: int, kernel: int, *, bias: bool) -> nn.Sequential:
    """A convolution that keeps the size of its maps, and its norm."""
    return nn.Sequential(nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=bias), nn.GroupNorm(32, outer))


class PixelDecoder(nn.Module):
    """Lets the small maps of a network look at each other, and carries what they see to a large one."""

    def __init__(self, c: Mask2FormerConfig, channels: Sequence[int]) -> None:
        super().__init__()
        if len(channels) < LEVELS:
            raise ValueError(f"the backbone has to give {LEVELS} maps or more, not {len(channels)}")
        width = c.feature_size
        self.places = SinePlaces(width)
        self.levels = nn.Parameter(torch.empty(LEVELS, width))
        self.narrow = nn.ModuleList(convolution(size, width, 1, bias=True) for size in channels[: -LEVELS - 1 : -1])
        self.blocks = nn.ModuleList(DeformableBlock(c) for _ in range(c.encoder_layers))
        larger = int(math.log2(min(c.feature_strides[-LEVELS:])) - math.log2(c.common_stride))
        self.adapters = nn.ModuleList(convolution(size, width, 1, bias=False) for size in channels[:larger])
        self.convs = nn.ModuleList(convolution(width, width, 3, bias=False) for _ in channels[:larger])
        self.out = nn.Conv2d(width, c.mask_feature_size, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Levels, Tensor]:
        """maps: the largest first. Returns the small ones as tokens, and the large one."""
        small = [narrow(one) for narrow, one in zip(self.narrow, reversed(maps), strict=False)]
        sizes = [(one.shape[-2], one.shape[-1]) for one in small]
        own = [self.places(size, small[0]) for size in sizes]
        levels = Levels(torch.cat([one.flatten(2).transpose(1, 2) for one in small], 1), torch.cat(own), sizes)
        places = levels.places + self.levels.repeat_interleave(torch.tensor(levels.counts, device=own[0].device), 0)
        spots = middles(sizes, small[0])
        for block in self.blocks:
            levels.tokens = block(levels.tokens, sizes, spots, places[None])
        x = levels.tokens[:, -levels.counts[-1] :].transpose(1, 2).unflatten(-1, sizes[-1])
        for i in reversed(range(len(self.adapters))):
            finer = self.adapters[i](maps[i])
            x = F.relu(self.convs[i](finer + F.interpolate(x, size=finer.shape[-2:], mode="bilinear")))
        return levels, self.out(x)


def middles(sizes: Sequence[tuple[int, int]], like: Tensor) -> Tensor:
    """Where the middles of places lie on their maps, x and y from 0 to 1: `(1, tokens, 1, 2)`."""
    spots = []
    for size in sizes:
        y, x = (torch.linspace(0.5, n - 0.5, n, dtype=like.dtype, device=like.device) / n for n in size)
        spots.append(torch.stack((x.expand(len(y), -1), y[:, None].expand(-1, len(x))), -1).flatten(0, 1))
    return torch.cat(spots)[None, :, None]


# ---------------------------------------------------------------------- segments


class MaskedCross(nn.Module):
    """Attention of each segment to the places that its mask leaves visible."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.q, self.k, self.v, self.out = (Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor, placed: Tensor, visible: Tensor, *, places: Tensor) -> Tensor:
        """x, places: `(images * segments, width)`. memory: `(images, tokens, width)`; placed: with their places added.
        visible: `(images, 1, segments, tokens)`, bool."""
        queries = (x + places).unflatten(0, (len(memory), -1))
        parts = self.q(queries), self.k(placed), self.v(memory)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        return self.out(mixed.transpose(1, 2).flatten(2).flatten(0, 1))


class SegmentBlock(nn.Module):
    """Attention to the image, attention among the segments, feed-forward."""

    def __init__(self, c: Mask2FormerConfig) -> None:
        super().__init__()
        width, heads, pre = c.hidden_dim, c.num_attention_heads, c.pre_norm
        self.cross = Residual(MaskedCross(width, heads), nn.LayerNorm(width), pre=pre)
        self.attn = Residual(PlacedAttention(width, heads), nn.LayerNorm(width), pre=pre)
        mlp = MLP(width, c.dim_feedforward, c.activation_function)
        self.mlp = Residual(mlp, nn.LayerNorm(width), pre=pre)

    def forward(
        self, x: Tensor, layout: Layout, memory: Tensor, placed: Tensor, visible: Tensor, places: Tensor
    ) -> Tensor:
        x = self.cross(x, memory, placed, visible, places=places)
        return self.mlp(self.attn(x, layout, places=places))


class SegmentDecoder(nn.Module):
    """Segments look for themselves in the maps by turns, each within the mask that it has so far."""

    def __init__(self, c: Mask2FormerConfig) -> None:
        super().__init__()
        width = c.hidden_dim
        if c.enforce_input_projection or c.feature_size != width:
            raise ValueError("hidden_dim must equal feature_size: weights between the two are in no checkpoint")
        self.places, self.first = (nn.Parameter(torch.empty(c.num_queries, width)) for _ in range(2))
        self.levels = nn.Parameter(torch.empty(LEVELS, width))
        self.blocks = nn.ModuleList(SegmentBlock(c) for _ in range(c.decoder_layers - 1))
        self.norm, self.embed = nn.LayerNorm(width), Layers(width, width, c.mask_feature_size, 3)

    def forward(self, image: Levels, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """pixels: the large map. Returns states, normed, and vectors, `(batch, segments, width)` each."""
        batch, count = len(pixels), len(self.places)
        memory = [one + level for one, level in zip(image.tokens.split(image.counts, 1), self.levels, strict=True)]
        placed = [one + places for one, places in zip(memory, image.places.split(image.counts), strict=True)]
        layout = Layout.of([count] * batch, pixels.device)
        x, places = self.first.repeat(batch, 1), self.places.repeat(batch, 1)
        states = self.norm(x).unflatten(0, (batch, -1))
        for i, block in enumerate(self.blocks):
            level = i % LEVELS
            visible = self._visible(self.embed(states), pixels, image.sizes[level])
            x = block(x, layout, memory[level], placed[level], visible, places)
            states = self.norm(x).unflatten(0, (batch, -1))
        return states, self.embed(states)

    def _visible(self, vectors: Tensor, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """The places inside the masks so far; all of them for a mask that is empty. `(batch, 1, segments, tokens)`."""
        inside = F.interpolate(products(vectors, pixels), size=size, mode="bilinear").sigmoid().flatten(2) >= 0.5
        return (inside | ~inside.any(-1, keepdim=True))[:, None]


class Mask2Former(nn.Module):
    """A network that looks, a decoder of its maps, and one that finds segments in them."""

    def __init__(self, c: Mask2FormerConfig) -> None:
        super().__init__()
        self.network = network(c.backbone_config)
        self.pixels = PixelDecoder(c, self.network.channels)
        self.decoder = SegmentDecoder(c)

    def forward(self, pixels: Tensor) -> Segmented:
        """pixels: `(batch, 3, height, width)`."""
        maps = self.network(pixels)
        levels, large = self.pixels(maps)
        states, vectors = self.decoder(levels, large)
        return Segmented(states, large, maps[-1], vectors)


PIXELS = "pixel_level_module.decoder"
SEGMENTS = "transformer_module"
LAYER, OURS = f"{PIXELS}.encoder.layers.{{i}}", "pixels.blocks.{i}"
BLOCK, OWN = f"{SEGMENTS}.decoder.layers.{{i}}", "decoder.blocks.{i}"
PARTS = ("q", "k", "v")
RULES = (
    *under("pixel_level_module.encoder.", NETWORK, "network."),
    *under("pixel_level_module.encoder.", BODY, "network.body."),
    rename(f"{PIXELS}.level_embed", "pixels.levels"),
    rename(f"{PIXELS}.input_projections", "pixels.narrow"),
    rename(f"{PIXELS}.mask_projection", "pixels.out"),
    *(rename(f"{PIXELS}.adapter_{i + 1}", f"pixels.adapters.{i}") for i in range(LEVELS)),
    *(rename(f"{PIXELS}.layer_{i + 1}", f"pixels.convs.{i}") for i in range(LEVELS)),
    rename(f"{LAYER}.self_attn.sampling_offsets", f"{OURS}.attn.layer.offsets"),
    rename(f"{LAYER}.self_attn.attention_weights", f"{OURS}.attn.layer.weights"),
    rename(f"{LAYER}.self_attn.value_proj", f"{OURS}.attn.layer.values"),
    rename(f"{LAYER}.self_attn.output_proj", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.self_attn_layer_norm", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.fc1", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.fc2", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.final_layer_norm", f"{OURS}.mlp.norm"),
    rename(f"{SEGMENTS}.queries_embedder.weight", "decoder.places"),
    rename(f"{SEGMENTS}.queries_features.weight", "decoder.first"),
    rename(f"{SEGMENTS}.level_embed.weight", "decoder.levels"),
    *attention_rules(f"{BLOCK}.self_attn", f"{OWN}.attn"),
    rename(f"{BLOCK}.self_attn_layer_norm", f"{OWN}.attn.norm"),
    split(f"{BLOCK}.cross_attn.in_proj_weight", *(f"{OWN}.cross.layer.{part}.weight" for part in PARTS)),
    split(f"{BLOCK}.cross_attn.in_proj_bias", *(f"{OWN}.cross.layer.{part}.bias" for part in PARTS)),
    rename(f"{BLOCK}.cross_attn.out_proj", f"{OWN}.cross.layer.out"),
    rename(f"{BLOCK}.cross_attn_layer_norm", f"{OWN}.cross.norm"),
    rename(f"{BLOCK}.fc1", f"{OWN}.mlp.layer.up"),
    rename(f"{BLOCK}.fc2", f"{OWN}.mlp.layer.down"),
    rename(f"{BLOCK}.final_layer_norm", f"{OWN}.mlp.norm"),
    rename(f"{SEGMENTS}.decoder.layernorm", "decoder.norm"),
    rename(f"{SEGMENTS}.decoder.mask_predictor.mask_embedder.{{i}}.0", "decoder.embed.layers.{i}"),
)
FAMILIES = {
    "mask2former": Family(
        Mask2FormerConfig,
        Mask2Former,
        RULES,
        "model.",
        {
            Head.BASE: HeadSpec(lambda c: SeenLast()),
            Head.MASKS: HeadSpec(
                lambda c: MaskClassifier(c.hidden_dim, len(c.labels)),
                (rename("class_predictor", "label"), drop("criterion.empty_weight")),  # of training
            ),
        },
        ImageModel,
    ),
}
