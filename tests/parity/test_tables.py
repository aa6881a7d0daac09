"""Tables by chance as TAPAS and TAPEX read them, and answers about them: nbpipes and transformers side by side."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.append(str(GOLDEN))  # the tables by chance stand beside the script that stores some of them

import tables  # noqa: E402

from nbpipes import pipeline  # noqa: E402
from nbpipes.hub.repo import Repo  # noqa: E402
from nbpipes.processing.tables.table import read_table  # noqa: E402
from nbpipes.processing.tables.tapas import TapasReader  # noqa: E402
from nbpipes.processing.tables.tapex import TapexReader  # noqa: E402
from nbpipes.processing.text import Tokenizer  # noqa: E402

transformers = pytest.importorskip("transformers")
pd = pytest.importorskip("pandas")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(int(pd.__version__.split(".")[0]) > 2, reason="the reference's TAPAS needs pandas below 3"),
]
FIRST, MANY = 5000, 320
"""Seeds of the tables; those of the golden cases are smaller."""


@pytest.fixture(scope="module")
def vocabulary(checkpoint, tmp_path_factory) -> Path:
    """The 30,000 word pieces of BERT with the token for empty cells, as published TAPAS models have them."""
    folder = tmp_path_factory.mktemp("tapas")
    words = (checkpoint("all-MiniLM-L6-v2") / "vocab.txt").read_text(encoding="utf-8")
    (folder / "vocab.txt").write_text(words.replace("[unused0]\n", "[EMPTY]\n"), encoding="utf-8")
    transformers.TapasTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_ids_and_all_seven_types_are_equal(vocabulary):
    theirs, ours = (
        transformers.TapasTokenizer.from_pretrained(vocabulary),
        TapasReader(Tokenizer.load(Repo(vocabulary))),
    )
    for seed in range(FIRST, FIRST + MANY):
        chance = random.Random(seed)
        columns, asked, cut = tables.table(chance), tables.question(chance), chance.random() < 0.7
        expected = theirs(pd.DataFrame.from_dict(columns), asked, truncation=cut, padding=False)
        table, question = ours.table(read_table(columns)), ours.question(asked)
        read = ours.read(question, table, *(ours.fit(question, table) if cut else (table.rows,)))
        assert read.ids.tolist() == expected["input_ids"], seed
        assert read.types.tolist() == expected["token_type_ids"], seed


def test_the_lines_that_tapex_reads_are_equal():
    from transformers.models.deprecated.tapex import TapexTokenizer

    folder = GOLDEN / "tapex/tokenizer"
    theirs = TapexTokenizer.from_pretrained(folder)
    ours = TapexReader(Tokenizer.load(Repo(folder), model_max_length=10**30))
    for seed in range(FIRST, FIRST + MANY):
        chance = random.Random(seed)
        columns, asked = tables.table(chance), tables.question(chance)
        ids, _ = ours.read(asked, read_table(columns))
        assert ids == theirs(pd.DataFrame.from_dict(columns), asked)["input_ids"], seed


@pytest.mark.parametrize("name", ["cells", "cells-sqa", "cells-absolute"])
def test_answers_are_equal(name):
    task, tokenizer = "table-question-answering", str(GOLDEN / "tapas/tokenizer")
    model = str(GOLDEN / "tapas" / name)
    theirs = transformers.pipeline(task, model=model, tokenizer=tokenizer, dtype="float32", device="cpu")
    ours = pipeline(task, model=model, tokenizer=tokenizer, device="cpu")
    for seed in range(FIRST, FIRST + 40):
        chance = random.Random(seed)
        columns, asked = tables.table(chance), [tables.question(chance) for _ in range(chance.choice((1, 3)))]
        options: dict[str, Any] = {"sequential": chance.random() < 0.5, "truncation": True}
        try:
            expected = theirs(pd.DataFrame.from_dict(columns), list(asked), **options)
        except KeyError:  # a later question left fewer rows than one before: the reference cannot go on
            continue
        assert ours(columns, asked, **options) == expected, seed
