"""TAPAS (https://arxiv.org/abs/2004.02349): BERT that reads a question and a table, and points at cells."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import drop, rename
from nbpipes.layers.packing import Layout
from nbpipes.models.encoders import (
    ATTENTION_INPUT,
    ATTENTION_OUTPUT,
    BERT_WORDS,
    FEED_FORWARD,
    Encoder,
    EncoderConfig,
    blocks,
    classifier,
    words,
)
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head, HeadModule
from nbpipes.models.outputs import Cells, Encoded

NEVER = -10000.0
"""Added to the logits of what may not be chosen."""
COLUMN, ROW = 1, 2
"""Places of a token's column and row among its types."""

TAPAS = (
    rename("embeddings.word_embeddings", "tokens"),
    rename("embeddings.position_embeddings", "positions"),
    rename("embeddings.token_type_embeddings_{i}", "types.{i}"),
    rename("embeddings.LayerNorm", "norm"),
    drop("embeddings.position_ids"),
    *ATTENTION_INPUT,
    *ATTENTION_OUTPUT,
    *FEED_FORWARD,
)


@dataclass(frozen=True, kw_only=True)
class TapasConfig(EncoderConfig):
    """Config of TAPAS. max_num_rows and max_num_columns: so many are told apart when cells are chosen; what lies
    beyond counts as the last one."""

    max_position_embeddings: int = 1024
    type_vocab_sizes: tuple[int, ...] = (3, 256, 256, 2, 256, 256, 10)
    num_aggregation_labels: int = 0
    temperature: float = 1.0
    max_num_rows: int = 64
    max_num_columns: int = 32
    select_one_column: bool = True
    allow_empty_column_selection: bool = False
    reset_position_index_per_cell: bool = True
    aggregation_labels: Any = None
    no_aggregation_label_index: int | None = None

    @property
    def aggregators(self) -> tuple[str, ...]:
        """What may be done with the chosen cells, in the order of the logits; empty where the model does not say."""
        named = self.aggregation_labels
        if not named or not self.num_aggregation_labels:
            return ()
        pairs = named.items() if isinstance(named, dict) else enumerate(named)
        table = {int(key): str(label) for key, label in pairs}
        return tuple(table.get(i, f"LABEL_{i}") for i in range(self.num_aggregation_labels))


@dataclass(slots=True)
class Placed(Encoded):
    """columns, rows: `(tokens,)` where each token stands in its table, from 1 on; 0 is the question, or a header."""

    columns: Tensor
    rows: Tensor
    per_token: ClassVar[frozenset[str]] = frozenset({"hidden", "columns", "rows"})


