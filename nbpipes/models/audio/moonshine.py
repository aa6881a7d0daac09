"""Moonshine (https://arxiv.org/abs/2410.15608): hears plain samples, as many as there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename, split
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.cross_attention import CrossAttention, CrossBlock
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.rope import Rope
from nbpipes.models.decoding import Embedding
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.seq2seq import TextDecoder
from nbpipes.models.speech import SpeechModel, SpeechTrunk, spoken_words

LAYER, OURS = "layers.{i}", "blocks.{i}"
KERNELS, STRIDES = (127, 7, 3), (64, 3, 2)
LEAST = 127 + 64 * (7 + 3 * (3 - 1) - 1)
"""Samples from which the convolutions make one state."""


def _attention(source: str, target: str) -> tuple[Rule, ...]:
    names = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "out"}
    return tuple(rename(f"{source}.{theirs}", f"{target}.{ours}") for theirs, ours in names.items())


MOONSHINE = (
    *(rename(f"encoder.conv{i + 1}", f"encoder.convs.{i}") for i in range(3)),
    rename("encoder.groupnorm", "encoder.first_norm"),
    *_attention(f"encoder.{LAYER}.self_attn", f"encoder.{OURS}.attn.layer"),
    rename(f"encoder.{LAYER}.input_layernorm", f"encoder.{OURS}.attn.norm"),
    rename(f"encoder.{LAYER}.mlp.fc1", f"encoder.{OURS}.mlp.layer.up"),
    rename(f"encoder.{LAYER}.mlp.fc2", f"encoder.{OURS}.mlp.layer.down"),
    rename(f"encoder.{LAYER}.post_attention_layernorm", f"encoder.{OURS}.mlp.norm"),
    rename("encoder.layer_norm", "encoder.norm"),
    rename("decoder.embed_tokens", "decoder.tokens"),
    *_attention(f"decoder.{LAYER}.self_attn", f"decoder.{OURS}.attn"),
    rename(f"decoder.{LAYER}.input_layernorm", f"decoder.{OURS}.attn_norm"),
    *_attention(f"decoder.{LAYER}.encoder_attn", f"decoder.{OURS}.cross"),
    rename(f"decoder.{LAYER}.post_attention_layernorm", f"decoder.{OURS}.cross_norm"),
    split(f"decoder.{LAYER}.mlp.fc1", f"decoder.{OURS}.mlp.up", f"decoder.{OURS}.mlp.gate"),
    rename(f"decoder.{LAYER}.mlp.fc2", f"decoder.{OURS}.mlp.down"),
    rename(f"decoder.{LAYER}.final_layernorm", f"decoder.{OURS}.mlp_norm"),
    rename("decoder.norm", "decoder.norm"),
)


@dataclass(frozen=True, kw_only=True)
class MoonshineConfig(Config):
    """Config of Moonshine."""

    vocab_size: int = 32768
    hidden_size: int = 288
    intermediate_size: int = 1152
    encoder_num_hidden_layers: int = 6
    decoder_num_hidden_layers: int = 6
    encoder_num_attention_heads: int = 8
    decoder_num_attention_heads: int = 8
    encoder_num_key_value_heads: int | None = None
    decoder_num_key_value_heads: int | None = None
    encoder_hidden_act: str = "gelu"
    decoder_hidden_act: str = "silu"
    max_position_embeddings: int = 512
    rope_theta: float = 10000.0
    rope_scaling: dict | None = None
    partial_rotary_factor: float = 0.9
    attention_bias: bool = False
    decoder_start_token_id: int | None = 1
    bos_token_id: int | None = 1
    eos_token_id: int | list | None = 2

    @property
    def width(self) -> int:
        return self.hidden_size

    def turned(self, heads: int) -> int:
        """How many values of each of the heads turn by position."""
        return int(self.hidden_size // heads * self.partial_rotary_factor)


class SampleEncoder(nn.Module):
    """Hears samples of any length. rope: of the blocks, which turn neighbouring values as pairs."""

    def __init__(self, width: int, blocks: Blocks, rope: Rope) -> None:
        super().__init__()
        sizes = (1, width, 2 * width, width)
        self.convs = nn.ModuleList(
            nn.Conv1d(sizes[i], sizes[i + 1], KERNELS[i], STRIDES[i], bias=i > 0) for i in range(3)
        )
        self.first_norm = nn.GroupNorm(1, width)
        self.blocks, self.norm, self.rope = blocks, nn.LayerNorm(width, bias=False), rope

    def forward(self, sounds: Tensor, lengths: Sequence[int] | None = None) -> tuple[Tensor, Layout]:
        """sounds: `(batch, samples)`; behind the lengths there is nothing to hear."""
        lengths = [sounds.shape[1]] * len(sounds) if lengths is None else lengths
        states = [self._states(sound[:length]) for sound, length in zip(sounds, lengths, strict=True)]
        layout = Layout.of([len(one) for one in states], sounds.device)
        places = layout.positions
        turn = self.rope.turn(places, places)

        def rotate(x: Tensor) -> Tensor:
            turn.pairs(x)
            return x

        return self.norm(self.blocks(torch.cat(states), layout, rotate=rotate)), layout

    def _states(self, samples: Tensor) -> Tensor:
        """`(states, width)` of one sound: the norm is over its whole length, so it cannot be padded."""
        if len(samples) < LEAST:
            raise InputError(f"the model hears sounds from {LEAST} samples on, not {len(samples)}")
        first, second, third = self.convs
        x = self.first_norm(torch.tanh(first(samples[None, None])))
        return F.gelu(third(F.gelu(second(x))))[0].T


def moonshine(c: MoonshineConfig) -> SpeechTrunk:
    """The trunk."""
    norm = partial(nn.LayerNorm, c.hidden_size, bias=False)
    for heads, shared in (
        (c.encoder_num_attention_heads, c.encoder_num_key_value_heads),
        (c.decoder_num_attention_heads, c.decoder_num_key_value_heads),
    ):
        if shared not in (None, heads):
            raise ValueError(f"{heads} heads of queries cannot share {shared} of keys")

    def out(heads: int) -> Linear:
        return Linear(c.hidden_size // heads * heads, c.hidden_size, bias=False)

    def block() -> Block:
        attn = Attention(c.hidden_size, c.encoder_num_attention_heads, bias=c.attention_bias)
        attn.out = out(c.encoder_num_attention_heads)
        return Block(attn, MLP(c.hidden_size, c.intermediate_size, c.encoder_hidden_act), norm, pre=True)

    def cross_block() -> CrossBlock:
        heads = c.decoder_num_attention_heads
        attn = DecoderAttention(c.hidden_size, heads, bias=c.attention_bias, turned=c.turned(heads))
        attn.paired = True
        cross = CrossAttention(c.hidden_size, heads, bias=c.attention_bias)
        cross.out = out(heads)
        mlp = MLP(c.hidden_size, c.intermediate_size, c.decoder_hidden_act, gated=True)
        return CrossBlock(attn, cross, mlp, (norm(), norm(), norm()), pre=True)

    def rope(heads: int) -> Rope:
        return Rope(c.turned(heads), c.rope_theta, scaling=c.rope_scaling, limit=c.max_position_embeddings)

    blocks = Blocks(block() for _ in range(c.encoder_num_hidden_layers))
    return SpeechTrunk(
        SampleEncoder(c.hidden_size, blocks, rope(c.encoder_num_attention_heads)),
        TextDecoder(
            (cross_block() for _ in range(c.decoder_num_hidden_layers)),
            norm(),
            Embedding(c.vocab_size, c.hidden_size),
            ropes={"turn": rope(c.decoder_num_attention_heads)},
        ),
        c.max_position_embeddings,
    )


FAMILIES = {
    "moonshine": Family(
        MoonshineConfig, moonshine, MOONSHINE, "model.", {Head.SPEECH: spoken_words("proj_out")}, SpeechModel
    )
}
