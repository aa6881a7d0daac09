"""A small TAPAS for training, with Hugging Face's parameter names, that begins by knowing where to look."""

from collections.abc import Sequence

import torch
from tiny_bert import Layer, named, start
from torch import Tensor, nn

SEGMENT, COLUMN, ROW, PREVIOUS, RANK, INVERSE, RELATION = range(7)
"""The places of a token's types; the inverse rank of a column's largest value is 1."""
ABOVE, BELOW = 2, 4
"""Of the relations: the cell's value is above, or below, one in the question."""
WORD, LINE, FILE = 48, 16, 12
"""Dimensions that tell words apart, rows, and columns; `Places` has the others. A head is as wide as half of WORD."""


class Places:
    """What the dimensions of a token stand for before training; the last ones are for all else.

    asking: whether it is in the question. header: whether it is in the first line. matched: whether its word stands in
    the question and in the table. in_row, in_column: how much in its row, or in the header of its column, is matched.
    largest, smallest: whether it is that of its column, or larger, smaller than what the question names. high, low:
    whether such ones are asked for. extreme: whether it is one, in a column that is asked about.
    """

    word = range(WORD)
    row = range(WORD, WORD + LINE)
    column = range(WORD + LINE, WORD + LINE + FILE)
    asking, header, matched, in_row, in_column, largest, smallest, high, low, extreme, last = range(
        WORD + LINE + FILE, WORD + LINE + FILE + 11
    )


class Tapas(nn.Module):
    """TapasForQuestionAnswering under the names of its checkpoints."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        width, kinds = config["hidden_size"], config["type_vocab_sizes"]
        self.tapas = named(
            embeddings=named(
                word_embeddings=nn.Embedding(config["vocab_size"], width),
                position_embeddings=nn.Embedding(config["max_position_embeddings"], width),
                LayerNorm=nn.LayerNorm(width, eps=config["layer_norm_eps"]),
                **{f"token_type_embeddings_{i}": nn.Embedding(size, width) for i, size in enumerate(kinds)},
            ),
            encoder=named(layer=nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))),
            pooler=named(dense=nn.Linear(width, width)),
        )
        self.aggregation_classifier = nn.Linear(width, config["num_aggregation_labels"])
        self.apply(start)
        self.output_weights, self.column_output_weights = (nn.Parameter(torch.randn(width) * 0.05) for _ in range(2))
        self.output_bias, self.column_output_bias = (nn.Parameter(torch.zeros([])) for _ in range(2))
        self.kinds, self.places = len(kinds), config["max_position_embeddings"]

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of tokens, of tokens for their column, and of aggregators.

        ids, mask: `(batch, tokens)`. types: `(batch, tokens, 7)`.
        """
        e = self.tapas.embeddings
        x = e.word_embeddings(ids) + e.position_embeddings(within_cells(types).clamp(max=self.places - 1))
        for i in range(self.kinds):
            x = x + getattr(e, f"token_type_embeddings_{i}")(types[:, :, i])
        x = e.LayerNorm(x)
        for layer in self.tapas.encoder.layer:
            x = layer(x, mask[:, None, None, :])
        pooled = torch.tanh(self.tapas.pooler.dense(x[:, 0]))
        cells = x @ self.output_weights + self.output_bias
        columns = x @ self.column_output_weights + self.column_output_bias
        return cells, columns, self.aggregation_classifier(pooled)


def within_cells(types: Tensor) -> Tensor:
    """Places of tokens within cells, which lie together. types: `(batch, tokens, 7)`."""
    cells = types[:, :, COLUMN] * 1000 + types[:, :, ROW]
    place = torch.arange(cells.shape[1]).expand_as(cells)
    begins = torch.cat((torch.ones_like(cells[:, :1], dtype=torch.bool), cells[:, 1:] != cells[:, :-1]), 1)
    return place - torch.where(begins, place, 0).cummax(1).values