class TableEncoder(Encoder):
    """BERT with seven types for each token, and positions that may begin anew in each cell."""

    def __init__(self, c: TapasConfig) -> None:
        super().__init__(
            blocks(c),
            vocab=c.vocab_size,
            width=c.hidden_size,
            positions=c.max_position_embeddings,
            segments=0,
            eps=c.layer_norm_eps,
        )
        self.types = nn.ModuleList(nn.Embedding(size, c.hidden_size) for size in c.type_vocab_sizes)
        self.sizes, self.places = c.type_vocab_sizes, c.max_position_embeddings
        self.reset = c.reset_position_index_per_cell
        if self.reset:
            self.limit = None  # positions count within cells

    def embed(self, input_ids: Tensor, layout: Layout, token_type_ids: Tensor | None = None) -> Tensor:
        if token_type_ids is None:
            token_type_ids = input_ids.new_zeros(len(input_ids), len(self.types))
        places = layout.positions
        if self.reset:
            columns, rows = self.sizes[COLUMN], self.sizes[ROW]
            cells = (_sequences(layout) * columns + token_type_ids[:, COLUMN]) * rows + token_type_ids[:, ROW]
            places = _within(cells, places).clamp(max=self.places - 1)
        x = self.tokens(input_ids) + self.positions(places)
        for kind, size, ids in zip(self.types, self.sizes, token_type_ids.unbind(1), strict=True):
            x = x + kind(ids.clamp(max=size - 1))  # ranks of long columns exceed what was learnt
        return self.norm(x)

    def forward(
        self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Placed:
        """token_type_ids: `(tokens, 7)`: segment, column, row, previous answer, rank, inverse rank, relation."""
        if token_type_ids is None:
            token_type_ids = input_ids.new_zeros(len(input_ids), len(self.types))
        hidden = self.blocks(self.embed(input_ids, layout, token_type_ids), layout, keep=keep)
        kept = token_type_ids if keep is None else token_type_ids[keep]
        return Placed(hidden, kept[:, COLUMN], kept[:, ROW])


class CellPicker(HeadModule):
    """Which cells answer the question, all of one column, and what is to be done with them."""

    def __init__(self, c: TapasConfig) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(c.hidden_size)), nn.Parameter(torch.empty(()))
        self.column_weight = nn.Parameter(torch.empty(c.hidden_size)) if c.select_one_column else None
        self.column_bias = nn.Parameter(torch.empty(())) if c.select_one_column else None
        count = c.num_aggregation_labels
        self.dense = nn.Linear(c.hidden_size, c.hidden_size)
        self.aggregate = nn.Linear(c.hidden_size, count) if count else None
        self.temperature, self.empty = c.temperature, c.allow_empty_column_selection
        self.rows, self.columns = c.max_num_rows, c.max_num_columns

    def keep(self, layout: Layout) -> Tensor | None:
        """All tokens: a cell's logit is the mean over its tokens."""
        return None

    def forward(self, encoded: Placed, layout: Layout) -> Cells:
        hidden = encoded.hidden
        logits = (hidden @ self.weight + self.bias) / self.temperature
        if self.column_weight is not None and self.column_bias is not None:
            logits = self._of_one_column(logits, hidden @ self.column_weight + self.column_bias, encoded, layout)
        if self.aggregate is None:
            return Cells(logits)
        return Cells(logits, self.aggregate(torch.tanh(self.dense(hidden[layout.starts]))))

    def _of_one_column(self, logits: Tensor, column_logits: Tensor, encoded: Placed, layout: Layout) -> Tensor:
        """The mean logit of each token's cell, far below zero outside the likeliest column."""
        count, cells = len(layout.lengths), self.rows * self.columns
        sequences = _sequences(layout)
        column = encoded.columns.clamp(max=self.columns - 1)
        place = sequences * cells + encoded.rows.clamp(max=self.rows - 1) * self.columns + column
        sums = logits.new_zeros(3, count * cells)
        sums.index_add_(1, place, torch.stack((logits, column_logits, torch.ones_like(logits))))
        there = sums[2] > 0
        mean, column_mean = sums[:2] / sums[2].clamp(min=1)
        shape = count, self.rows, self.columns
        cells_there = there.view(shape).sum(1).to(logits.dtype)
        by_column = column_mean.view(shape).sum(1) / (cells_there + 1e-10)
        unwanted = cells_there == 0
        unwanted[:, 0] = not self.empty
        chosen = (by_column + NEVER * unwanted).argmax(-1)
        wanted = (column == chosen[sequences]) & (column > 0)
        return mean[place] + NEVER * ~wanted


def _sequences(layout: Layout) -> Tensor:
    """The number of each token's sequence, `(tokens,)`."""
    sizes = torch.tensor(layout.lengths, device=layout.starts.device)
    numbers = torch.arange(len(sizes), device=sizes.device)
    return numbers.repeat_interleave(sizes, output_size=len(layout.positions))


def _within(groups: Tensor, places: Tensor) -> Tensor:
    """How far each token stands behind the first one of its group. groups, places: `(tokens,)`."""
    names, group = torch.unique(groups, return_inverse=True)
    first = places.new_full((len(names),), torch.iinfo(places.dtype).max).scatter_reduce(0, group, places, "amin")
    return places - first[group]


FAMILIES = {
    "tapas": Family(
        TapasConfig,
        TableEncoder,
        TAPAS,
        "tapas.",
        {
            Head.CELLS: HeadSpec(
                CellPicker,
                (
                    rename("output_weights", "weight"),
                    rename("output_bias", "bias"),
                    rename("column_output_weights", "column_weight"),
                    rename("column_output_bias", "column_bias"),
                    rename("tapas.pooler.dense", "dense"),
                    rename("aggregation_classifier", "aggregate"),
                ),
            ),
            Head.SEQUENCE: classifier(rename("tapas.pooler.dense", "dense"), rename("classifier", "out"), dense="tanh"),
            Head.MASKED: words(*BERT_WORDS),
        },
    ),
}
