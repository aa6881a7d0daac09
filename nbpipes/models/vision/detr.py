"""DETR (https://arxiv.org/abs/2005.12872), with its masks, and Table Transformer (https://arxiv.org/abs/2110.00061)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename, under
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.conv import Inside
from nbpipes.layers.placed import PlacedAttention
from nbpipes.models.backbones import NAMED, NAMED_BY_TIMM, chosen, resnet
from nbpipes.models.detection import (
    DetectionModel,
    Detector,
    ObjectBlock,
    ObjectDecoder,
    Scene,
    SceneHead,
    Size,
    flatten,
    places_on_maps,
)
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import check_channels
from nbpipes.models.outputs import Detections


@dataclass(frozen=True, kw_only=True)
class DetrConfig(Config):
    """Config of DETR and Table Transformer."""

    use_timm_backbone: bool = True
    backbone: str | None = "resnet50"
    backbone_config: dict[str, Any] | None = None
    num_channels: int = 3
    num_queries: int = 100
    d_model: int = 256
    encoder_layers: int = 6
    encoder_ffn_dim: int = 2048
    encoder_attention_heads: int = 8
    decoder_layers: int = 6
    decoder_ffn_dim: int = 2048
    decoder_attention_heads: int = 8
    activation_function: str = "relu"
    position_embedding_type: str = "sine"
    dilation: bool = False


class Detr(nn.Module):
    """Maps of a ResNet as tokens go through an encoder, in whose states a decoder looks for objects.

    pre: whether norms stand before the layers, as in Table Transformer.
    """

    def __init__(self, c: DetrConfig, *, pre: bool = False) -> None:
        super().__init__()
        shape = chosen(c.backbone_config, c.backbone, timm=c.use_timm_backbone, channels=c.num_channels)
        self.backbone = resnet(shape, dilated=c.use_timm_backbone and c.dilation)
        self.channels = shape.num_channels
        self.mixed = shape.hidden_act == "relu"  # zeros around an image go through other pooled activations changed
        self.narrow = nn.Conv2d(shape.hidden_sizes[-1], c.d_model, 1)
        self.places = places_on_maps(c.position_embedding_type, c.d_model)
        norm, act = partial(nn.LayerNorm, c.d_model), c.activation_function
        self.encoder = Blocks(
            Block(
                PlacedAttention(c.d_model, c.encoder_attention_heads),
                MLP(c.d_model, c.encoder_ffn_dim, act),
                norm,
                pre=pre,
            )
            for _ in range(c.encoder_layers)
        )
        self.norm = norm() if pre else None
        self.decoder = ObjectDecoder(
            (
                ObjectBlock(c.d_model, c.decoder_attention_heads, c.decoder_ffn_dim, act, pre=pre)
                for _ in range(c.decoder_layers)
            ),
            c.d_model,
            c.num_queries,
        )

    def forward(self, pixels: Tensor, sizes: Sequence[Size] | None = None, levels: int = 1) -> Scene:
        """pixels: `(batch, channels, height, width)`. sizes: of each image in it, None where all fill it. levels: how
        many maps of the backbone the head needs."""
        check_channels(pixels, self.channels)
        inside = None if sizes is None else Inside(sizes, (pixels.shape[-2], pixels.shape[-1]))
        maps = self.backbone(pixels, inside, levels)
        narrow = self.narrow(maps[-1])
        image = flatten(narrow, None if inside is None else inside.sizes(narrow), self.places)
        image.tokens = self.encoder(image.tokens, image.layout, places=image.places)
        if self.norm is not None:
            image.tokens = self.norm(image.tokens)
        states = self.decoder(image)
        if levels == 1:
            return Scene(states)
        memory = image.tokens.unflatten(0, (len(narrow), -1)).transpose(1, 2).view_as(narrow)
        return Scene(states, maps=(*maps[:-1], narrow, memory))


class MaskDetector(Detector):
    """Labels, boxes and masks of objects."""

    levels = 4

    def __init__(self, c: DetrConfig) -> None:
        super().__init__(c.d_model, len(c.labels) + 1)
        channels = chosen(c.backbone_config, c.backbone, timm=c.use_timm_backbone, channels=c.num_channels).hidden_sizes
        self.attention = AttentionMaps(c.d_model, c.encoder_attention_heads)
        self.masks = MaskConvs(c.d_model, c.encoder_attention_heads, channels[-2::-1])

    def forward(self, scene: Scene) -> Detections:
        found, (*maps, narrow, memory) = super().forward(scene), scene.maps
        # One image after the other: the convolutions see each of its objects as an image of their own.
        made = [
            self.masks(narrow[i], self.attention(states, memory[i]), [one[i] for one in reversed(maps)])
            for i, states in enumerate(scene.states)
        ]
        return Detections(found.logits, found.boxes, torch.stack(made))


class AttentionMaps(nn.Module):
    """Where each object looks in an image, for each head."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, states: Tensor, memory: Tensor) -> Tensor:
        """states: `(objects, width)`. memory: `(width, height, width)`. Returns `(objects, heads, height, width)`."""
        q = self.q(states).unflatten(-1, (self.heads, -1))
        k = self.k(memory.flatten(1).T).unflatten(-1, (self.heads, -1))
        scores = torch.einsum("qnc,tnc->qnt", q * q.shape[-1] ** -0.5, k)
        return scores.flatten(1).softmax(-1).view(*scores.shape[:2], *memory.shape[1:])


