"""Neither the size of a batch nor what else is in it changes an answer, for any task, on texts of 1 to 512 tokens."""

import random
from typing import Any

import pytest

from nbpipes import pipeline

WORDS = ["the", "a", "in", "of", "[MASK]"]
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "text-classification": ("sequence", {"top_k": None}),
    "token-classification": ("tokens", {"ignore_labels": []}),
    "question-answering": (
        "spans",
        {"top_k": 3, "max_seq_len": 96, "doc_stride": 16, "handle_impossible_answer": True},
    ),
    "fill-mask": ("masked", {"top_k": 4}),
    "feature-extraction": ("base", {}),
    "zero-shot-classification": ("sequence", {"candidate_labels": ["cat", "dog", "the mat"]}),
}


def text(draw: random.Random, tokens: int) -> str:
    return " ".join([*draw.choices(WORDS[:-1], k=max(0, tokens - 1)), "[MASK]"])


def items(task: str, draw: random.Random) -> list[Any]:
    lengths = [1, 2, 510, *(min(510, int(draw.lognormvariate(3, 1.2)) + 1) for _ in range(9))]
    draw.shuffle(lengths)
    texts = [text(draw, length) for length in lengths]
    return [{"question": "the cat", "context": one} for one in texts] if task == "question-answering" else texts


def close(one: Any, other: Any) -> bool:
    """Equal but for floats, which may differ by 1e-5."""
    if isinstance(one, float):
        return abs(one - other) <= 1e-5
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return one == other


@pytest.mark.parametrize("task", OPTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_batches_do_not_change_answers(tiny, task, seed):
    head, options = OPTIONS[task]
    pipe = pipeline(task, model=tiny(head), device="cpu", **options)
    given = items(task, random.Random(seed))
    alone = list(pipe((item for item in given), batch_size=1))
    for batch_size in (None, 2, 5, 64):
        together = list(pipe((item for item in given), batch_size=batch_size))
        assert all(map(close, alone, together)), batch_size
    assert all(map(close, alone, list(pipe(iter(given[::-1])))[::-1]))
