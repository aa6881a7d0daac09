"""RT-DETR (https://arxiv.org/abs/2304.08069) and its second version (https://arxiv.org/abs/2407.17140)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename, under
from nbpipes.layers.activations import activation
from nbpipes.layers.block import MLP, Block, Blocks, Residual
from nbpipes.layers.conv import ConvNorm
from nbpipes.layers.deformable import DeformableAttention
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.placed import PlacedAttention
from nbpipes.layers.precision import fine
from nbpipes.layers.resnet import ResidualConv, ResNetMaps, Stage
from nbpipes.models.backbones import NAMED, ResNetConfig
from nbpipes.models.detection import DetectionModel, Layers, Scene, Size, unsquashed
from nbpipes.models.detr import attention_rules
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import check_channels
from nbpipes.models.outputs import Detections, Seen


@dataclass(frozen=True, kw_only=True)
class RTDetrConfig(Config):
    """Config of RT-DETR and RT-DETRv2."""

    backbone_config: dict[str, Any] = field(default_factory=lambda: {"model_type": "rt_detr_resnet"})
    layer_norm_eps: float = 1e-5
    batch_norm_eps: float = 1e-5
    encoder_hidden_dim: int = 256
    encoder_in_channels: tuple[int, ...] = (512, 1024, 2048)
    encoder_layers: int = 1
    encoder_ffn_dim: int = 1024
    encoder_attention_heads: int = 8
    encode_proj_layers: tuple[int, ...] = (2,)
    positional_encoding_temperature: float = 10000
    encoder_activation_function: str = "gelu"
    activation_function: str = "silu"
    normalize_before: bool = False
    hidden_expansion: float = 1.0
    d_model: int = 256
    num_queries: int = 300
    decoder_in_channels: tuple[int, ...] = (256, 256, 256)
    decoder_ffn_dim: int = 1024
    num_feature_levels: int = 3
    decoder_n_points: int = 4
    decoder_layers: int = 6
    decoder_attention_heads: int = 8
    decoder_activation_function: str = "relu"
    learn_initial_query: bool = False
    decoder_offset_scale: float = 0.5
    decoder_method: str = "default"

    @property
    def levels(self) -> int:
        """How many maps are looked at."""
        return len(self.encoder_in_channels)

    def check(self) -> None:
        """ValueError for what no released model has, and transformers computes otherwise or not at all."""
        kind = self.backbone_config.get("model_type")
        if kind != "rt_detr_resnet":
            raise ValueError(f"a backbone of the type {kind!r} is not supported here; known: rt_detr_resnet")
        if self.normalize_before or self.learn_initial_query:
            raise ValueError("normalize_before and learn_initial_query are not supported")
        if self.decoder_method != "default" or self.decoder_offset_scale != 0.5:
            raise ValueError("decoder_method must be 'default' and decoder_offset_scale 0.5")
        if not len(self.decoder_in_channels) == self.num_feature_levels == self.levels:
            raise ValueError("encoder_in_channels, decoder_in_channels and num_feature_levels must be as many")


def resnet(c: ResNetConfig) -> ResNetMaps:
    """ResNet with three convolutions as stem, and shortcuts that average (variant D, arXiv:1812.01187)."""
    deep = c.layer_type == "bottleneck"

    def make(inner: int, outer: int, stride: int, dilation: int) -> ResidualConv:
        around: nn.Module | None = None
        if (stride == 2) if deep else (inner != outer):
            around = nn.Sequential(nn.AvgPool2d(2, 2, 0, ceil_mode=True), ConvNorm(inner, outer, 1))
        elif inner != outer or stride != 1:
            around = ConvNorm(inner, outer, 1, stride=stride)
        early = c.downsample_in_bottleneck
        return ResidualConv(inner, outer, bottleneck=deep, stride=stride, early=early, around=around, act=c.hidden_act)

    half = c.embedding_size // 2
    stem = nn.Sequential(
        ConvNorm(c.num_channels, half, 3, stride=2, padding=1, act=c.hidden_act),
        ConvNorm(half, half, 3, padding=1, act=c.hidden_act),
        ConvNorm(half, c.embedding_size, 3, padding=1, act=c.hidden_act),
    )
    first = 2 if c.downsample_in_first_stage else 1
    maps = ResNetMaps(stem, c.embedding_size, c.hidden_sizes, c.depths, make, first=first)
    if not deep and c.embedding_size == c.hidden_sizes[0]:  # of basic blocks, the first one always has a way around
        stage = maps.stages[0]
        assert isinstance(stage, Stage)
        stage[0].around = ConvNorm(c.embedding_size, c.embedding_size, 1, stride=first)
    return maps


class Fork(nn.Module):
    """A convolution of 3 × 3 and one of single places, summed."""

    def __init__(self, width: int, act: str, eps: float) -> None:
        super().__init__()
        self.near, self.own = ConvNorm(width, width, 3, padding=1, eps=eps), ConvNorm(width, width, 1, eps=eps)
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.near(x) + self.own(x))


class Mixer(nn.Module):
    """Two maps become one: through three forks, and past them."""

    def __init__(self, c: RTDetrConfig) -> None:
        super().__init__()
        width, act, eps = c.encoder_hidden_dim, c.activation_function, c.batch_norm_eps
        middle = int(width * c.hidden_expansion)
        self.into, self.past = (ConvNorm(2 * width, middle, 1, act=act, eps=eps) for _ in range(2))
        self.forks = nn.Sequential(*(Fork(middle, act, eps) for _ in range(3)))
        self.out = ConvNorm(middle, width, 1, act=act, eps=eps) if middle != width else None

    def forward(self, *maps: Tensor) -> Tensor:
        x = torch.cat(maps, 1)
        x = self.forks(self.into(x)) + self.past(x)
        return x if self.out is None else self.out(x)


class HybridEncoder(nn.Module):
    """Attention on the smallest maps, then what is on each map is brought to the larger ones and back again."""

    def __init__(self, c: RTDetrConfig) -> None:
        super().__init__()
        width, act, eps = c.encoder_hidden_dim, c.activation_function, c.batch_norm_eps
        self.where, self.temperature = c.encode_proj_layers, c.positional_encoding_temperature
        norm = partial(nn.LayerNorm, width, c.layer_norm_eps)

        def block() -> Block:
            mlp = MLP(width, c.encoder_ffn_dim, c.encoder_activation_function)
            return Block(PlacedAttention(width, c.encoder_attention_heads), mlp, norm, pre=False)

        self.blocks = nn.ModuleList(Blocks(block() for _ in range(c.encoder_layers)) for _ in self.where)
        steps = range(c.levels - 1)
        self.lateral = nn.ModuleList(ConvNorm(width, width, 1, act=act, eps=eps) for _ in steps)
        self.up = nn.ModuleList(Mixer(c) for _ in steps)
        self.shrink = nn.ModuleList(ConvNorm(width, width, 3, stride=2, padding=1, act=act, eps=eps) for _ in steps)
        self.down = nn.ModuleList(Mixer(c) for _ in steps)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """maps: `(batch, width, height, width)`, the largest first."""
        for place, blocks in zip(self.where, self.blocks, strict=True):
            one = maps[place]
            batch, width, height, columns = one.shape
            places = self._places(height, columns, width, one).repeat(batch, 1)
            layout = Layout.of([height * columns] * batch, one.device)
            x = blocks(one.flatten(2).transpose(1, 2).flatten(0, 1), layout, places=places)
            maps[place] = x.unflatten(0, (batch, -1)).transpose(1, 2).unflatten(2, (height, columns))
        seen = [maps[-1]]
        for lateral, mix, larger in zip(self.lateral, self.up, reversed(maps[:-1]), strict=True):
            seen[0] = lateral(seen[0])
            seen.insert(0, mix(F.interpolate(seen[0], scale_factor=2.0, mode="nearest"), larger))
        found = [seen[0]]
        for shrink, mix, smaller in zip(self.shrink, self.down, seen[1:], strict=True):
            found.append(mix(shrink(found[-1]), smaller))
        return found

    def _places(self, height: int, width: int, channels: int, like: Tensor) -> Tensor:
        """Waves of places, counted down the columns although tokens lie in rows: the models were trained so."""
        number, part, dtype = torch.arange(height * width, device=like.device), channels // 4, fine(like.dtype)
        waves = 1.0 / self.temperature ** (torch.arange(part, device=like.device).to(dtype) / part)
        columns, rows = (spots.to(dtype)[:, None] * waves for spots in (number // height, number % height))
        return torch.cat((columns.sin(), columns.cos(), rows.sin(), rows.cos()), 1).to(like.dtype)


class RTDetr(nn.Module):
    """Maps of a ResNet through an encoder; the places on them that look most like objects are where objects begin."""

    def __init__(self, c: RTDetrConfig) -> None:
        super().__init__()
        c.check()
        shape = ResNetConfig.read(c.backbone_config)
        self.channels, self.count, self.levels = shape.num_channels, c.num_queries, c.levels
        self.backbone = resnet(shape)
        self.narrow = nn.ModuleList(ConvNorm(side, c.encoder_hidden_dim, 1) for side in c.encoder_in_channels)
        self.encoder = HybridEncoder(c)
        self.sources = nn.ModuleList(ConvNorm(n, c.d_model, 1, eps=c.batch_norm_eps) for n in c.decoder_in_channels)
        self.out, self.norm = Linear(c.d_model, c.d_model), nn.LayerNorm(c.d_model, c.layer_norm_eps)
        self.label, self.box = Linear(c.d_model, len(c.labels)), Layers(c.d_model, c.d_model, 4, 3)

    def forward(self, pixels: Tensor) -> Scene:
        """pixels: `(batch, channels, height, width)`. The scene's maps are what the decoder looks at."""
        check_channels(pixels, self.channels)
        maps = self.backbone(pixels, last=self.levels)
        seen = self.encoder([narrow(one) for narrow, one in zip(self.narrow, maps, strict=True)])
        sources = [source(one) for source, one in zip(self.sources, seen, strict=True)]
        x = joined(sources)
        anchors, good = anchors_of([(one.shape[2], one.shape[3]) for one in sources], x)
        x = self.norm(self.out(x * good.to(x.dtype)))
        best = self.label(x).amax(-1).topk(self.count, dim=1).indices[..., None]
        start = self.box(x) + anchors.to(x.dtype)
        return Scene(x.gather(1, best.expand(-1, -1, x.shape[2])), start.gather(1, best.expand(-1, -1, 4)), sources)


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps as tokens, one map after the other: `(batch, tokens, width)`."""
    return torch.cat([one.flatten(2) for one in maps], 2).transpose(1, 2)


def anchors_of(sizes: Sequence[Size], like: Tensor) -> tuple[Tensor, Tensor]:
    """For each place on maps a box around it before the sigmoid, `(1, tokens, 4)`, and whether it keeps away from the
    image's edges, `(1, tokens, 1)`."""
    parts = []
    for level, (height, width) in enumerate(sizes):
        y, x = torch.meshgrid(
            *((torch.arange(n, device=like.device, dtype=fine(like.dtype)) + 0.5) / n for n in (height, width)),
            indexing="ij",
        )
        side = torch.full_like(x, 0.05 * 2.0**level)
        parts.append(torch.stack((x, y, side, side), -1).flatten(0, 1))
    boxes = torch.cat(parts)[None]
    good = ((boxes > 1e-2) & (boxes < 1 - 1e-2)).all(-1, keepdim=True)
    anchors = torch.log(boxes / (1 - boxes))
    return anchors.masked_fill(~good, torch.finfo(anchors.dtype).max), good


