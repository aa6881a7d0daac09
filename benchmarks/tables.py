"""Throughput of table question answering against transformers, on the same work in the same process.

    python benchmarks/tables.py [--size base] [--threads 1] [--rounds 3] [--questions 100]

100 questions about 20 tables of 4 to 24 rows, five for each, as one list of items. transformers answers them one by
one, the only way it has: its pipeline cannot batch tables. It needs pandas below 3. The weights are drawn: what they
answer does not matter for the time it takes. The cases take turns, in reversed order every other round; medians are
shown. With one thread the seconds are those of the processor, so other programs on the machine do not count.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import transformers
from checkpoint import brought
from workloads import Case, rounds

import nbpipes
from nbpipes.engine import compute

SIZES = {"tiny": (128, 2), "small": (512, 4), "base": (768, 12)}
"""Width and layers of published TAPAS models."""
WORDS = ["France", "new york", "Python", "Rust", "Datasets", "the river", "United States", "open", "blue"]
QUESTIONS = [
    *("How many stars does {} have?", "which name has the most stars?", "what is the total of stars?", "when was {}?"),
]


def table(draw: random.Random) -> pd.DataFrame:
    """Names, numbers, dates and words."""
    height = draw.randint(4, 24)
    return pd.DataFrame(
        {
            "Name": [f"{draw.choice(WORDS)} {row}" for row in range(height)],
            "Stars": [f"{draw.randrange(40_000):,}" for _ in range(height)],
            "Since": [f"{draw.randrange(1, 28)} March {draw.randrange(1950, 2010)}" for _ in range(height)],
            "Language": [draw.choice(WORDS) for _ in range(height)],
        }
    )


def items(count: int, tables: int = 20) -> list[dict[str, Any]]:
    """Questions, each with its table; neighbours are about the same one."""
    draw = random.Random(0)
    made = [table(draw) for _ in range(tables)]
    return [
        {"table": made[i * tables // count], "query": draw.choice(QUESTIONS).format(draw.choice(WORDS))}
        for i in range(count)
    ]


def checkpoint(folder: Path, size: str) -> Path:
    """A TAPAS of a published size with drawn weights, and the vocabulary of a real BERT."""
    width, layers = SIZES[size]
    words = (brought("all-MiniLM-L6-v2") / "vocab.txt").read_text(encoding="utf-8")
    (folder / "vocab.txt").write_text(words.replace("[unused0]\n", "[EMPTY]\n"), encoding="utf-8")
    transformers.TapasTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.TapasConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        num_aggregation_labels=4,
        aggregation_labels={0: "NONE", 1: "SUM", 2: "AVERAGE", 3: "COUNT"},
        no_aggregation_label_index=0,
    )
    transformers.TapasForQuestionAnswering(config).save_pretrained(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="base")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoint(Path(scratch), options.size)
        task = "table-question-answering"
        ours = nbpipes.pipeline(task, model=folder, device="cpu")
        theirs = transformers.pipeline(task, model=str(folder), device="cpu")
        asked = items(options.questions)

        def fresh() -> None:
            pipe = nbpipes.pipeline(task, model=ours.model, tokenizer=ours.tokenizer, device="cpu")
            pipe(asked)  # a pipeline of its own each time: no table is remembered from the round before

        cases: dict[str, Case] = {"nbpipes": fresh, "transformers": lambda: theirs(asked)}
        ours(asked[:5])
        theirs(asked[:2])
        times = rounds(cases, options.rounds, options.threads)
        pairs = zip(ours(asked[:20]), theirs(asked[:20]), strict=True)
        same = sum(mine["coordinates"] == other["coordinates"] for mine, other in pairs)
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}"
    print(f"{versions}, TAPAS {options.size}, {options.threads} threads; {same} of 20 answers point at the same cells")
    for name, taken in times.items():
        print(f"  {name:14} {len(asked) / taken:8.1f} questions/s   {taken / times['nbpipes']:5.2f} ×")


if __name__ == "__main__":
    compute.run(main)  # both on one thread: a second one that runs torch slows both
