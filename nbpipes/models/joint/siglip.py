"""SigLIP (https://arxiv.org/abs/2303.15343) and SigLIP 2 (https://arxiv.org/abs/2502.14786): pairs judged one by one.

SigLIP 2 reads images of any shape, cut into patches; its checkpoints for one size of images call themselves SigLIP.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.weights import rename, split
from nbpipes.layers.block import MLP
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.placed import attend_across
from nbpipes.layers.precision import fine
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageClassifier, PatchEncoder, SeenHead
from nbpipes.models.outputs import Seen, SeenPatches
from nbpipes.models.pairs import BLOCKS, NO_TEXT, TEXT, VISION, JointConfig, PairModel, PairsHead, Tower

SEEN = (
    rename("post_layernorm", "norm"),
    rename("head.probe", "pool.probe"),
    split("head.attention.in_proj_weight", "pool.q.weight", "pool.k.weight", "pool.v.weight"),
    split("head.attention.in_proj_bias", "pool.q.bias", "pool.k.bias", "pool.v.bias"),
    rename("head.attention.out_proj", "pool.out"),
    rename("head.layernorm", "pool.norm"),
    rename("head.mlp.fc1", "pool.mlp.up"),
    rename("head.mlp.fc2", "pool.mlp.down"),
)
PATCHES = (
    rename("embeddings.patch_embedding", "patches"),
    rename("embeddings.position_embedding.weight", "positions"),
    *BLOCKS,
)
TOWER = {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "patch_size": 16}


@dataclass(frozen=True, kw_only=True)
class SiglipConfig(JointConfig):
    """Config of SigLIP and SigLIP 2."""

    text_defaults: ClassVar[dict[str, Any]] = TOWER | {"vocab_size": 32000, "max_position_embeddings": 64}
    vision_defaults: ClassVar[dict[str, Any]] = TOWER


class AttentionPool(nn.Module):
    """One vector for an image: a learned query looks at all patches."""

    def __init__(self, c: Tower) -> None:
        super().__init__()
        width, self.heads = c.hidden_size, c.num_attention_heads
        self.probe = nn.Parameter(torch.empty(1, 1, width))
        self.q, self.k, self.v, self.out = (Linear(width, width) for _ in range(4))
        self.norm = nn.LayerNorm(width, c.layer_norm_eps)
        self.mlp = MLP(width, c.intermediate_size, c.hidden_act)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        """hidden: `(tokens, width)` of images, packed as `layout` says. Returns `(images, width)`."""
        query = self.q(self.probe[0]).expand(len(layout.lengths), -1)
        q, k, v = (x.unflatten(-1, (self.heads, -1)) for x in (query, self.k(hidden), self.v(hidden)))
        x = self.out(attend_across(q, k, v, layout))
        return x + self.mlp(self.norm(x))


class SiglipVision(PatchEncoder):
    """The image tower of SigLIP."""

    def __init__(self, c: SiglipConfig) -> None:
        own = c.vision
        super().__init__(
            own.blocks(),
            nn.LayerNorm(own.hidden_size, own.layer_norm_eps),
            width=own.hidden_size,
            size=own.image_size,
            patch=own.patch_size,
            channels=own.num_channels,
            names=(),
        )
        self.pool = AttentionPool(own) if own.vision_use_head else None

    def forward(self, pixels: Tensor, leading: int | None = None) -> Seen:
        hidden = super().forward(pixels).hidden
        if self.pool is None:
            return Seen(hidden)
        return Seen(hidden, self.pool(hidden.flatten(0, 1), Layout.of([hidden.shape[1]] * len(hidden), hidden.device)))


class PatchesVision(nn.Module):
    """The image tower of SigLIP 2, for images of any shapes."""

    def __init__(self, c: SiglipConfig) -> None:
        super().__init__()
        own = c.vision
        self.side = isqrt(own.num_patches)
        self.patches = Linear(own.num_channels * own.patch_size**2, own.hidden_size)
        self.positions = nn.Parameter(torch.empty(own.num_patches, own.hidden_size))
        self.blocks, self.norm = own.blocks(), nn.LayerNorm(own.hidden_size, own.layer_norm_eps)
        self.pool = AttentionPool(own) if own.vision_use_head else None

    def forward(self, pixels: Tensor, shapes: Sequence[tuple[int, int]]) -> SeenPatches:
        """pixels: `(patches, numbers of a patch)` of all images. shapes: rows and columns of patches of each."""
        if pixels.shape[-1] != self.patches.in_features:
            raise InputError(f"the model reads patches of {self.patches.in_features} numbers, not {pixels.shape[-1]}")
        layout = Layout.of([rows * columns for rows, columns in shapes], pixels.device)
        tables = {shape: self.stretched(shape) for shape in dict.fromkeys(shapes)}
        x = self.patches(pixels) + torch.cat([tables[shape] for shape in shapes])
        hidden = self.norm(self.blocks(x, layout))
        return SeenPatches(hidden, None if self.pool is None else self.pool(hidden, layout), layout.lengths)

    def stretched(self, shape: tuple[int, int]) -> Tensor:
        """The table of positions for rows and columns of patches, `(patches, width)`."""
        maps = self.positions.T.unflatten(1, (self.side, self.side))[None].to(fine(self.positions.dtype))
        maps = F.interpolate(maps, size=shape, mode="bilinear", align_corners=False, antialias=True)
        return maps[0].flatten(1).T.to(self.positions.dtype)


# ---------------------------------------------------------------------- heads


class PatchesHead(nn.Module):
    """Gives what the image tower sees."""

    def forward(self, seen: SeenPatches) -> SeenPatches:
        return seen


class PatchesModel(PairModel):
    """Towers for images of any shapes and for texts."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, pixel_values: Tensor, texts: Tensor | None = None, *, shapes: Sequence[tuple[int, int]]
    ) -> Any:
        """pixel_values, shapes: as for the image tower. texts: vectors to compare the images with."""
        self.prepare()
        seen = self.trunk(pixel_values.to(self.dtype), shapes)
        return self.head(seen) if texts is None else self.head(seen, texts)


def token_mean(seen: Seen) -> Tensor:
    """The mean of all tokens."""
    return seen.hidden.mean(1)


def patch_mean(seen: SeenPatches) -> Tensor:
    """The mean of the patches of each image."""
    return torch.stack([part.mean(0) for part in seen.hidden.split(list(seen.lengths))])


def heads(base: Callable[[], nn.Module], pool: Callable[[Any], Tensor]) -> dict[Head, HeadSpec]:
    """base: gives what is seen. pool: what an image's classes are told from."""
    return {
        Head.BASE: HeadSpec(lambda c: base(), NO_TEXT),
        Head.IMAGE: HeadSpec(
            lambda c: ImageClassifier(pool, c.vision.hidden_size, len(c.labels)), (rename("classifier", "out"),)
        ),
        Head.PAIRS: HeadSpec(lambda c: PairsHead(c, independent=True), TEXT),
    }


FAMILIES = {
    "siglip": Family(
        SiglipConfig,
        SiglipVision,
        (*VISION, *SEEN),
        "vision_model.",
        heads(SeenHead, token_mean),
        PairModel,
    ),
    "siglip2": Family(
        SiglipConfig,
        PatchesVision,
        (*PATCHES, *SEEN),
        "vision_model.",
        heads(PatchesHead, patch_mean),
        PatchesModel,
    ),
}
