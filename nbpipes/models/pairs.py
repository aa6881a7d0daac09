"""What models share that see images and read texts: towers, the names of their weights, and how well pairs fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.block import Blocks
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias, Tile
from nbpipes.layers.positions import bias_by_length
from nbpipes.models.images import ImageModel, block
from nbpipes.models.outputs import Pairs, Seen, SeenPatches

LAYER, OURS = "encoder.layers.{i}", "blocks.{i}"
BLOCKS = (
    rename(f"{LAYER}.self_attn.q_proj", f"{OURS}.attn.layer.q"),
    rename(f"{LAYER}.self_attn.k_proj", f"{OURS}.attn.layer.k"),
    rename(f"{LAYER}.self_attn.v_proj", f"{OURS}.attn.layer.v"),
    rename(f"{LAYER}.self_attn.out_proj", f"{OURS}.attn.layer.out"),
    rename(f"{LAYER}.layer_norm1", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.mlp.fc1", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.mlp.fc2", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.layer_norm2", f"{OURS}.mlp.norm"),
)
VISION = (
    *BLOCKS,
    rename("embeddings.patch_embedding", "patches"),
    Rule("embeddings.class_embedding", ("tokens.cls",), lambda tensor: (tensor.view(1, 1, -1),)),
    Rule("embeddings.position_embedding.weight", ("positions",), lambda tensor: (tensor[None],)),
    drop("embeddings.position_ids"),
)
TEXT = (
    *(Rule(f"text_model.{rule.source}", tuple(f"text.{name}" for name in rule.targets)) for rule in BLOCKS),
    rename("text_model.embeddings.token_embedding", "text.tokens"),
    rename("text_model.embeddings.position_embedding", "text.positions"),
    rename("text_model.final_layer_norm", "text.norm"),
    drop("text_model.embeddings.position_ids"),
    rename("text_model.head", "say"),
    rename("text_projection", "say"),
    rename("visual_projection", "see"),
    rename("logit_scale", "scale"),
    rename("logit_bias", "bias"),
)
NO_TEXT = tuple(
    drop(name) for name in ("text_model", "text_projection", "visual_projection", "logit_scale", "logit_bias")
)


@dataclass(frozen=True, kw_only=True)
class Tower(Config):
    """Config of one of the two encoders, as CLIP's has it for images; texts have a vocabulary instead of patches."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    num_channels: int = 3
    image_size: int = 224
    patch_size: int = 32
    num_patches: int = 256
    vision_use_head: bool = True
    vocab_size: int = 49408
    max_position_embeddings: int = 77
    eos_token_id: int = 49407
    projection_size: int | None = None

    def blocks(self) -> Blocks:
        shape = (self.hidden_size, self.num_attention_heads, self.intermediate_size, self.hidden_act)
        return Blocks(block(*shape, self.layer_norm_eps) for _ in range(self.num_hidden_layers))


@dataclass(frozen=True, kw_only=True)
class JointConfig(Config):
    """Config of two towers."""

    text_defaults: ClassVar[dict[str, Any]] = {}
    vision_defaults: ClassVar[dict[str, Any]] = {}
    text_config: dict[str, Any] | None = field(default=None, repr=False)
    vision_config: dict[str, Any] | None = field(default=None, repr=False)
    projection_dim: int = 512

    @property
    def text(self) -> Tower:
        """The config of the text tower."""
        return Tower.read(self.text_defaults | known(self.text_config))

    @property
    def vision(self) -> Tower:
        """The config of the image tower."""
        return Tower.read(self.vision_defaults | known(self.vision_config))


