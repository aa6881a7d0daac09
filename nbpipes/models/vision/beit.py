"""BEiT (https://arxiv.org/abs/2106.08254)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename
from nbpipes.layers.attention import Attention, Rotate
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.conv import BatchNorm
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.layers.positions import places_apart
from nbpipes.layers.precision import fine
from nbpipes.layers.scale import Scaled
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import (
    LAYER,
    OURS,
    PATCHES,
    ImageClassifier,
    ImageModel,
    PatchConfig,
    PatchEncoder,
    Pool,
    SeenHead,
    first,
    grid,
)
from nbpipes.models.outputs import LabelMaps, Seen
from nbpipes.models.uper import UperHead, uper_rules

ATTENTION, MIDDLE, INNER = f"{OURS}.attn.layer", f"{OURS}.mlp.layer", f"{LAYER}.attention.attention"
TABLE = "relative_position_bias.relative_position_bias_table"
RULES = (
    *PATCHES,
    drop("*.relative_position_index"),  # computed
    rename(f"{INNER}.query", f"{ATTENTION}.layer.q"),
    rename(f"{INNER}.key", f"{ATTENTION}.layer.k"),
    rename(f"{INNER}.value", f"{ATTENTION}.layer.v"),
    rename(f"{INNER}.{TABLE}", f"{ATTENTION}.layer.relative.table"),
    rename(f"{LAYER}.attention.output.dense", f"{ATTENTION}.layer.out"),
    rename(f"{LAYER}.lambda_1", f"{ATTENTION}.scale"),
    rename(f"{LAYER}.layernorm_before", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.intermediate.dense", f"{MIDDLE}.layer.up"),
    rename(f"{LAYER}.output.dense", f"{MIDDLE}.layer.down"),
    rename(f"{LAYER}.lambda_2", f"{MIDDLE}.scale"),
    rename(f"{LAYER}.layernorm_after", f"{OURS}.mlp.norm"),
    rename(f"encoder.{TABLE}", "relative.table"),
    rename("layernorm", "norm"),
)
POOLER = (rename("pooler.layernorm", "pool.norm"), rename("beit.pooler.layernorm", "pool.norm"))


@dataclass(frozen=True, kw_only=True)
class BeitConfig(PatchConfig):
    """Config of BEiT."""

    use_absolute_position_embeddings: bool = False
    use_relative_position_bias: bool = False
    use_shared_relative_position_bias: bool = False
    layer_scale_init_value: float = 0.1
    use_mean_pooling: bool = True
    out_indices: tuple[int, ...] | None = None
    segmentation_indices: tuple[int, ...] | None = None
    pool_scales: tuple[int, ...] = (1, 2, 3, 6)


class RelativeBias(nn.Module):
    """What is added to the scores of two tokens for their distance in rows and columns.

    The last three entries of the table are for [CLS] that looks at a patch, a patch that looks at it, and itself.
    """

    def __init__(self, places: tuple[int, int], heads: int) -> None:
        super().__init__()
        self.places, self.heads = places, heads
        rows, columns = places
        self.table = nn.Parameter(torch.empty((2 * rows - 1) * (2 * columns - 1) + 3, heads))

    def stretched(self, places: tuple[int, int]) -> Tensor:
        """The table for a grid of `places`: distances in between are interpolated."""
        if places == self.places:
            return self.table
        size, ours = ((2 * rows - 1, 2 * columns - 1) for rows, columns in (places, self.places))
        between, special = self.table[:-3], self.table[-3:]
        maps = between.T.unflatten(1, ours)[None].to(fine(between.dtype))
        maps = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)[0]
        return torch.cat([maps.flatten(1).T.to(self.table.dtype), special])

    def forward(self, places: tuple[int, int]) -> Tensor:
        """For rows and columns of patches: `(1, heads, tokens, tokens)`."""
        rows, columns = places
        table = self.stretched(places)
        device, tokens = table.device, rows * columns + 1
        index = torch.empty(tokens, tokens, dtype=torch.long, device=device)
        index[1:, 1:] = places_apart(rows, columns, device)
        last = len(table)
        index[0, :], index[:, 0] = last - 3, last - 2
        index[0, 0] = last - 1
        return table[index].permute(2, 0, 1)[None]


class BeitAttention(Attention):
    """Attention whose keys have no bias, with its own bias of distances or one that all share."""

    def __init__(self, width: int, heads: int, relative: RelativeBias | None) -> None:
        super().__init__(width, heads)
        self.k = Linear(width, width, bias=False)
        self.relative = relative

    def fuse(self) -> None:
        if self.joined is None:
            self.k.bias = nn.Parameter(torch.zeros_like(self.q.bias), requires_grad=False)
        super().fuse()

    def forward(
        self,
        x: Tensor,
        layout: Layout,
        *,
        keep: Tensor | None = None,
        bias: ScoreBias | None = None,
        rotate: Rotate | None = None,
        places: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """places: rows and columns of patches."""
        if self.relative is not None:
            bias = combined(bias, self.relative(places))
        return super().forward(x, layout, keep=keep, bias=bias, rotate=rotate)


def combined(shared: ScoreBias | None, own: Tensor) -> ScoreBias:
    """A layer's own bias, and on top of it the one that all layers share."""
    return lambda tile: own if shared is None else own + shared(tile)  # pyright: ignore[reportOperatorIssue]


