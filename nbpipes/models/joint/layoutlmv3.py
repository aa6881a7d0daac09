"""LayoutLMv3 (https://arxiv.org/abs/2204.08387): RoBERTa that reads words, where they stand, and the page's image."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.weights import rename
from nbpipes.layers.packing import Layout, ScoreBias, Tile
from nbpipes.layers.positions import buckets, counted_positions
from nbpipes.models.encoders import BERT, Encoder, EncoderConfig, blocks
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head, HeadModule, SequenceClassifier, TokenClassifier
from nbpipes.models.outputs import Encoded, Spans, TokenLogits

MANY = 10
"""From so many labels on, the head for tokens has a layer before its last one."""
PAGE = 1000
"""The side of a page, in the units of boxes."""
TABLES = {"x": "x", "y": "y", "h": "height", "w": "width"}
LAYOUTLMV3 = (
    *BERT,
    *(rename(f"embeddings.{short}_position_embeddings", name) for short, name in TABLES.items()),
    rename("encoder.rel_pos_bias.weight", "far"),
    rename("encoder.rel_pos_x_bias.weight", "across"),
    rename("encoder.rel_pos_y_bias.weight", "down"),
    rename("cls_token", "image.first"),
    rename("pos_embed", "image.positions"),
    rename("patch_embed.proj", "image.patches"),
    rename("norm", "image.norm"),
    rename("LayerNorm", "together"),
)


@dataclass(frozen=True, kw_only=True)
class LayoutLMv3Config(EncoderConfig):
    """Config of LayoutLMv3. coordinate_size, shape_size: widths of the tables of sides, and of widths and heights;
    four of the one and two of the other make hidden_size."""

    vocab_size: int = 50265
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-5
    pad_token_id: int | None = 1
    max_2d_position_embeddings: int = 1024
    coordinate_size: int = 128
    shape_size: int = 128
    has_relative_attention_bias: bool = True
    rel_pos_bins: int = 32
    max_rel_pos: int = 128
    has_spatial_attention_bias: bool = True
    rel_2d_pos_bins: int = 64
    max_rel_2d_pos: int = 256
    text_embed: bool = True
    visual_embed: bool = True
    input_size: int = 224
    num_channels: int = 3
    patch_size: int = 16


class PageImage(nn.Module):
    """The patches of a page's image as tokens, behind one for the whole."""

    def __init__(self, c: LayoutLMv3Config) -> None:
        super().__init__()
        self.side = c.input_size // c.patch_size
        self.size = c.input_size
        self.first = nn.Parameter(torch.empty(1, 1, c.hidden_size))
        self.positions = nn.Parameter(torch.empty(1, self.side**2 + 1, c.hidden_size))
        self.patches = nn.Conv2d(c.num_channels, c.hidden_size, c.patch_size, c.patch_size)
        self.norm = nn.LayerNorm(c.hidden_size, 1e-6)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: `(pages, channels, side, side)`. Returns `(pages, tokens, width)`."""
        if pixels.shape[-2:] != (self.size, self.size):
            height, width = pixels.shape[-2:]
            raise InputError(f"the model reads pages of {self.size} × {self.size} pixels, not {height} × {width}")
        x = self.patches(pixels).flatten(2).transpose(1, 2)
        return self.norm(torch.cat((self.first.expand(len(x), -1, -1), x), 1) + self.positions)

    def boxes(self) -> Tensor:
        """Where the tokens stand on the page, `(tokens, 4)`; the first one is nearly the whole page."""
        edges = torch.arange(0, PAGE * (self.side + 1), PAGE, device=self.first.device) // self.side
        near, far = edges[:-1], edges[1:]
        left, right = (part.repeat(self.side) for part in (near, far))
        top, bottom = (part.repeat_interleave(self.side) for part in (near, far))
        whole = edges.new_tensor([[1, 1, PAGE - 1, PAGE - 1]])
        return torch.cat((whole, torch.stack((left, top, right, bottom), 1)))


class PageEncoder(Encoder):
    """RoBERTa with the sides of each token's box in its embedding, patches of the page behind the words, and scores
    that know how far apart two tokens are in the text and on the page."""

    def __init__(self, c: LayoutLMv3Config) -> None:
        if not c.text_embed:
            raise ValueError("text_embed=false, a model of images alone, is not supported")
        super().__init__(
            blocks(c),
            vocab=c.vocab_size,
            width=c.hidden_size,
            positions=c.max_position_embeddings,
            segments=c.type_vocab_size,
            eps=c.layer_norm_eps,
            padding=1 if c.pad_token_id is None else c.pad_token_id,
        )
        places, heads = c.max_2d_position_embeddings, c.num_attention_heads
        self.x, self.y = (nn.Embedding(places, c.coordinate_size) for _ in range(2))
        self.width, self.height = (nn.Embedding(places, c.shape_size) for _ in range(2))
        self.image = PageImage(c) if c.visual_embed else None
        self.together = nn.LayerNorm(c.hidden_size, c.layer_norm_eps) if c.visual_embed else None
        flat, spatial = c.has_relative_attention_bias, c.has_spatial_attention_bias
        if spatial and not flat:
            raise ValueError("has_spatial_attention_bias needs has_relative_attention_bias")
        self.far = nn.Parameter(torch.empty(heads, c.rel_pos_bins)) if flat else None
        self.across = nn.Parameter(torch.empty(heads, c.rel_2d_pos_bins)) if spatial else None
        self.down = nn.Parameter(torch.empty(heads, c.rel_2d_pos_bins)) if spatial else None
        self.reach, self.page_reach = c.max_rel_pos, c.max_rel_2d_pos
        self.scale = (c.hidden_size // heads) ** -0.5

    def words(self, input_ids: Tensor, layout: Layout, token_type_ids: Tensor | None, boxes: Tensor) -> Tensor:
        """The tokens of the words, `(tokens, width)`."""
        if ((boxes < 0) | (boxes >= self.x.num_embeddings)).any():
            raise InputError("boxes are [left, upper, right, lower], each from 0 to 1000")
        left, top, right, bottom = boxes.unbind(-1)
        most = self.width.num_embeddings - 1
        sides = (self.x(left), self.y(top), self.x(right), self.y(bottom))
        sizes = (self.height((bottom - top).clamp(0, most)), self.width((right - left).clamp(0, most)))
        segments = self.segments
        assert segments is not None
        assert self.padding is not None
        x = self.tokens(input_ids) + (segments.weight[0] if token_type_ids is None else segments(token_type_ids))
        places = counted_positions(input_ids, layout, self.padding)
        return self.norm(x + self.positions(places) + torch.cat((*sides, *sizes), -1))

    def forward(
        self,
        input_ids: Tensor,
        layout: Layout,
        keep: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        bbox: Tensor | None = None,
        pixel_values: Tensor | None = None,
    ) -> Encoded:
        """bbox: `(tokens, 4)` the box of each token's word, in thousandths of the page; None puts all at (0, 0).
        pixel_values: `(sequences, channels, side, side)` the page of each; None reads the words alone. The answer is
        about the words."""
        boxes = input_ids.new_zeros(len(input_ids), 4) if bbox is None else bbox
        x = self.words(input_ids, layout, token_type_ids, boxes)
        if pixel_values is None or self.image is None or self.together is None:
            return Encoded(self.blocks(x, layout, keep=keep, bias=self.bias(layout.positions, boxes)))
        seen = self.image(pixel_values.to(x.dtype))
        own, wide = torch.split(x, list(layout.lengths)), Layout.of([n + seen.shape[1] for n in layout.lengths])
        x = self.together(torch.cat([part for pair in zip(own, seen, strict=True) for part in pair]))
        behind, patches = self.image.boxes(), torch.arange(seen.shape[1], device=x.device)
        boxes = torch.cat([part for one in torch.split(boxes, list(layout.lengths)) for part in (one, behind)])
        places = torch.cat([part for n in layout.lengths for part in (torch.arange(n, device=x.device), patches)])
        # A word stands as many tokens further back as there are patches of the pages before its own.
        page = torch.arange(len(layout.lengths), device=x.device)
        sizes = torch.tensor(layout.lengths, device=x.device)
        words = torch.arange(len(input_ids), device=x.device) + seen.shape[1] * page.repeat_interleave(sizes)
        wanted = words if keep is None else words[keep]
        return Encoded(self.blocks(x, wide, keep=wanted, bias=self.bias(places, boxes)))

    def bias(self, places: Tensor, boxes: Tensor) -> ScoreBias | None:
        """What all blocks add to their scores. places: `(tokens,)` in the text, or among the patches."""
        made: dict[int, Tensor] = {}
        far, across, down = self.far, self.across, self.down
        if far is None:
            return None

        def apart(values: Tensor, tile: Tile, table: Tensor, reach: int) -> Tensor:
            own = values[tile.start : tile.stop].view(tile.rows, tile.length)
            between = own[:, None, :] - own[:, :, None]
            return table.T[buckets(between, table.shape[1], reach)].permute(0, 3, 1, 2)

        def add(tile: Tile) -> Tensor:
            if tile.start not in made:
                total = apart(places, tile, far, self.reach)
                if across is not None and down is not None:
                    total = total + apart(boxes[:, 0], tile, across, self.page_reach)
                    total = total + apart(boxes[:, 3], tile, down, self.page_reach)
                made[tile.start] = total * self.scale
            return made[tile.start]

        return add


class DensePicker(HeadModule):
    """Where an answer begins and ends, from a layer with an activation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense, self.out = nn.Linear(width, width), nn.Linear(width, 2)

    def forward(self, encoded: Encoded, layout: Layout) -> Spans:
        start, end = self.out(torch.tanh(self.dense(encoded.hidden))).unbind(-1)
        return Spans(start, end)


