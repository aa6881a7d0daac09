"""WavLM (https://arxiv.org/abs/2110.13900): wav2vec 2.0 with attention that knows how far frames are apart."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.packing import Layout, Tile
from nbpipes.layers.positions import buckets, distances
from nbpipes.models.family import Family
from nbpipes.models.sounds import SoundModel, WaveConfig, heads
from nbpipes.models.waves import LAYER, OURS, WAVE, WaveTrunk, blocks, frame_maker, place_conv


@dataclass(frozen=True, kw_only=True)
class WavLMConfig(WaveConfig):
    """Config of WavLM."""

    num_buckets: int = 320
    max_bucket_distance: int = 800


class GatedAttention(Attention):
    """Attention with a bias of the distance, which each frame takes more or less of."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.gate = nn.Linear(width // heads, 8)
        self.constant = nn.Parameter(torch.empty(1, heads, 1, 1))

    def forward(self, x: Tensor, layout: Layout, *, near: nn.Embedding, reach: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """x: `(frames, width)`. near: the bias of each bucket of distances, for each head. reach: see `buckets`."""
        parts = (self.q(x), self.k(x), self.v(x)) if self.joined is None else self.joined(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        more, less = self.gate(x.unflatten(-1, (self.heads, -1))).unflatten(-1, (2, 4)).sum(-1).sigmoid().unbind(-1)
        gates = more * (less * self.constant.flatten() - 1) + 2
        mixed = [self._tile(q, k, v, gates, tile, near, reach) for tile in layout.tiles]
        return self.out(torch.cat(mixed))

    def _tile(
        self, q: Tensor, k: Tensor, v: Tensor, gates: Tensor, tile: Tile, near: nn.Embedding, reach: int
    ) -> Tensor:
        length = tile.length
        query, key, value, gate = (
            part[tile.start : tile.stop].unflatten(0, (tile.rows, length)).transpose(1, 2)
            for part in (q, k, v, gates[..., None])
        )
        bias = near(buckets(distances(length, q.device), near.num_embeddings, reach)).T.unfold(-1, length, 1)
        parts = []
        for rows in tile.parts(self.heads):
            own = bias[:, length - rows.stop : length - rows.start].flip(-2)
            mask = gate[:, :, rows] * own
            parts.append(F.scaled_dot_product_attention(query[:, :, rows], key, value, attn_mask=mask))
        return torch.cat(parts, 2).transpose(1, 2).reshape(tile.rows * length, -1)


class WavLMTrunk(WaveTrunk):
    """The trunk of WavLM: all blocks share what distances mean."""

    def __init__(self, c: WavLMConfig) -> None:
        super().__init__(c, frame_maker(c), place_conv(c), blocks(c, GatedAttention), pre=c.do_stable_layer_norm)
        self.near, self.reach = nn.Embedding(c.num_buckets, c.num_attention_heads), c.max_bucket_distance

    def runner(self, layout: Layout, like: Tensor) -> Callable[[nn.Module, Tensor], Tensor]:
        return lambda block, x: block(x, layout, near=self.near, reach=self.reach)


FAMILIES = {
    "wavlm": Family(
        WavLMConfig,
        WavLMTrunk,
        (
            rename("encoder.layers.0.attention.rel_attn_embed", "near"),
            rename(f"{LAYER}.attention.gru_rel_pos_linear", f"{OURS}.attn.layer.gate"),
            rename(f"{LAYER}.attention.gru_rel_pos_const", f"{OURS}.attn.layer.constant"),
            *WAVE,
        ),
        "wavlm.",
        heads(),
        SoundModel,
    )
}