@torch.no_grad()
def begin(model: Tapas, high: Sequence[int], low: Sequence[int]) -> None:
    """Gives a new model ways of finding things, from which it learns when to go them.

    Each answer needs two steps: a word of the question is that of a cell or header, so the row and the column of these
    hold the answer; or the largest value of a column that is asked about shows the row. From weights by chance a model
    of this size did not find that out from 35,000 questions. Here words, rows and columns get dimensions of their own,
    and heads of attention that compare these; what they find is handed on to the logits. All of it is trained then.

    high, low: numbers of the words that ask for the largest or larger ones, and for the smallest or smaller ones.
    """
    e, layers = model.tapas.embeddings, model.tapas.encoder.layer
    kinds = [getattr(e, f"token_type_embeddings_{i}") for i in range(model.kinds)]
    _tell_apart(e.word_embeddings, Places.word, 1.0)
    _tell_apart(kinds[COLUMN], Places.column, 1.0)
    _tell_apart(kinds[ROW], Places.row, 1.0)
    rest = range(Places.last, e.word_embeddings.weight.shape[1])
    for table in (e.position_embeddings, *(kinds[i] for i in (SEGMENT, PREVIOUS, RANK, INVERSE, RELATION))):
        _tell_apart(table, rest, 0.5)
    kinds[SEGMENT].weight[:, Places.asking] = torch.tensor([2.0, -2.0, -2.0])
    kinds[ROW].weight[:, Places.header] = -1.0
    kinds[ROW].weight[0, Places.header] = 1.0
    kinds[RANK].weight[1, Places.smallest] = kinds[INVERSE].weight[1, Places.largest] = 2.0
    kinds[RELATION].weight[BELOW, Places.smallest] = kinds[RELATION].weight[ABOVE, Places.largest] = 2.0
    half = WORD // 2
    # The strengths below make what is alike win over what is not: seen in the dimensions after each layer.
    _compare(layers[0], (Places.word[:half], Places.word[half:], Places.row))
    for layer in layers[1:]:
        _compare(layer, (Places.row, Places.column, Places.word[:half]))
        _only(layer, 1, half - 1, Places.header)
    for head in (0, 1):
        _hand_on(layers[0], head, 0, Places.asking, Places.matched, 1.0)
    layers[0].attention.output.dense.bias[Places.matched] = 3.0
    _hand_on(layers[1], 0, 0, Places.matched, Places.in_row, 2.0)
    _hand_on(layers[1], 1, 0, Places.matched, Places.in_column, 2.0)
    _only(layers[0], 3, 0, Places.asking)
    extremes = (high, Places.high, Places.largest), (low, Places.low, Places.smallest)
    for i, (words, asked, there) in enumerate(extremes):
        e.word_embeddings.weight[list(words), asked] = 3.0
        _hand_on(layers[0], 3, i, asked, asked, 20.0)
        _both(layers[1], i, (asked, there, Places.in_column), Places.extreme)
    _hand_on(layers[2], 0, 0, Places.extreme, Places.in_row, 4.0)
    model.output_weights[Places.in_row] = 1.0
    model.column_output_weights[Places.in_column] = 1.0


def _tell_apart(table: nn.Embedding, dimensions: Sequence[int], size: float) -> None:
    """Lets the vectors of a table differ in these dimensions, by signs of chance, and hardly in others."""
    nn.init.normal_(table.weight, std=0.02)
    signs = torch.randint(0, 2, (len(table.weight), len(dimensions))) * 2.0 - 1
    table.weight[:, list(dimensions)] = size * signs


def _compare(layer: nn.Module, parts: Sequence[Sequence[int]]) -> None:
    """Lets the first heads look at tokens that are alike in some dimensions, one part for each head."""
    own = layer.attention.self
    for head, dimensions in enumerate(parts):
        strength = 1.2 if dimensions == Places.word[: WORD // 2] else 1.5
        for part in (own.query, own.key):
            for i, dimension in enumerate(dimensions):
                part.weight[_line(layer, head, i), dimension] += strength


def _only(layer: nn.Module, head: int, place: int, dimension: int) -> None:
    """Lets a head look only at tokens that are high in a dimension. place: of the head, where it compares nothing."""
    own, line = layer.attention.self, _line(layer, head, place)
    own.query.bias[line] = 6.0
    own.key.weight[line, dimension] = 3.0


def _hand_on(layer: nn.Module, head: int, place: int, source: int, target: int, scale: float) -> None:
    """Lets a head write what it finds in one dimension into another, by one of its places."""
    attention, line = layer.attention, _line(layer, head, place)
    attention.self.value.weight[line] *= 0.1
    attention.self.value.weight[line, source] = 1.0
    attention.output.dense.weight[target, line] = scale


def _both(layer: nn.Module, neuron: int, parts: Sequence[int], target: int) -> None:
    """Lets a neuron say whether three things are so at once: what is asked for, what is there, and in which column."""
    asked, there, column = parts
    rise = layer.intermediate.dense
    rise.weight[neuron, asked], rise.weight[neuron, there], rise.weight[neuron, column] = 1.5, 2.0, 0.7
    rise.bias[neuron] = -8.0
    layer.output.dense.weight[target, neuron] = 3.0


def _line(layer: nn.Module, head: int, place: int) -> int:
    """The line of a head's weights for one of its places."""
    return head * (len(layer.attention.self.query.bias) // layer.heads) + place