# ---------------------------------------------------------------------- decoder


class DeformableObjectBlock(nn.Module):
    """Attention among the objects, attention to a few spots of the maps, feed-forward, each with a norm after it."""

    def __init__(self, c: RTDetrConfig) -> None:
        super().__init__()
        width, heads = c.d_model, c.decoder_attention_heads
        norm = partial(nn.LayerNorm, width, c.layer_norm_eps)
        self.attn = Residual(PlacedAttention(width, heads), norm(), pre=False)
        look = DeformableAttention(width, heads, c.num_feature_levels, c.decoder_n_points)
        self.cross = Residual(look, norm(), pre=False)
        self.mlp = Residual(MLP(width, c.decoder_ffn_dim, c.decoder_activation_function), norm(), pre=False)

    def forward(
        self, x: Tensor, layout: Layout, memory: Tensor, sizes: Sequence[Size], boxes: Tensor, places: Tensor
    ) -> Tensor:
        """x, places: `(batch, objects, width)`. memory: maps of `sizes` as tokens. boxes: `(batch, objects, 4)`."""
        x = self.attn(x.flatten(0, 1), layout, places=places.flatten(0, 1)).unflatten(0, (len(x), -1))
        return self.mlp(self.cross(x, memory, sizes, boxes[:, :, None], places))


