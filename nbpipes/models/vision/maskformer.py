"""MaskFormer (https://arxiv.org/abs/2107.06278)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import drop, rename, under
from nbpipes.models.detection import Layers, ObjectBlock, ObjectDecoder, SinePlaces, flatten
from nbpipes.models.detr import attention_rules
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import ImageModel
from nbpipes.models.segmentation import BODY, NETWORK, MaskClassifier, SeenLast, Segmented, network

DEFAULT = {"model_type": "swin", "embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32]} | {
    "window_size": 12
}


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(Config):
    """What the config says of the decoder, which is DETR's."""

    d_model: int = 256
    decoder_layers: int = 6
    decoder_ffn_dim: int = 2048
    decoder_attention_heads: int = 8
    activation_function: str = "relu"
    num_queries: int = 100
    auxiliary_loss: bool = False


@dataclass(frozen=True, kw_only=True)
class MaskFormerConfig(Config):
    """Config of MaskFormer."""

    backbone_config: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT))
    decoder_config: dict[str, Any] = field(default_factory=dict)
    fpn_feature_size: int = 256
    mask_feature_size: int = 256

    @property
    def decoder(self) -> DecoderConfig:
        return DecoderConfig.read(self.decoder_config)


class Convolution(nn.Module):
    """A convolution of 3 × 3 with its norm and ReLU."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inner, outer, 3, padding=1, bias=False), nn.GroupNorm(32, outer)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(maps)))


class Finer(nn.Module):
    """Carries what is seen on a map to one of twice the size, to which the network's own map is added."""

    def __init__(self, width: int, own: int) -> None:
        super().__init__()
        self.adapter = nn.Sequential(nn.Conv2d(own, width, 1, bias=False), nn.GroupNorm(32, width))
        self.conv = Convolution(width, width)

    def forward(self, maps: Tensor, own: Tensor) -> Tensor:
        own = self.adapter(own)
        return self.conv(F.interpolate(maps, size=own.shape[-2:], mode="nearest") + own)


class Pyramid(nn.Module):
    """From a network's maps, the smallest first, to one as large as the largest."""

    def __init__(self, channels: Sequence[int], width: int, out: int) -> None:
        super().__init__()
        if len(channels) < 2:
            raise ValueError("the backbone has to give two maps or more")
        *larger, smallest = channels
        self.first = Convolution(smallest, width)
        self.layers = nn.ModuleList(Finer(width, own) for own in reversed(larger))
        self.out = nn.Conv2d(width, out, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """maps: the largest first."""
        *larger, smallest = maps
        x = self.first(smallest)
        for layer, own in zip(self.layers, reversed(larger), strict=True):
            x = layer(x, own)
        return self.out(x)


class MaskFormer(nn.Module):
    """A network that looks, a pyramid of its maps, and DETR's decoder, which finds segments in the smallest of them."""

    def __init__(self, c: MaskFormerConfig) -> None:
        super().__init__()
        d = c.decoder
        self.network = network(c.backbone_config, every=True)
        channels = self.network.channels
        self.pyramid = Pyramid(channels, c.fpn_feature_size, c.mask_feature_size)
        self.narrow = nn.Conv2d(channels[-1], d.d_model, 1) if channels[-1] != d.d_model else nn.Identity()
        self.places = SinePlaces(d.d_model)
        shape = (d.d_model, d.decoder_attention_heads, d.decoder_ffn_dim, d.activation_function)
        blocks = (ObjectBlock(*shape, pre=False) for _ in range(d.decoder_layers))
        self.decoder = ObjectDecoder(blocks, d.d_model, d.num_queries, each=d.auxiliary_loss)

    def forward(self, pixels: Tensor) -> Segmented:
        """pixels: `(batch, 3, height, width)`."""
        maps = self.network(pixels)
        states = self.decoder(flatten(self.narrow(maps[-1]), None, self.places)).states
        return Segmented(states, self.pyramid(maps), maps[-1])


def classifier(c: MaskFormerConfig) -> MaskClassifier:
    """Labels and masks, of the states of segments."""
    width = c.decoder.d_model
    return MaskClassifier(width, len(c.labels), Layers(width, width, c.mask_feature_size, 3))


LOOK, FPN = "pixel_level_module.encoder.", "pixel_level_module.decoder.fpn"
BLOCK, OWN = "transformer_module.decoder.layers.{i}", "decoder.blocks.{i}"
RULES = (
    drop(f"{LOOK}model.layernorm"),  # of a classifier
    *under(LOOK, NETWORK, "network."),
    *under(LOOK, BODY, "network.body."),
    *under(f"{LOOK}model.", BODY, "network.body."),
    rename(f"{FPN}.stem.0", "pyramid.first.conv"),
    rename(f"{FPN}.stem.1", "pyramid.first.norm"),
    rename(f"{FPN}.layers.{{i}}.proj", "pyramid.layers.{i}.adapter"),
    rename(f"{FPN}.layers.{{i}}.block.0", "pyramid.layers.{i}.conv.conv"),
    rename(f"{FPN}.layers.{{i}}.block.1", "pyramid.layers.{i}.conv.norm"),
    rename("pixel_level_module.decoder.mask_projection", "pyramid.out"),
    rename("transformer_module.queries_embedder.weight", "decoder.places"),
    rename("transformer_module.input_projection", "narrow"),
    *attention_rules(f"{BLOCK}.self_attn", f"{OWN}.attn"),
    rename(f"{BLOCK}.self_attn_layer_norm", f"{OWN}.attn.norm"),
    *attention_rules(f"{BLOCK}.encoder_attn", f"{OWN}.cross"),
    rename(f"{BLOCK}.encoder_attn_layer_norm", f"{OWN}.cross.norm"),
    rename(f"{BLOCK}.fc1", f"{OWN}.mlp.layer.up"),
    rename(f"{BLOCK}.fc2", f"{OWN}.mlp.layer.down"),
    rename(f"{BLOCK}.final_layer_norm", f"{OWN}.mlp.norm"),
    rename("transformer_module.decoder.layernorm", "decoder.norm"),
)
FAMILIES = {
    "maskformer": Family(
        MaskFormerConfig,
        MaskFormer,
        RULES,
        "model.",
        {
            Head.BASE: HeadSpec(lambda c: SeenLast()),
            Head.MASKS: HeadSpec(
                classifier,
                (
                    rename("class_predictor", "label"),
                    rename("mask_embedder.{i}.0", "embed.layers.{i}"),
                    drop("criterion.empty_weight"),  # of training
                ),
            ),
        },
        ImageModel,
    ),
}