def known(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a tower's dict says; null stands for the default."""
    return {name: value for name, value in (given or {}).items() if value is not None}


# ---------------------------------------------------------------------- texts and pairs


class TextTower(nn.Module):
    """Encoder of texts. causal: tokens see only those before them."""

    def __init__(self, c: Tower, *, causal: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.positions = nn.Embedding(c.max_position_embeddings, c.hidden_size)
        self.blocks, self.norm = c.blocks(), nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.causal, self.end, self.limit = causal, c.eos_token_id, c.max_position_embeddings

    def forward(self, input_ids: Tensor, layout: Layout, visible: Tensor | None = None) -> Tensor:
        """The states of packed texts, `(tokens, width)`. visible: whether a token may be looked at, None = all."""
        x = self.tokens(input_ids) + self.positions(layout.positions)
        return self.norm(self.blocks(x, layout, bias=self._bias(x, visible)))

    def _bias(self, x: Tensor, visible: Tensor | None) -> ScoreBias | None:
        def later(length: int) -> Tensor:
            return torch.full((length, length), float("-inf"), dtype=x.dtype, device=x.device).triu(1)[None, None]

        def hidden(tile: Tile) -> Tensor | None:
            assert visible is not None
            seen = visible[tile.start : tile.stop].view(tile.rows, 1, 1, tile.length)
            return torch.zeros_like(seen, dtype=x.dtype).masked_fill(seen == 0, float("-inf"))

        if self.causal:
            return bias_by_length(later)
        return None if visible is None else hidden

    def ends(self, input_ids: Tensor, layout: Layout) -> Tensor:
        """The token of each text that stands for it, `(texts,)`: its first end token."""
        # Models made before the right id was in their config say 2: the end is the token with the largest id.
        ends = input_ids if self.end == 2 else (input_ids == self.end).int()
        places = [part.argmax() for part in ends.split(list(layout.lengths))]
        return layout.starts + torch.stack(places)


class PairsHead(nn.Module):
    """How well texts fit images: the cosine of their vectors, scaled.

    independent: each pair is judged alone, with a bias. text_length: tokens that every text is padded to, None for no
    padding; its last token stands for it.
    """

    def __init__(self, c: JointConfig, *, independent: bool) -> None:
        super().__init__()
        own = c.text
        self.independent = independent
        self.leading = None if independent else 1
        self.text_length = own.max_position_embeddings if independent else None
        self.text = TextTower(own, causal=not independent)
        width = own.projection_size or own.hidden_size if independent else c.projection_dim
        self.say = Linear(own.hidden_size, width, bias=independent)
        self.see = None if independent else Linear(c.vision.hidden_size, width, bias=False)
        self.scale = nn.Parameter(torch.empty(1) if independent else torch.empty(()))
        self.bias = nn.Parameter(torch.empty(1)) if independent else None

    def texts(self, input_ids: Tensor, layout: Layout, visible: Tensor | None = None) -> Tensor:
        """Vectors of packed texts, `(texts, width)`, of length 1. visible: whether a token may be looked at."""
        rows = layout.ends if self.independent else self.text.ends(input_ids, layout)
        vectors = self.say(self.text(input_ids, layout, visible)[rows])
        return vectors / vectors.norm(dim=-1, keepdim=True)

    def forward(self, seen: Seen | SeenPatches, texts: Tensor) -> Pairs:
        """texts: `(texts, width)`."""
        assert seen.pooled is not None
        vectors = seen.pooled if self.see is None else self.see(seen.pooled)
        vectors = vectors / vectors.norm(dim=-1, keepdim=True)
        logits = vectors @ texts.T * self.scale.exp()
        return Pairs(logits if self.bias is None else logits + self.bias)


class PairModel(ImageModel):
    """An image tower; with the head of pairs also a text tower."""

    @property
    def limit(self) -> int | None:
        """The most tokens that a text may have."""
        return self.head.text.limit if isinstance(self.head, PairsHead) else None

    def texts(self, input_ids: Tensor, layout: Layout, visible: Tensor | None = None) -> Tensor:
        """Vectors of packed texts, to be compared with images."""
        assert isinstance(self.head, PairsHead)
        self.prepare()
        return self.head.texts(input_ids, layout, visible)

    def forward(self, pixel_values: Tensor, texts: Tensor | None = None) -> Any:
        if texts is None:
            return super().forward(pixel_values)
        self.prepare()
        return self.head(self.trunk(pixel_values.to(self.dtype), self.head.leading), texts)