class Beit(PatchEncoder):
    """Encoder of patches, with distances instead of positions, or besides them."""

    def __init__(self, c: BeitConfig) -> None:
        places = grid(c.image_size, c.patch_size)
        super().__init__(
            Blocks(block(c, places) for _ in range(c.num_hidden_layers)),
            None if c.use_mean_pooling else nn.LayerNorm(c.hidden_size, c.layer_norm_eps),
            width=c.hidden_size,
            size=c.image_size,
            patch=c.patch_size,
            channels=c.num_channels,
            stretch=True,
            positions=c.use_absolute_position_embeddings,
        )
        shared = c.use_shared_relative_position_bias
        self.relative = RelativeBias(places, c.num_attention_heads) if shared else None

    def extras(self, places: tuple[int, int]) -> dict[str, Any]:
        if self.relative is None:
            return {"places": places}
        values = self.relative(places)
        return {"places": places, "bias": lambda tile: values}


def block(c: BeitConfig, places: tuple[int, int]) -> Block:
    """The block of ViT with factors after each half."""
    width, scaled = c.hidden_size, c.layer_scale_init_value > 0
    relative = RelativeBias(places, c.num_attention_heads) if c.use_relative_position_bias else None
    attn = Scaled(BeitAttention(width, c.num_attention_heads, relative), width, "out", scaled=scaled)
    mlp = Scaled(MLP(width, c.intermediate_size, c.hidden_act), width, "down", scaled=scaled)
    return Block(attn, mlp, partial(nn.LayerNorm, width, c.layer_norm_eps), pre=True)


class MeanPool(nn.Module):
    """The mean of the patches, normed."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps)

    def forward(self, seen: Seen) -> Tensor:
        return self.norm(seen.hidden[:, 1:].mean(1))


def pool(c: BeitConfig) -> Pool:
    """What stands for an image: the mean of its patches, or [CLS]."""
    return MeanPool(c.hidden_size, c.layer_norm_eps) if c.use_mean_pooling else first


def classifier(c: BeitConfig) -> ImageClassifier:
    """Classes from what stands for an image."""
    return ImageClassifier(pool(c), c.hidden_size, len(c.labels), leading=None if c.use_mean_pooling else 1)


class LabelHead(UperHead):
    """Labels of places, from the states of four blocks, made into maps of as many sizes. wanted: the blocks, from 1."""

    leading = None

    def __init__(self, c: BeitConfig) -> None:
        width, indices = c.hidden_size, c.out_indices or c.segmentation_indices or ()
        super().__init__([width] * 4, width, len(c.labels), c.pool_scales)
        # The reference compares numbers that count the patches as one more block with numbers that do not.
        self.wanted = tuple(index - 1 for index in indices)
        if len(self.wanted) != 4 or not 1 <= min(self.wanted) <= max(self.wanted) <= c.num_hidden_layers:
            raise ValueError(f"out_indices must name four blocks from the second on, not {indices}")
        double = partial(nn.ConvTranspose2d, width, width, 2, stride=2)
        self.fourfold = nn.Sequential(double(), BatchNorm(width), nn.GELU(), double())
        self.twofold = double()

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, states: Sequence[Tensor], places: tuple[int, int]
    ) -> LabelMaps:
        """states: `(batch, tokens, width)` each, with places rows and columns of patches behind [CLS]."""
        maps = [state[:, 1:].transpose(1, 2).unflatten(2, places) for state in states]
        return super().forward((self.fourfold(maps[0]), self.twofold(maps[1]), maps[2], F.max_pool2d(maps[3], 2)))


class BeitModel(ImageModel):
    """An encoder of patches with a head, which for labels of places reads the states of several blocks."""

    def forward(self, pixel_values: Tensor) -> Any:
        if not isinstance(self.head, LabelHead):
            return super().forward(pixel_values)
        self.prepare()
        trunk: Any = self.trunk
        return self.head(*trunk.states(pixel_values.to(self.dtype), self.head.wanted))


LABELS = (
    drop("beit.pooler"),  # of a classifier
    *uper_rules("bn"),
    rename("fpn1", "fourfold"),
    rename("fpn2.0", "twofold"),
)
FAMILIES = {
    "beit": Family(
        BeitConfig,
        Beit,
        RULES,
        "beit.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead(pool(c)), POOLER, optional=("pool",)),
            Head.IMAGE: HeadSpec(classifier, (rename("classifier", "out"), *POOLER)),
            Head.LABEL_MAPS: HeadSpec(LabelHead, LABELS),
        },
        BeitModel,
    ),
}
