"""What models of images share: the model that joins trunk and head, heads, poolings, the encoder of patches."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.precision import fine
from nbpipes.models.family import HeadSpec, Model
from nbpipes.models.outputs import Logits, Seen

Pool = Callable[[Seen], Tensor]
"""One vector for each image."""
Sides = int | tuple[int, ...]
"""A config's size of images or patches: one number for a square, or height and width."""


@dataclass(frozen=True, kw_only=True)
class PatchConfig(Config):
    """What the configs of transformers on the patches of images have in common."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    image_size: Sides = 224
    patch_size: Sides = 16
    num_channels: int = 3


class ImageModel(Model):
    """A trunk that reads pixels, and a head."""

    def forward(self, pixel_values: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """pixel_values: `(batch, channels, height, width)`. Returns the head's record."""
        self.prepare()
        leading = self.head.leading
        pixels = pixel_values.to(self.dtype)
        return self.head(self.trunk(pixels) if leading is None else self.trunk(pixels, leading))


# ---------------------------------------------------------------------- heads


class SeenHead(nn.Module):
    """Gives what the trunk sees, with the vector that `pool` makes of it.

    leading: how many tokens of an image the head needs, None for all; the last block computes no others.
    """

    leading: int | None = None

    def __init__(self, pool: Pool | None = None) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, seen: Seen) -> Seen:
        return Seen(seen.hidden, seen.pooled if self.pool is None else self.pool(seen))


class ImageClassifier(nn.Module):
    """Classes of an image, from one vector for it."""

    def __init__(self, pool: Pool, width: int, labels: int, *, leading: int | None = None) -> None:
        super().__init__()
        self.pool, self.leading = pool, leading
        self.out = nn.Linear(width, labels)

    def forward(self, seen: Seen) -> Logits:
        return Logits(self.out(self.pool(seen)))


def first(seen: Seen) -> Tensor:
    """The state of the first token, [CLS]."""
    return seen.hidden[:, 0]


def pooled(seen: Seen) -> Tensor:
    """The vector that the trunk has made."""
    if seen.pooled is None:
        raise InputError("this model has no vector for a whole image")
    return seen.pooled.flatten(1)


class FirstTokenPooler(nn.Module):
    """A layer with an activation on the first token."""

    def __init__(self, width: int, out: int, act: str) -> None:
        super().__init__()
        self.dense, self.act = nn.Linear(width, out), activation(act)

    def forward(self, seen: Seen) -> Tensor:
        return self.act(self.dense(first(seen)))


# ---------------------------------------------------------------------- encoders of patches


