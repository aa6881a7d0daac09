"""DINOv2 (https://arxiv.org/abs/2304.07193)."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename, split
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.scale import Scaled
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import (
    LAYER,
    OURS,
    PATCHES,
    ImageModel,
    PatchEncoder,
    SeenHead,
    Sides,
    attention,
    classifier,
    first,
)
from nbpipes.models.outputs import Seen

ATTENTION, MIDDLE = f"{OURS}.attn.layer", f"{OURS}.mlp.layer"
RULES = (
    *PATCHES,
    rename(f"{LAYER}.norm1", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.attention.attention.query", f"{ATTENTION}.layer.q"),
    rename(f"{LAYER}.attention.attention.key", f"{ATTENTION}.layer.k"),
    rename(f"{LAYER}.attention.attention.value", f"{ATTENTION}.layer.v"),
    rename(f"{LAYER}.attention.output.dense", f"{ATTENTION}.layer.out"),
    rename(f"{LAYER}.layer_scale1.lambda1", f"{ATTENTION}.scale"),
    rename(f"{LAYER}.norm2", f"{OURS}.mlp.norm"),
    rename(f"{LAYER}.mlp.fc1", f"{MIDDLE}.layer.up"),
    rename(f"{LAYER}.mlp.fc2", f"{MIDDLE}.layer.down"),
    split(f"{LAYER}.mlp.weights_in", f"{MIDDLE}.layer.gate", f"{MIDDLE}.layer.up"),
    rename(f"{LAYER}.mlp.weights_out", f"{MIDDLE}.layer.down"),
    rename(f"{LAYER}.layer_scale2.lambda1", f"{MIDDLE}.scale"),
    rename("layernorm", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class Dinov2Config(Config):
    """Config of DINOv2."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    mlp_ratio: float = 4
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-6
    image_size: Sides = 224
    patch_size: Sides = 14
    num_channels: int = 3
    qkv_bias: bool = True
    use_swiglu_ffn: bool = False


def block(c: Dinov2Config) -> Block:
    """The block of ViT with factors after each half; large models have a gated middle, a third less wide."""
    width, middle = c.hidden_size, int(c.hidden_size * c.mlp_ratio)
    if c.use_swiglu_ffn:
        middle = (int(middle * 2 / 3) + 7) // 8 * 8
    mlp = MLP(width, middle, "silu" if c.use_swiglu_ffn else c.hidden_act, gated=c.use_swiglu_ffn)
    attn = attention(width, c.num_attention_heads, biases=c.qkv_bias)
    norm = partial(nn.LayerNorm, width, c.layer_norm_eps)
    return Block(Scaled(attn, width, "out"), Scaled(mlp, width, "down"), norm, pre=True)


def dinov2(c: Dinov2Config) -> PatchEncoder:
    """The trunk, which reads images of any size."""
    return PatchEncoder(
        Blocks(block(c) for _ in range(c.num_hidden_layers)),
        nn.LayerNorm(c.hidden_size, c.layer_norm_eps),
        width=c.hidden_size,
        size=c.image_size,
        patch=c.patch_size,
        channels=c.num_channels,
        stretch=True,
    )


def first_and_mean(seen: Seen) -> Tensor:
    """The state of [CLS], and the mean of the patches behind it."""
    return torch.cat([first(seen), seen.hidden[:, 1:].mean(1)], dim=1)


FAMILIES = {
    "dinov2": Family(
        Dinov2Config,
        dinov2,
        RULES,
        "dinov2.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead(first)),
            Head.IMAGE: classifier(first_and_mean, lambda c: 2 * c.hidden_size),
        },
        ImageModel,
    ),
}