class RTDetrObjects(nn.Module):
    """The decoder, which stands in the head because each block corrects the boxes before the next one looks.

    boxes, labels: layers after each block; without them, boxes stay where they begin.
    """

    levels = 1

    def __init__(self, c: RTDetrConfig, *, corrects: bool) -> None:
        super().__init__()
        self.limit = c.num_queries
        self.blocks = nn.ModuleList(DeformableObjectBlock(c) for _ in range(c.decoder_layers))
        self.places = Layers(4, 2 * c.d_model, c.d_model, 2)
        each = range(c.decoder_layers) if corrects else ()
        self.boxes = nn.ModuleList(Layers(c.d_model, c.d_model, 4, 3) for _ in each)
        self.labels = nn.ModuleList(Linear(c.d_model, len(c.labels)) for _ in each)

    def forward(self, scene: Scene) -> Detections | Seen:
        x, start, memory = scene.states, scene.start, joined(scene.maps)
        assert start is not None
        sizes, boxes = [(one.shape[2], one.shape[3]) for one in scene.maps], start.sigmoid()
        layout = Layout.of([x.shape[1]] * len(x), x.device)
        for place, block in enumerate(self.blocks):
            x = block(x, layout, memory, sizes, boxes, self.places(boxes))
            if self.boxes:
                boxes = (self.boxes[place](x) + unsquashed(boxes)).sigmoid()
        return Detections(self.labels[-1](x), boxes, limit=self.limit) if self.labels else Seen(x)