class MaskConvs(nn.Module):
    """Convolutions from what an object sees to its mask, on ever larger maps, to each of which the backbone's is added.

    channels: of the backbone's maps, the smallest map first.
    """

    def __init__(self, width: int, heads: int, channels: Sequence[int]) -> None:
        super().__init__()
        sides = (width + heads, width + heads, width // 2, width // 4, width // 8, width // 16)
        self.width = width
        self.first = nn.Conv2d(sides[0], sides[1], 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sides[1:]))
        self.norms = nn.ModuleList(nn.GroupNorm(min(8, side), side) for side in sides[1:])
        self.adapters = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(channels, sides[2:], strict=False))
        self.out = nn.Conv2d(sides[-1], 1, 3, padding=1)

    def forward(self, narrow: Tensor, seen: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """narrow: `(width, height, width)`. seen: `(objects, heads, height, width)`. maps: the backbone's, the smallest
        first. Returns `(objects, height, width)` of the largest map."""
        # The first convolution is the sum of one on what all objects share and one on what each has by itself.
        shared, own = self.first.weight.split([self.width, seen.shape[1]], 1)
        x = F.conv2d(narrow[None], shared, self.first.bias, padding=1) + F.conv2d(seen, own, padding=1)
        x = F.relu(self.norms[0](x))
        x = F.relu(self.norms[1](self.convs[0](x)))
        for conv, norm, adapter, one in zip(self.convs[1:], self.norms[2:], self.adapters, maps, strict=True):
            added = adapter(one[None])
            x = F.relu(norm(conv(added + F.interpolate(x, size=added.shape[-2:], mode="nearest"))))
        return self.out(x)[:, 0]


BACKBONE = "backbone.conv_encoder.model."


def _attention(theirs: str, ours: str) -> list[Rule]:
    return [
        rename(f"{theirs}.{name}", f"{ours}.layer.{own}")
        for name, own in (("q_proj", "q"), ("k_proj", "k"), ("v_proj", "v"), ("out_proj", "out"))
    ]


def _block(theirs: str, ours: str) -> list[Rule]:
    """What blocks of encoder and decoder have in common."""
    return [
        *_attention(f"{theirs}.self_attn", f"{ours}.attn"),
        rename(f"{theirs}.self_attn_layer_norm", f"{ours}.attn.norm"),
        rename(f"{theirs}.fc1", f"{ours}.mlp.layer.up"),
        rename(f"{theirs}.fc2", f"{ours}.mlp.layer.down"),
        rename(f"{theirs}.final_layer_norm", f"{ours}.mlp.norm"),
    ]


IN_DECODER = "decoder.layers.{i}", "decoder.blocks.{i}"
OWN = (
    *under(BACKBONE, (*NAMED, *NAMED_BY_TIMM), "backbone."),
    rename("backbone.position_embedding.row_embeddings", "places.rows"),
    rename("backbone.position_embedding.column_embeddings", "places.columns"),
    rename("input_projection", "narrow"),
    rename("query_position_embeddings.weight", "decoder.places"),
    *_block("encoder.layers.{i}", "encoder.{i}"),
    rename("encoder.layernorm", "norm"),
    *_block(*IN_DECODER),
    *_attention(f"{IN_DECODER[0]}.encoder_attn", f"{IN_DECODER[1]}.cross"),
    rename(f"{IN_DECODER[0]}.encoder_attn_layer_norm", f"{IN_DECODER[1]}.cross.norm"),
    rename("decoder.layernorm", "decoder.norm"),
)
RULES = (*OWN, *under("detr.model.", OWN))
"""Models with masks store the others inside "detr."."""
FOUND = (rename("class_labels_classifier", "label"), rename("bbox_predictor", "box"))
MASKED = (
    rename("bbox_attention.q_linear", "attention.q"),
    rename("bbox_attention.k_linear", "attention.k"),
    rename("mask_head.lay1", "masks.first"),
    *(rename(f"mask_head.lay{i + 2}", f"masks.convs.{i}") for i in range(4)),
    *(rename(f"mask_head.gn{i + 1}", f"masks.norms.{i}") for i in range(5)),
    *(rename(f"mask_head.adapter{i + 1}", f"masks.adapters.{i}") for i in range(3)),
    rename("mask_head.out_lay", "masks.out"),
)
HEADS = {
    Head.BASE: HeadSpec(lambda c: SceneHead()),
    Head.DETECTION: HeadSpec(lambda c: Detector(c.d_model, len(c.labels) + 1), (*FOUND, *under("detr.", FOUND))),
}
MASKS = HeadSpec(MaskDetector, (*under("detr.", FOUND), *MASKED))
FAMILIES = {
    "detr": Family(DetrConfig, Detr, RULES, "model.", HEADS | {Head.MASKS: MASKS}, DetectionModel),
    "table-transformer": Family(DetrConfig, partial(Detr, pre=True), OWN, "model.", HEADS, DetectionModel),
}
