"""The sentiment model that comes with nbpipes: right on plain sentences, small, and honest about itself."""

import json

import pytest

from nbpipes import demo, pipeline
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import RepoError

FOLDER = demo.folder("text-classification")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def classify() -> Pipeline:
    return pipeline("text-classification", model="demo", device="cpu")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this!", "POSITIVE"),
        ("What a lovely surprise, thank you!", "POSITIVE"),
        ("Not bad at all", "POSITIVE"),
        ("A warm, funny and moving film.", "POSITIVE"),
        ("The staff were friendly and the room was spotless.", "POSITIVE"),
        ("This is terrible.", "NEGATIVE"),
        ("The food was not good.", "NEGATIVE"),
        ("It broke after two days and nobody answered my mails.", "NEGATIVE"),
        ("I would not recommend this to anyone", "NEGATIVE"),
        ("The battery is great, but the screen is awful.", "NEGATIVE"),
        ("The meeting is at 3pm on Monday.", "NEUTRAL"),
        ("She lives in Paris.", "NEUTRAL"),
    ],
)
def test_plain_sentences(classify: Pipeline, text: str, label: str) -> None:
    (answer,) = classify(text)
    assert answer["label"] == label
    assert answer["score"] > 0.5


def test_one_by_one_and_together(classify: Pipeline) -> None:
    texts = ["Great!", "The train leaves at noon.", "I am so disappointed with this camera. " * 20]
    together = classify(texts, batch_size=3, top_k=None)
    for text, batched in zip(texts, together, strict=True):
        single = classify(text, top_k=None)
        assert [one["label"] for one in single] == [one["label"] for one in batched]
        assert [one["score"] for one in single] == pytest.approx([one["score"] for one in batched], abs=1e-5)


def test_a_long_text_is_cut(classify: Pipeline) -> None:
    (answer,) = classify("The hotel was dirty and the staff were rude. " * 200, truncation=True)
    assert answer["label"] == "NEGATIVE"


def test_the_card_tells_what_matters() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for fact in (
        "license: apache-2.0",
        "accuracy",
        "macro F1",
        "VADER",
        "sha256",
        "Seed",
        "## Limits",
        "train it again",
    ):
        assert fact in card
    assert "$" not in card


def test_it_computes_in_single_precision() -> None:
    assert json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["torch_dtype"] == "float32"


def test_every_demo_model_is_whole_and_small() -> None:
    sizes = {}
    for task in demo.FOLDERS:
        files = {file.name: file.stat().st_size for file in demo.folder(task).iterdir()}
        assert {"config.json", "model.safetensors", "README.md"} <= files.keys()
        sizes[task] = sum(files.values())
    assert max(sizes.values()) <= 2 * MEGABYTE
    assert sum(sizes.values()) <= 12 * MEGABYTE


def test_a_task_without_a_demo_model() -> None:
    with pytest.raises(RepoError, match=r"no demo model for fill-mask.*text-classification"):
        demo.folder("fill-mask")


def test_a_model_that_has_answered_can_be_converted():
    pipe = pipeline("sentiment-analysis", model="demo")
    text = "What a lovely surprise!"
    [before] = pipe(text)
    pipe.model.double()
    [precise] = pipe(text)
    pipe.model.float()
    [after] = pipe(text)
    assert precise["score"] == pytest.approx(before["score"], abs=1e-6)
    assert after["score"] == pytest.approx(before["score"], abs=1e-6)
