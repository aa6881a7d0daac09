"""BEiT (https://arxiv.org/abs/2106.08254)."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename
from nbpipes.layers.attention import Attention, Rotate
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.layers.positions import bias_by_length, places_apart
from nbpipes.layers.scale import Scaled
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import (
    LAYER,
    OURS,
    PATCHES,
    ImageClassifier,
    ImageModel,
    PatchEncoder,
    Pool,
    SeenHead,
    Sides,
    first,
    grid,
    through,
)
from nbpipes.models.outputs import Seen

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
class BeitConfig(Config):
    """Config of BEiT."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    image_size: Sides = 224
    patch_size: Sides = 16
    num_channels: int = 3
    use_absolute_position_embeddings: bool = False
    use_relative_position_bias: bool = False
    use_shared_relative_position_bias: bool = False
    layer_scale_init_value: float = 0.1
    use_mean_pooling: bool = True


class RelativeBias(nn.Module):
    """What is added to the scores of two tokens for their distance in rows and columns.

    The last three entries of the table are for [CLS] that looks at a patch, a patch that looks at it, and itself.
    """

    def __init__(self, places: tuple[int, int], heads: int) -> None:
        super().__init__()
        self.places, self.heads = places, heads
        rows, columns = places
        self.table = nn.Parameter(torch.empty((2 * rows - 1) * (2 * columns - 1) + 3, heads))

    def forward(self) -> Tensor:
        """`(1, heads, tokens, tokens)`."""
        rows, columns = self.places
        device, tokens = self.table.device, rows * columns + 1
        index = torch.empty(tokens, tokens, dtype=torch.long, device=device)
        index[1:, 1:] = places_apart(rows, columns, device)
        last = len(self.table)
        index[0, :], index[:, 0] = last - 3, last - 2
        index[0, 0] = last - 1
        return self.table[index].permute(2, 0, 1)[None]


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
    ) -> Tensor:
        if self.relative is not None:
            bias = combined(bias, self.relative())
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
            positions=c.use_absolute_position_embeddings,
        )
        shared = c.use_shared_relative_position_bias
        self.relative = RelativeBias(places, c.num_attention_heads) if shared else None

    def forward(self, pixels: Tensor, leading: int | None = None) -> Seen:
        x, _ = self.embed(pixels)
        bias = None
        if self.relative is not None:
            values = self.relative()
            bias = bias_by_length(lambda length: values)
        return Seen(through(self.blocks, x, self.norm, leading, bias=bias))


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


FAMILIES = {
    "beit": Family(
        BeitConfig,
        Beit,
        RULES,
        "beit.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead(pool(c)), POOLER, optional=("pool",)),
            Head.IMAGE: HeadSpec(classifier, (rename("classifier", "out"), *POOLER)),
        },
        ImageModel,
    ),
}
