"""Wav2Vec2-Conformer (https://arxiv.org/abs/2010.05171): wav2vec 2.0 whose blocks convolve besides attending, as those
of the Conformer do (https://arxiv.org/abs/2005.08100)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.attention import Attention, Rotate, attend
from nbpipes.layers.block import MLP, Blocks
from nbpipes.layers.conv import BatchNorm
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, Tile
from nbpipes.layers.rope import rotation
from nbpipes.models.family import Family
from nbpipes.models.frames import even
from nbpipes.models.sounds import SoundModel, WaveConfig, heads
from nbpipes.models.waves import LAYER, OURS, PLACES, WAVE, WaveTrunk, frame_maker

Attend = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class ConformerConfig(WaveConfig):
    """Config of Wav2Vec2-Conformer."""

    position_embeddings_type: str | None = "relative"
    rotary_embedding_base: float = 10_000
    conv_depthwise_kernel_size: int = 31


class TurnedAttention(Attention):
    """Attention whose queries and keys are made of frames that were turned by their place; values of frames as they
    are."""

    def fuse(self) -> None:
        """Keeps the projections apart: they do not see the same."""

    def forward(self, x: Tensor, layout: Layout, *, rotate: Rotate) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """x: `(frames, width)`."""
        turned = rotate(x.unflatten(-1, (self.heads, -1))).flatten(-2)
        parts = self.q(turned), self.k(turned), self.v(x)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        return self.out(attend(q, k, v, layout))


class FarAttention(Attention):
    """Attention whose scores also tell how far a frame is away, as in Transformer-XL
    (https://arxiv.org/abs/1901.02860, 3.3). content, place: what is added to queries that look for the one or other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.far = Linear(width, width, bias=False)
        self.content, self.place = (nn.Parameter(torch.empty(heads, width // heads)) for _ in "12")

    def forward(self, x: Tensor, layout: Layout, *, waves: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """x: `(frames, width)`. waves: `(2 * longest - 1, width)`, see `waves_apart`."""
        parts = (self.q(x), self.k(x), self.v(x)) if self.joined is None else self.joined(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        far = self.far(waves).unflatten(-1, (self.heads, -1)).permute(1, 2, 0)
        return self.out(torch.cat([self._tile(q, k, v, far, tile) for tile in layout.tiles]))

    def _tile(self, q: Tensor, k: Tensor, v: Tensor, far: Tensor, tile: Tile) -> Tensor:
        """far: `(heads, head_dim, 2 * longest - 1)`, for each distance from query to key, the farthest on the left
        first."""
        length, middle, scale = tile.length, far.shape[-1] // 2, q.shape[-1] ** -0.5
        q, k, v = (part[tile.start : tile.stop].unflatten(0, (tile.rows, length)) for part in (q, k, v))
        seeking, placed = ((q + own).transpose(1, 2) for own in (self.content, self.place))
        k, v = k.transpose(1, 2), v.transpose(1, 2)
        parts = []
        for rows in tile.parts(self.heads):
            # The distances that these queries see; each of them begins one before those of the query before it.
            near = placed[:, :, rows] @ far[..., middle + 1 - rows.stop : middle + length - rows.start]
            row = near.shape[-1]
            shape, strides = (*near.shape[:3], length), (*near.stride()[:2], row - 1, 1)
            bias = near.as_strided(shape, strides, rows.stop - rows.start - 1) * scale
            parts.append(F.scaled_dot_product_attention(seeking[:, :, rows], k, v, attn_mask=bias))
        return torch.cat(parts, 2).transpose(1, 2).reshape(tile.rows * length, -1)


def waves_apart(longest: int, width: int, like: Tensor) -> Tensor:
    """Waves of each distance from `longest - 1` to `1 - longest`, `(2 * longest - 1, width)`: sine and cosine in turns.

    In single precision, as the reference makes them.
    """
    distances = torch.arange(longest - 1, -longest, -1).float()[:, None]
    angles = distances * torch.exp(torch.arange(0, width, 2).float() * -(math.log(10000.0) / width))
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1).to(like)


class NearFrames(nn.Module):
    """A gated convolution over the frames of each sound, one for each channel."""

    def __init__(self, width: int, kernel: int, act: str) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"conv_depthwise_kernel_size must be odd, not {kernel}")
        self.norm = nn.LayerNorm(width)
        self.up, self.down = Linear(width, 2 * width, bias=False), Linear(width, width, bias=False)
        self.taps = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.scale, self.act = BatchNorm(width), activation(act)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        """x: `(frames, width)` of all sounds."""
        sounds = F.glu(self.up(self.norm(x)), -1).split(list(layout.lengths))
        mixed = torch.cat([self._mixed(sound) for sound in sounds])
        scale, shift = self.scale.scale_and_shift()
        return self.down(self.act(mixed * scale.to(x.dtype) + shift.to(x.dtype)))

    def _mixed(self, sound: Tensor) -> Tensor:
        padded = F.pad(sound.T, (0, even(len(sound)) - len(sound)))
        return self.taps(padded[None])[0, :, : len(sound)].T


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, the other half."""

    def __init__(self, c: ConformerConfig, attn: Attention) -> None:
        super().__init__()
        width = c.hidden_size
        self.mlp1, self.mlp2 = (MLP(width, c.intermediate_size, c.hidden_act) for _ in "12")
        self.mlp1_norm, self.attn_norm, self.mlp2_norm, self.norm = (nn.LayerNorm(width) for _ in range(4))
        self.attn, self.conv = attn, NearFrames(width, c.conv_depthwise_kernel_size, c.hidden_act)

    def forward(self, x: Tensor, layout: Layout, attend_by: Attend) -> Tensor:
        """attend_by: calls the attention with what it wants to know of places."""
        x = x + 0.5 * self.mlp1(self.mlp1_norm(x))
        x = x + attend_by(self.attn, self.attn_norm(x))
        x = x + self.conv(x, layout)
        return self.norm(x + 0.5 * self.mlp2(self.mlp2_norm(x)))


class ConformerTrunk(WaveTrunk):
    """The trunk of Wav2Vec2-Conformer: frames know their places in the attention alone."""

    def __init__(self, c: ConformerConfig) -> None:
        kinds: dict[str | None, type[Attention]]
        kinds = {"relative": FarAttention, "rotary": TurnedAttention, None: Attention}
        self.kind, self.width, self.base = c.position_embeddings_type, c.hidden_size, c.rotary_embedding_base
        if self.kind not in kinds:
            raise ValueError(f"position_embeddings_type must be 'relative', 'rotary' or null, not {self.kind!r}")
        attention = kinds[self.kind]
        blocks = (
            ConformerBlock(c, attention(c.hidden_size, c.num_attention_heads)) for _ in range(c.num_hidden_layers)
        )
        super().__init__(c, frame_maker(c), None, Blocks(blocks), pre=True)
        self.head_dim = c.hidden_size // c.num_attention_heads

    def runner(self, layout: Layout, like: Tensor) -> Callable[[nn.Module, Tensor], Tensor]:
        if self.kind == "rotary":
            rotate = rotation(layout.positions, self.head_dim, self.base, like.dtype)
            return lambda block, x: block(x, layout, lambda attn, y: attn(y, layout, rotate=rotate))
        if self.kind == "relative":
            waves = waves_apart(max(layout.lengths), self.width, like)
            return lambda block, x: block(x, layout, lambda attn, y: attn(y, layout, waves=waves))
        return lambda block, x: block(x, layout, lambda attn, y: attn(y, layout))


def _pointwise(weight: Tensor) -> tuple[Tensor, ...]:
    """From a convolution of one tap to a linear layer."""
    return (weight[..., 0],)


CONV = f"{LAYER}.conv_module"
RULES = (
    drop(PLACES),  # is stored, and never used
    drop("encoder.embed_positions"),
    drop(f"{LAYER}.conv_module.batch_norm.num_batches_tracked"),
    *(rename(f"{LAYER}.self_attn.linear_{name}", f"{OURS}.attn.{name}") for name in ("q", "k", "v", "out")),
    rename(f"{LAYER}.self_attn.linear_pos", f"{OURS}.attn.far"),
    rename(f"{LAYER}.self_attn.pos_bias_u", f"{OURS}.attn.content"),
    rename(f"{LAYER}.self_attn.pos_bias_v", f"{OURS}.attn.place"),
    rename(f"{LAYER}.self_attn_layer_norm", f"{OURS}.attn_norm"),
    *(
        rename(f"{LAYER}.ffn{number}.{name}_dense", f"{OURS}.mlp{number}.{ours}")
        for number in (1, 2)
        for name, ours in (("intermediate", "up"), ("output", "down"))
    ),
    *(rename(f"{LAYER}.ffn{number}_layer_norm", f"{OURS}.mlp{number}_norm") for number in (1, 2)),
    rename(f"{CONV}.layer_norm", f"{OURS}.conv.norm"),
    Rule(f"{CONV}.pointwise_conv1.weight", (f"{OURS}.conv.up.weight",), _pointwise),
    Rule(f"{CONV}.pointwise_conv2.weight", (f"{OURS}.conv.down.weight",), _pointwise),
    rename(f"{CONV}.depthwise_conv", f"{OURS}.conv.taps"),
    rename(f"{CONV}.batch_norm", f"{OURS}.conv.scale"),
    rename(f"{LAYER}.final_layer_norm", f"{OURS}.norm"),
    *WAVE,
)
FAMILIES = {
    "wav2vec2-conformer": Family(ConformerConfig, ConformerTrunk, RULES, "wav2vec2_conformer.", heads(), SoundModel)
}