# ---------------------------------------------------------------------- names


def _block(theirs: str, ours: str) -> list[Rule]:
    return [
        *attention_rules(f"{theirs}.self_attn", f"{ours}.attn"),
        rename(f"{theirs}.self_attn_layer_norm", f"{ours}.attn.norm"),
        rename(f"{theirs}.fc1", f"{ours}.mlp.layer.up"),
        rename(f"{theirs}.fc2", f"{ours}.mlp.layer.down"),
        rename(f"{theirs}.final_layer_norm", f"{ours}.mlp.norm"),
    ]


LAYER, OURS = "encoder.stages.{i}.layers.{j}", "stages.{i}.{j}"
BACKBONE = (
    rename("embedder.embedder.{k}.convolution", "stem.{k}.conv"),
    rename("embedder.embedder.{k}.normalization", "stem.{k}.norm"),
    rename(f"{LAYER}.shortcut.1.convolution", f"{OURS}.around.1.conv"),
    rename(f"{LAYER}.shortcut.1.normalization", f"{OURS}.around.1.norm"),
    *NAMED,
)
RULES = (
    drop("*.num_batches_tracked"),
    drop("denoising_class_embed"),  # of training
    *under("backbone.model.", BACKBONE, "backbone."),
    *_block("encoder.encoder.{i}.layers.{j}", "encoder.blocks.{i}.{j}"),
    rename("encoder.lateral_convs", "encoder.lateral"),
    rename("encoder.downsample_convs", "encoder.shrink"),
    *(
        rename(f"encoder.{theirs}.{{i}}.{name}", f"encoder.{ours}.{{i}}.{own}")
        for theirs, ours in (("fpn_blocks", "up"), ("pan_blocks", "down"))
        for name, own in (
            ("conv1", "into"),
            ("conv2", "past"),
            ("conv3", "out"),
            ("bottlenecks.{j}.conv1", "forks.{j}.near"),
            ("bottlenecks.{j}.conv2", "forks.{j}.own"),
        )
    ),
    *(
        rename(f"{theirs}.{{i}}.{number}", f"{ours}.{{i}}.{part}")
        for theirs, ours in (("encoder_input_proj", "narrow"), ("decoder_input_proj", "sources"))
        for number, part in enumerate(("conv", "norm"))
    ),
    rename("enc_output.0", "out"),
    rename("enc_output.1", "norm"),
    rename("enc_score_head", "label"),
    rename("enc_bbox_head", "box"),
)
OBJECT = "layers.{i}", "blocks.{i}"
DECODER = (
    drop("*.n_points_scale"),
    *_block(*OBJECT),
    rename(f"{OBJECT[0]}.encoder_attn.sampling_offsets", f"{OBJECT[1]}.cross.layer.offsets"),
    rename(f"{OBJECT[0]}.encoder_attn.attention_weights", f"{OBJECT[1]}.cross.layer.weights"),
    rename(f"{OBJECT[0]}.encoder_attn.value_proj", f"{OBJECT[1]}.cross.layer.values"),
    rename(f"{OBJECT[0]}.encoder_attn.output_proj", f"{OBJECT[1]}.cross.layer.out"),
    rename(f"{OBJECT[0]}.encoder_attn_layer_norm", f"{OBJECT[1]}.cross.norm"),
    rename("query_pos_head", "places"),
)
CORRECTS = (rename("class_embed", "labels"), rename("bbox_embed", "boxes"))
HEADS = {
    Head.BASE: HeadSpec(
        lambda c: RTDetrObjects(c, corrects=False), (*under("decoder.", DECODER), *under("model.decoder.", DECODER))
    ),
    Head.DETECTION: HeadSpec(
        lambda c: RTDetrObjects(c, corrects=True),
        (*CORRECTS, *under("model.decoder.", CORRECTS), *under("model.decoder.", DECODER)),
    ),
}
FAMILIES = {
    name: Family(RTDetrConfig, RTDetr, RULES, "model.", HEADS, DetectionModel) for name in ("rt_detr", "rt_detr_v2")
}
