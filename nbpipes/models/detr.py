"""What DETR and its relatives share: the config, the trunk from pixels to objects, and the names of weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename, under
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.conv import Inside
from nbpipes.layers.placed import PlacedAttention
from nbpipes.models.backbones import NAMED, NAMED_BY_TIMM, chosen, resnet
from nbpipes.models.detection import Scene, Size, flatten, places_on_maps
from nbpipes.models.images import check_channels


@dataclass(frozen=True, kw_only=True)
class DetrConfig(Config):
    """Config of DETR, Conditional DETR and Table Transformer."""

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
    auxiliary_loss: bool = False


class Detr(nn.Module):
    """Maps of a ResNet as tokens go through an encoder, in whose states a decoder looks for objects.

    decoder: from the encoder's states, `Flat`, to a `Scene`. pre: whether norms stand before the encoder's layers.
    """

    def __init__(self, c: DetrConfig, decoder: nn.Module, *, pre: bool = False) -> None:
        super().__init__()
        shape = chosen(c.backbone_config, c.backbone, timm=c.use_timm_backbone, channels=c.num_channels)
        self.backbone = resnet(shape, dilated=c.use_timm_backbone and c.dilation)
        self.channels = shape.num_channels
        self.mixed = shape.hidden_act == "relu"  # zeros around an image go through other pooled activations changed
        self.narrow = nn.Conv2d(shape.hidden_sizes[-1], c.d_model, 1)
        self.places = places_on_maps(c.position_embedding_type, c.d_model)
        norm = partial(nn.LayerNorm, c.d_model)
        self.encoder = Blocks(
            Block(
                PlacedAttention(c.d_model, c.encoder_attention_heads),
                MLP(c.d_model, c.encoder_ffn_dim, c.activation_function),
                norm,
                pre=pre,
            )
            for _ in range(c.encoder_layers)
        )
        self.norm = norm() if pre else None
        self.decoder = decoder

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
        scene = self.decoder(image)
        if levels > 1:
            memory = image.tokens.unflatten(0, (len(narrow), -1)).transpose(1, 2).view_as(narrow)
            scene.maps = (*maps[:-1], narrow, memory)
        return scene


BACKBONE = "backbone.conv_encoder.model."


def attention_rules(theirs: str, ours: str) -> list[Rule]:
    """The names of an attention's layers."""
    return [
        rename(f"{theirs}.{name}", f"{ours}.layer.{own}")
        for name, own in (("q_proj", "q"), ("k_proj", "k"), ("v_proj", "v"), ("out_proj", "out"))
    ]


def _block(theirs: str, ours: str) -> list[Rule]:
    """What blocks of encoder and decoder have in common."""
    return [
        rename(f"{theirs}.self_attn_layer_norm", f"{ours}.attn.norm"),
        rename(f"{theirs}.fc1", f"{ours}.mlp.layer.up"),
        rename(f"{theirs}.fc2", f"{ours}.mlp.layer.down"),
        rename(f"{theirs}.final_layer_norm", f"{ours}.mlp.norm"),
    ]


IN_DECODER = "decoder.layers.{i}", "decoder.blocks.{i}"
TRUNK = (
    *under(BACKBONE, (*NAMED, *NAMED_BY_TIMM), "backbone."),
    rename("backbone.position_embedding.row_embeddings", "places.rows"),
    rename("backbone.position_embedding.column_embeddings", "places.columns"),
    rename("input_projection", "narrow"),
    rename("query_position_embeddings.weight", "decoder.places"),
    *attention_rules("encoder.layers.{i}.self_attn", "encoder.{i}.attn"),
    *_block("encoder.layers.{i}", "encoder.{i}"),
    rename("encoder.layernorm", "norm"),
    *_block(*IN_DECODER),
    rename(f"{IN_DECODER[0]}.encoder_attn_layer_norm", f"{IN_DECODER[1]}.cross.norm"),
    rename("decoder.layernorm", "decoder.norm"),
)
"""All but the attentions of the decoder."""
FOUND = (rename("class_labels_classifier", "label"), rename("bbox_predictor", "box"))
"""The head that says which objects there are and where."""
