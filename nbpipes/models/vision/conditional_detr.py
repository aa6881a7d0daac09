"""Conditional DETR (https://arxiv.org/abs/2108.06152)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.attention import attend
from nbpipes.layers.block import MLP, Residual
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.placed import attend_across, checked_heads
from nbpipes.models.detection import DetectionModel, Detector, Flat, Layers, Scene, SceneHead, full_turns, unsquashed
from nbpipes.models.detr import FOUND, IN_DECODER, TRUNK, Detr, DetrConfig
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head

BEST = 100
"""Pairs of an object and a label that count."""


@dataclass(frozen=True, kw_only=True)
class ConditionalDetrConfig(DetrConfig):
    """Config of Conditional DETR."""

    num_queries: int = 300


class ConditionalAttention(nn.Module):
    """Self-attention; states and places have layers of their own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.q, self.k, self.v, self.q_place, self.k_place, self.out = (Linear(width, width) for _ in range(6))

    def forward(self, x: Tensor, layout: Layout, *, places: Tensor) -> Tensor:
        """x, places: `(tokens, width)`."""
        parts = (self.q(x) + self.q_place(places), self.k(x) + self.k_place(places), self.v(x))
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        return self.out(attend(q, k, v, layout))


class ConditionalCross(nn.Module):
    """Attention of objects to an image: by what they are, and beside it by where they are.

    first: whether what they are includes the places, as in the first block.
    """

    def __init__(self, width: int, heads: int, *, first: bool) -> None:
        super().__init__()
        self.heads = checked_heads(width, heads)
        self.q, self.k, self.v, self.k_place, self.waves, self.out = (Linear(width, width) for _ in range(6))
        self.q_place = Linear(width, width) if first else None

    def forward(self, x: Tensor, image: Flat, waves: Tensor, *, places: Tensor) -> Tensor:
        """x, places: `(images * objects, width)`. waves: of the objects' points, of the same shape."""
        q, k, place = self.q(x), self.k(image.tokens), self.k_place(image.places)
        if self.q_place is not None:
            q, k = q + self.q_place(places), k + place
        q, waves, k, place, v = (
            part.unflatten(-1, (self.heads, -1)) for part in (q, self.waves(waves), k, place, self.v(image.tokens))
        )
        return self.out(attend_across(torch.cat((q, waves), -1), torch.cat((k, place), -1), v, image.layout))


class ConditionalBlock(nn.Module):
    """Attention among the objects, attention to the image, feed-forward, each with a norm after it."""

    def __init__(self, c: ConditionalDetrConfig, *, first: bool) -> None:
        super().__init__()
        width, heads = c.d_model, c.decoder_attention_heads
        self.attn = Residual(ConditionalAttention(width, heads), nn.LayerNorm(width), pre=False)
        self.cross = Residual(ConditionalCross(width, heads, first=first), nn.LayerNorm(width), pre=False)
        self.mlp = Residual(MLP(width, c.decoder_ffn_dim, c.activation_function), nn.LayerNorm(width), pre=False)

    def forward(self, x: Tensor, layout: Layout, image: Flat, waves: Tensor, *, places: Tensor) -> Tensor:
        x = self.attn(x, layout, places=places)
        return self.mlp(self.cross(x, image, waves, places=places))


class ConditionalDecoder(nn.Module):
    """Objects look for themselves in an image, each from a point of its own."""

    def __init__(self, c: ConditionalDetrConfig) -> None:
        super().__init__()
        self.each = c.auxiliary_loss
        self.places = nn.Parameter(torch.empty(c.num_queries, c.d_model))
        self.points, self.scale = Layers(c.d_model, c.d_model, 2, 2), Layers(c.d_model, c.d_model, c.d_model, 2)
        self.blocks = nn.ModuleList(ConditionalBlock(c, first=not i) for i in range(c.decoder_layers))
        self.norm = nn.LayerNorm(c.d_model)

    def forward(self, image: Flat) -> Scene:
        """image: what the encoder makes of the maps, with their places."""
        count = len(image.layout.lengths)
        layout = Layout.of([len(self.places)] * count, self.places.device)
        points, places = self.points(self.places).sigmoid(), self.places.repeat(count, 1)
        waves = full_turns(points, places.shape[1]).to(places.dtype).repeat(count, 1)
        x = torch.zeros_like(places)
        for number, block in enumerate(self.blocks):
            x = block(x, layout, image, waves * self.scale(x) if number else waves, places=places)
            x = self.norm(x) if self.each else x
        return Scene(self.norm(x).unflatten(0, (count, -1)), F.pad(unsquashed(points), (0, 2)))


THEIRS, OURS = IN_DECODER
RULES = (
    *TRUNK,
    *(
        rename(f"{THEIRS}.{short}_{theirs}_proj", f"{OURS}.{part}.layer.{ours}")
        for short, part in (("sa", "attn"), ("ca", "cross"))
        for theirs, ours in (
            ("qcontent", "q"),
            ("kcontent", "k"),
            ("v", "v"),
            ("qpos", "q_place"),
            ("kpos", "k_place"),
            ("qpos_sine", "waves"),
        )
    ),
    rename(f"{THEIRS}.self_attn.out_proj", f"{OURS}.attn.layer.out"),
    rename(f"{THEIRS}.encoder_attn.out_proj", f"{OURS}.cross.layer.out"),
    rename("decoder.query_scale", "decoder.scale"),
    rename("decoder.ref_point_head", "decoder.points"),
)
FAMILIES = {
    "conditional_detr": Family(
        ConditionalDetrConfig,
        lambda c: Detr(c, ConditionalDecoder(c)),
        RULES,
        "model.",
        {
            Head.BASE: HeadSpec(lambda c: SceneHead()),
            Head.DETECTION: HeadSpec(lambda c: Detector(c.d_model, len(c.labels), BEST), FOUND),
        },
        DetectionModel,
    ),
}