def sides(size: Sides) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def grid(image: Sides, patch: Sides) -> tuple[int, int]:
    """Rows and columns of patches; ValueError where there are none."""
    rows, columns = (side // part for side, part in zip(sides(image), sides(patch), strict=True))
    if rows < 1 or columns < 1:
        raise ValueError(f"an image of {image} has no patches of {patch}")
    return rows, columns


def check_channels(pixels: Tensor, channels: int) -> None:
    """InputError unless the pixels have as many channels as the model reads."""
    if pixels.shape[1] != channels:
        raise InputError(f"the model reads images of {channels} channels, not {pixels.shape[1]}")


class PatchEncoder(nn.Module):
    """Vision transformer: patches of an image, behind tokens of their own, go through blocks with the norm before.

    names: of the tokens before the patches. size: of images in training; others are refused, or with `stretch` the
    table of positions is interpolated to theirs, by the method `mode`. positions: whether there is such a table.
    bias: of the patches. before: a norm before the first block.
    """

    def __init__(
        self,
        blocks: Blocks,
        norm: nn.Module | None,
        *,
        width: int,
        size: Sides,
        patch: Sides,
        channels: int = 3,
        names: Sequence[str] = ("cls",),
        stretch: bool = False,
        mode: str = "bicubic",
        positions: bool = True,
        bias: bool = True,
        before: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.size, self.stretch, self.mode, self.channels = sides(size), stretch, mode, channels
        self.grid = grid(size, patch)
        self.patches = nn.Conv2d(channels, width, sides(patch), stride=sides(patch), bias=bias)
        self.tokens = nn.ParameterDict({name: nn.Parameter(torch.empty(1, 1, width)) for name in names})
        count = len(names) + self.grid[0] * self.grid[1]
        self.positions = nn.Parameter(torch.empty(1, count, width)) if positions else None
        self.before, self.blocks, self.norm = before, blocks, norm

    def embed(self, pixels: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """What goes into the first block, `(batch, tokens, width)`, and the rows and columns of patches."""
        check_channels(pixels, self.channels)
        height, width = pixels.shape[-2:]
        if not self.stretch and (height, width) != self.size:
            raise InputError(
                f"the model reads images of {self.size[0]} × {self.size[1]} pixels, not {height} × {width}: "
                "the image processor's size does not fit it"
            )
        return self.embed_maps(self.patches(pixels))

    def embed_maps(self, maps: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """As `embed`, from what the patches are, `(batch, width, rows, columns)`."""
        before = [token.expand(len(maps), -1, -1) for token in self.tokens.values()]
        x = torch.cat([*before, maps.flatten(2).transpose(1, 2)], dim=1)
        places = (maps.shape[2], maps.shape[3])
        x = x if self.positions is None else x + self.stretched(places)
        return (x if self.before is None else self.before(x)), places

    def stretched(self, places: tuple[int, int]) -> Tensor:
        """The table of positions for a grid of `places`, `(1, tokens, width)`."""
        table = self.positions
        assert table is not None
        if places == self.grid:
            return table
        own, patches = table.split([len(self.tokens), table.shape[1] - len(self.tokens)], dim=1)
        maps = patches.transpose(1, 2).unflatten(2, self.grid).to(fine(table.dtype))
        maps = F.interpolate(maps, size=places, mode=self.mode, align_corners=False)
        return torch.cat([own, maps.flatten(2).transpose(1, 2).to(table.dtype)], dim=1)

    def forward(self, pixels: Tensor, leading: int | None = None) -> Seen:
        """leading: how many tokens of each image are wanted, None for all of them."""
        x, places = self.embed(pixels)
        return Seen(through(self.blocks, x, self.norm, leading, **self.extras(places)))

    def extras(self, places: tuple[int, int]) -> dict[str, Any]:
        """What the attention of all blocks takes besides, for a grid of `places`."""
        return {}

    def states(self, pixels: Tensor, wanted: Collection[int]) -> tuple[list[Tensor], tuple[int, int]]:
        """What comes out of some blocks, counted from 1, each `(batch, tokens, width)` and not normed; and the rows and
        columns of patches."""
        x, places = self.embed(pixels)
        return self.states_of(x, places, wanted), places

    def states_of(self, x: Tensor, places: tuple[int, int], wanted: Collection[int]) -> list[Tensor]:
        """The states of `states`, from what goes into the first block."""
        batch, tokens, _ = x.shape
        layout = Layout.of([tokens] * batch, x.device)
        x, found, extras = x.flatten(0, 1), [], self.extras(places)
        for number, layer in enumerate(islice(self.blocks, max(wanted)), 1):
            x = layer(x, layout, **extras)
            if number in wanted:
                found.append(x.unflatten(0, (batch, tokens)))
        return found


def through(blocks: Blocks, x: Tensor, norm: nn.Module | None, leading: int | None = None, **extras: object) -> Tensor:
    """Sends `(batch, tokens, width)` through blocks, as sequences of equal length. extras: what the attention takes."""
    batch, tokens, _ = x.shape
    layout = Layout.of([tokens] * batch, x.device)
    keep = None
    if leading == 1:
        keep = layout.starts
    elif leading is not None:
        keep = (layout.starts[:, None] + torch.arange(leading, device=x.device)).flatten()
    x = blocks(x.flatten(0, 1), layout, keep=keep, **extras)
    return (x if norm is None else norm(x)).unflatten(0, (batch, -1))


def attention(width: int, heads: int, *, biases: bool) -> Attention:
    """Attention whose queries, keys and values may lack the bias that the output has."""
    made = Attention(width, heads)
    if not biases:
        made.q, made.k, made.v = (Linear(width, width, bias=False) for _ in range(3))
    return made


def block(width: int, heads: int, middle: int, act: str, eps: float, *, biases: bool = True) -> Block:
    """The block of ViT: a norm before attention and one before feed-forward."""
    norm = partial(nn.LayerNorm, width, eps)
    return Block(attention(width, heads, biases=biases), MLP(width, middle, act), norm, pre=True)


def blocks(c: PatchConfig, *, biases: bool = True) -> Blocks:
    """The blocks of ViT. biases: whether queries, keys and values have them."""
    shape = (c.hidden_size, c.num_attention_heads, c.intermediate_size, c.hidden_act, c.layer_norm_eps)
    return Blocks(block(*shape, biases=biases) for _ in range(c.num_hidden_layers))


LAYER, OURS = "encoder.layer.{i}", "blocks.{i}"
PATCHES = (
    rename("embeddings.patch_embeddings.projection", "patches"),
    rename("embeddings.cls_token", "tokens.cls"),
    rename("embeddings.position_embeddings", "positions"),
    drop("embeddings.mask_token"),  # of training
)
VIT = (
    *PATCHES,
    rename(f"{LAYER}.attention.attention.query", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.attention.attention.key", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.attention.attention.value", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.attention.output.dense", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.layernorm_before", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.intermediate.dense", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.output.dense", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.layernorm_after", f"{OURS}.mlp.norm"),
    rename("layernorm", "norm"),
)
"""The trunk of ViT, as others store theirs too."""


def first_token_pooler(prefix: str) -> HeadSpec:
    """The bare trunk, with the pooler that some checkpoints have."""
    return HeadSpec(
        lambda c: SeenHead(FirstTokenPooler(c.hidden_size, c.pooler_output_size or c.hidden_size, c.pooler_act)),
        (rename("pooler.dense", "pool.dense"), rename(f"{prefix}pooler.dense", "pool.dense")),
        optional=("pool",),
    )


def classifier(pool: Pool, width: Callable[[Any], int], *rules: Rule, leading: int | None = None) -> HeadSpec:
    """Classes from a vector of `width` (of the config) that `pool` makes."""
    return HeadSpec(
        lambda c: ImageClassifier(pool, width(c), len(c.labels), leading=leading),
        (rename("classifier", "out"), *rules),
    )
