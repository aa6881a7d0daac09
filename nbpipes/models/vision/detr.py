"""DETR (https://arxiv.org/abs/2005.12872), with its masks, and Table Transformer (https://arxiv.org/abs/2110.00061)."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import rename, under
from nbpipes.models.backbones import chosen
from nbpipes.models.detection import DetectionModel, Detector, ObjectBlock, ObjectDecoder, Scene, SceneHead
from nbpipes.models.detr import FOUND, IN_DECODER, TRUNK, Detr, DetrConfig, attention_rules
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.outputs import Detections


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


def detr(c: DetrConfig, *, pre: bool = False) -> Detr:
    """The trunk. pre: whether norms stand before the layers, as in Table Transformer."""
    shape = (c.d_model, c.decoder_attention_heads, c.decoder_ffn_dim, c.activation_function)
    blocks = (ObjectBlock(*shape, pre=pre) for _ in range(c.decoder_layers))
    return Detr(c, ObjectDecoder(blocks, c.d_model, c.num_queries, each=c.auxiliary_loss), pre=pre)


OWN = (
    *TRUNK,
    *attention_rules(f"{IN_DECODER[0]}.self_attn", f"{IN_DECODER[1]}.attn"),
    *attention_rules(f"{IN_DECODER[0]}.encoder_attn", f"{IN_DECODER[1]}.cross"),
)
RULES = (*OWN, *under("detr.model.", OWN))
"""Models with masks store the others inside "detr."."""
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
    "detr": Family(DetrConfig, detr, RULES, "model.", HEADS | {Head.MASKS: MASKS}, DetectionModel),
    "table-transformer": Family(DetrConfig, partial(detr, pre=True), OWN, "model.", HEADS, DetectionModel),
}
