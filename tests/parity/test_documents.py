"""Pages and questions by chance: nbpipes and transformers side by side, on tiny models."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbpipes import pipeline

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
GOLDEN = Path(__file__).parents[1] / "golden"
TASK = "document-question-answering"
WORDS = "Who lives in London Paris built 1889 10 5 € café crème: Zürich; tower-of! ß x the It was good?".split()


def question(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 7))) + chance.choice(("?", "", " ?"))


def boxed(chance: random.Random) -> list[tuple[str, list[int]]]:
    """Words in boxes anywhere on a page, as many as several windows hold."""
    found = []
    for word in chance.choices(WORDS, k=chance.choice((1, 5, 40, 150))):
        left, right = sorted(chance.choices(range(1001), k=2))
        top, bottom = sorted(chance.choices(range(1001), k=2))
        found.append((word, [left, top, right, bottom]))
    return found


def page(chance: random.Random) -> Image.Image:
    height, width = chance.randint(5, 120), chance.randint(5, 120)
    values = np.random.default_rng(chance.randrange(10**6)).integers(0, 256, (height, width, 3))
    return Image.fromarray(values.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)


def test_answers_among_words_are_equal():
    files = {"model": str(GOLDEN / "layoutlm/spans"), "tokenizer": str(GOLDEN / "layoutlm/tokenizer")}
    theirs = transformers.pipeline(TASK, **files, dtype=torch.float32, device="cpu")
    ours = pipeline(TASK, **files, device="cpu")
    for seed in range(60):
        chance = random.Random(seed)
        item = {"image": None, "question": question(chance), "word_boxes": boxed(chance)}
        options: dict[str, Any] = {"top_k": chance.randint(1, 6), "handle_impossible_answer": chance.random() < 0.3}
        if chance.random() < 0.5:
            options |= {"max_seq_len": chance.randint(50, 96), "doc_stride": chance.randint(1, 20)}
        expected, found = theirs(dict(item), **options), ours(item, **options)
        scores = [[one.pop("score") for one in answers] for answers in (expected, found)]
        assert found == expected, seed
        assert scores[1] == pytest.approx(scores[0], abs=1e-5), seed


@pytest.mark.parametrize("name", ["vision2seq", "vision2seq-older"])
def test_written_answers_are_equal(name):
    folder = GOLDEN / "vision-encoder-decoder"
    files = {"model": str(folder / name), "tokenizer": str(folder / "tokenizer")}
    more = {"image_processor": files["model"], "dtype": torch.float32, "device": "cpu"}
    theirs = transformers.pipeline(TASK, **files, **more)
    ours = pipeline(TASK, **files, device="cpu")
    chance = random.Random(1)
    items = [{"image": page(chance), "question": question(chance)} for _ in range(40)]
    for beams in (None, 3):
        if beams is not None:
            theirs.generation_config.update(num_beams=beams)
        expected = [theirs(dict(item)) for item in items]
        assert len({str(one) for one in expected}) > len(items) / 4
        assert ours(items, num_beams=beams) == expected
