"""Trains the demo model of table question answering, scores it once on tables it has never seen, and writes it.

See README.md beside this file for what to install and how long it takes.
"""

import argparse
import json
import pydoc_data.topics
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from tables_data import AGGREGATORS, ASIDE, HIGH, LESS, LOW, MORE, Example, Question, example
from tables_report import card
from tiny_tapas import COLUMN, INVERSE, RANK, ROW, Tapas, begin
from torch import Tensor, nn
from torch.nn import functional as F

from nbpipes.hub.repo import Repo
from nbpipes.processing.tables.table import Table
from nbpipes.processing.tables.tapas import TapasReader
from nbpipes.processing.text import Tokenizer as Words

OUTPUT = Path(__file__).parents[2] / "nbpipes" / "demo" / "tables"
SEED = 11
SPECIAL = ["[PAD]", "[EMPTY]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD = 0
POOL, PIECES = 900, 500
ASKED = """what which who how many much does do is are was the a an of in on with have has had than more less count list
number sum total average mean there and or for at by to from year date name""".split()
CONFIG = {
    "architectures": ["TapasForQuestionAnswering"],
    "model_type": "tapas",
    "hidden_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "max_position_embeddings": 64,
    "type_vocab_sizes": [3, 34, 66, 2, 66, 66, 10],
    "layer_norm_eps": 1e-12,
    "pad_token_id": PAD,
    "num_aggregation_labels": len(AGGREGATORS),
    "aggregation_labels": {str(place): label for place, label in enumerate(AGGREGATORS)},
    "no_aggregation_label_index": 0,
    "select_one_column": True,
    "allow_empty_column_selection": False,
    "max_num_rows": 64,
    "max_num_columns": 32,
    "temperature": 1.0,
    "reset_position_index_per_cell": True,
    # The weights are stored in half precision to be small; this makes every reader compute in single precision.
    "torch_dtype": "float32",
}
BATCH, RATE = 48, 1.5e-3
TALLEST = 9
"""Rows of the tables it learns from, and is scored on, at most."""
WATCHED = 200
"""Steps after which it says what it knows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question as the model reads it. wanted: for each token whether its cell answers."""

    ids: np.ndarray
    types: np.ndarray
    wanted: np.ndarray
    question: Question


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--minutes", type=float, default=5, help="of processor time to train for")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(SEED)
    pool = common_words()
    known, unseen = [w for i, w in enumerate(pool) if i % ASIDE], pool[::ASIDE]
    given.output.mkdir(parents=True, exist_ok=True)
    config = CONFIG | {"vocab_size": write_tokenizer(given.output, pool)}
    reader = TapasReader(Words.load(Repo(given.output)))
    begun = time.process_time()
    model, steps = train(config, reader, known, given.minutes)
    minutes = (time.process_time() - begun) / 60
    model = model.half().float()  # what is scored is what is stored
    results = {
        name: scores(model, reader, words, seed)
        for name, words, seed in (("words it knows", known, 1), ("words it has never met in a table", unseen, 2))
    }
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    (given.output / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    (given.output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (given.output / "README.md").write_text(card(results, steps * BATCH, SEED, minutes), encoding="utf-8")
    size = sum(file.stat().st_size for file in given.output.iterdir())
    print(results, f"wrote {given.output}, {size / 1e6:.2f} MB")


def common_words() -> list[str]:
    """Words of the documentation that comes with Python, the commonest first: what tables are made of."""
    counts = Counter(re.findall(r"\b[a-z]{3,10}\b", " ".join(pydoc_data.topics.topics.values())))
    left_out = {*ASKED, *HIGH, *LOW}
    return [word for word, _ in counts.most_common(POOL + len(left_out)) if word not in left_out][:POOL]


def write_tokenizer(folder: Path, pool: Sequence[str]) -> int:
    """vocab.txt and settings; the number of tokens. Half of the words in tables are cut into pieces."""
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789"]
    marks = [*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~€°"]
    pairs = Counter(word[i : i + 2] for word in pool for i in range(1, len(word) - 1))
    digits = [f"{a}{b}" for a in range(10) for b in range(10)]
    pieces = [pair for pair, _ in sorted(pairs.items(), key=lambda one: (-one[1], one[0]))[:PIECES]]
    words = [*ASKED, *HIGH, *LOW, *pool[::2], *digits]
    tokens = [*SPECIAL, *letters, *marks, *words, *(f"##{piece}" for piece in (*letters, *digits, *pieces))]
    tokens = list(dict.fromkeys(tokens))
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    roles = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    settings = {"tokenizer_class": "TapasTokenizer", "do_lower_case": True, "model_max_length": 512, **roles}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return len(tokens)


def rows_of(made: Example, reader: TapasReader) -> Iterator[Row]:
    table = reader.table(Table(made.names, tuple(zip(*made.columns, strict=True))))
    for question in made.questions:
        read = reader.read(reader.question(question.text), table, table.rows)
        cells = set(question.cells)
        places = zip(read.types[:, ROW].tolist(), read.types[:, COLUMN].tolist(), strict=True)
        wanted = np.array([(row - 1, column - 1) in cells for row, column in places])
        yield Row(read.ids, read.types, wanted, question)


def spread(row: Row, chance: random.Random) -> Row:
    """The same question about some rows of a longer table: numbers of rows and ranks are higher, in the same order.

    So a model that learns from short tables knows the numbers in long ones. The first rank stays: it is the extreme's.
    """
    types = row.types.copy()
    for place, first in ((ROW, 1), (RANK, 2), (INVERSE, 2)):
        most = int(types[:, place].max())
        if most >= first:
            drawn = sorted(chance.sample(range(first, CONFIG["type_vocab_sizes"][place] - 2), most - first + 1))
            types[:, place] = np.array([*range(first), *drawn])[types[:, place]]
    return replace(row, types=types)


def collate(rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    longest = max(len(row.ids) for row in rows)
    ids, types = torch.zeros(len(rows), longest, dtype=torch.long), torch.zeros(len(rows), longest, 7, dtype=torch.long)
    wanted = torch.zeros(len(rows), longest)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.from_numpy(row.ids)
        types[i, : len(row.ids)] = torch.from_numpy(row.types)
        wanted[i, : len(row.ids)] = torch.from_numpy(row.wanted)
    return ids, types, wanted, ids != PAD


def by_column(logits: Tensor, types: Tensor, mask: Tensor) -> Tensor:
    """The mean logit of each column's cells, as the model's head takes it; far below zero for what is no column."""
    count, (rows, columns) = len(logits), (CONFIG["max_num_rows"], CONFIG["max_num_columns"])
    place = (torch.arange(count)[:, None] * rows + types[:, :, ROW]) * columns + types[:, :, COLUMN]
    sums = torch.zeros(2, count * rows * columns).index_add(
        1, place.flatten(), torch.stack((logits * mask, mask.float())).flatten(1)
    )
    there = (sums[1] > 0).view(count, rows, columns)
    means = (sums[0] / sums[1].clamp(min=1)).view(count, rows, columns)
    found = means.sum(1) / there.sum(1).clamp(min=1)
    unwanted = ~there.any(1)
    unwanted[:, 0] = True
    return found.masked_fill(unwanted, -10000.0)


def train(config: dict, reader: TapasReader, words: Sequence[str], minutes: float) -> tuple[Tapas, int]:
    """A new model after so many minutes of this process, and its steps."""
    chance = random.Random(SEED)
    model = Tapas(config)
    begin(model, *(reader.tokenizer.convert_tokens_to_ids(list(words)) for words in ((*HIGH, MORE), (*LOW, LESS))))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    begun, step, total = time.process_time(), 0, 0.0
    rows: list[Row] = []
    while (done := (time.process_time() - begun) / 60 / minutes) < 1:
        tallest = min(TALLEST, 3 + int(14 * done))
        while len(rows) < 16 * BATCH:
            rows += (spread(row, chance) for row in rows_of(example(chance, words, rows=tallest), reader))
        rows.sort(key=lambda row: len(row.ids) + chance.random() * 4)
        at = chance.randrange(len(rows) - BATCH + 1)
        batch, rows = rows[at : at + BATCH], rows[:at] + rows[at + BATCH :]
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50, (1 - done) / 0.5)
        loss = lost(model, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, total = step + 1, total + loss.item()
        if step % WATCHED == 0:
            print(
                f"step {step}, {100 * done:.0f} %, loss {total / WATCHED:.3f}, {watched(model, reader, words)}",
                flush=True,
            )
            total = 0.0
    return model.eval(), step


def lost(model: Tapas, batch: Sequence[Row]) -> Tensor:
    """How wrong the model is on column, cells of the right column, and aggregator."""
    ids, types, wanted, mask = collate(batch)
    cells, columns, aggregation = model(ids, types, mask)
    column = torch.tensor([row.question.column + 1 for row in batch])
    body = mask & (types[:, :, ROW] > 0) & (types[:, :, COLUMN] == column[:, None])
    apart = F.binary_cross_entropy_with_logits(cells, wanted, reduction="none")
    wrong = (apart * body).sum(1) / body.sum(1)
    told = torch.tensor([row.question.aggregator for row in batch])
    return (
        F.cross_entropy(by_column(columns, types, mask), column) + 2 * wrong.mean() + F.cross_entropy(aggregation, told)
    )


def watched(model: Tapas, reader: TapasReader, words: Sequence[str]) -> str:
    """Shares of right answers on a few small tables, so that one sees early what is not learnt."""
    found = scores(model, reader, words, seed=0, tables=60, rows=5)
    return ", ".join(f"{kind} {100 * right / count:.0f}" for kind, (right, count) in sorted(found.items()))


@torch.inference_mode()
def scores(
    model: Tapas, reader: TapasReader, words: Sequence[str], seed: int, tables: int = 500, rows: int = TALLEST
) -> dict[str, tuple[int, int]]:
    """By kind of question, how many are right (the same cells and aggregator) of how many.

    tables: so many, each with four questions. rows: of a table at most.
    """
    chance = random.Random(1_000_000 + seed)
    asked = [row for _ in range(tables) for row in rows_of(example(chance, words, rows=rows), reader)]
    asked.sort(key=lambda row: len(row.ids))
    found: dict[str, tuple[int, int]] = {}
    for first in range(0, len(asked), BATCH):
        batch = asked[first : first + BATCH]
        ids, types, _, mask = collate(batch)
        cells, columns, aggregation = model(ids, types, mask)
        chosen = by_column(columns, types, mask).argmax(1)
        for i, row in enumerate(batch):
            said = _chosen(cells[i], row, int(chosen[i]))
            right = said == set(row.question.cells) and int(aggregation[i].argmax()) == row.question.aggregator
            before = found.get(row.question.kind, (0, 0))
            found[row.question.kind] = before[0] + right, before[1] + 1
    return found


def _chosen(logits: Tensor, row: Row, column: int) -> set[tuple[int, int]]:
    """The cells of a column, counted from 1, whose logits are above zero in the mean."""
    found: dict[tuple[int, int], list[float]] = {}
    for kind, logit in zip(row.types.tolist(), logits.tolist(), strict=False):
        if kind[ROW] > 0 and kind[COLUMN] == column:
            found.setdefault((kind[ROW] - 1, column - 1), []).append(logit)
    return {place for place, values in found.items() if np.mean(values) > 0}


if __name__ == "__main__":
    main()