class DenseClassifier(HeadModule):
    """Classes of each token, from a layer with an activation."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.dense, self.out = nn.Linear(width, width), nn.Linear(width, labels)

    def forward(self, encoded: Encoded, layout: Layout) -> TokenLogits:
        return TokenLogits(self.out(torch.tanh(self.dense(encoded.hidden))))


def tokens(c: LayoutLMv3Config) -> HeadModule:
    """The head for tokens, which is larger for many labels."""
    count = len(c.labels)
    return TokenClassifier(c.hidden_size, count) if count < MANY else DenseClassifier(c.hidden_size, count)


DENSE = (rename("classifier.dense", "dense"), rename("classifier.out_proj", "out"))
FAMILIES = {
    "layoutlmv3": Family(
        LayoutLMv3Config,
        PageEncoder,
        LAYOUTLMV3,
        "layoutlmv3.",
        {
            Head.SEQUENCE: HeadSpec(lambda c: SequenceClassifier(c.hidden_size, len(c.labels), dense="tanh"), DENSE),
            Head.TOKENS: HeadSpec(tokens, (*DENSE, rename("classifier", "out"))),
            Head.SPANS: HeadSpec(
                lambda c: DensePicker(c.hidden_size),
                (rename("qa_outputs.dense", "dense"), rename("qa_outputs.out_proj", "out")),
            ),
        },
    ),
}
