"""Results to show, as pipelines give them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbpipes.notebook.publish import close_all
from nbpipes.results.records import Record, Records, annotate, annotate_batch

PICTURE = Image.new("RGB", (40, 20), "#3366aa")
TEXT = "Ada 👩🏽‍💻 met Charles in London."


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def entities() -> Records:
    found = [
        {
            "entity_group": label,
            "score": 0.9,
            "word": word,
            "start": TEXT.index(word),
            "end": TEXT.index(word) + len(word),
        }
        for label, word in (("PER", "Ada"), ("PER", "Charles"), ("LOC", "London"))
    ]
    return annotate(found, "token-classification", TEXT, {"model": "tiny", "seconds": 0.5})


@pytest.fixture
def many() -> Records:
    texts = [f"text {index}" for index in range(250)]
    results = [[{"label": "a", "score": index / 250}, {"label": "b", "score": 1 - index / 250}] for index in range(250)]
    return annotate_batch(results, "text-classification", texts, {})


@pytest.fixture
def of_pictures() -> dict[str, Record | Records]:
    return {
        "boxes": annotate(
            [{"score": 0.5, "label": "cat", "box": {"xmin": 1, "ymin": 2, "xmax": 9, "ymax": 8}}],
            "object-detection",
            PICTURE,
            {},
        ),
        "masks": annotate(
            [{"score": 0.5, "label": "cat", "mask": Image.new("L", PICTURE.size, 255)}],
            "image-segmentation",
            PICTURE,
            {},
        ),
        "depth": annotate(
            {"predicted_depth": np.arange(800.0).reshape(20, 40), "depth": Image.new("L", PICTURE.size)},
            "depth-estimation",
            PICTURE,
            {},
        ),
    }


@pytest.fixture
def of_sounds() -> dict[str, Record | Records]:
    """Results about half a second of silence."""
    silence = {"raw": np.zeros(4000, np.float32), "sampling_rate": 8000}
    return {
        "sounds": annotate(
            [{"label": "dog", "score": 0.5, "timestamp": (0.0, 0.5)}], "audio-classification", silence, {}
        ),
        "transcript": annotate(
            {"text": " Ada met Charles.", "chunks": [{"text": " Ada", "timestamp": (0.0, 0.4)}]},
            "automatic-speech-recognition",
            silence,
            {},
        ),
    }


@pytest.fixture
def results(
    entities: Records, many: Records, of_pictures: dict[str, Any], of_sounds: dict[str, Any]
) -> dict[str, Record | Records]:
    """One result of each kind, by the name of its view."""
    words = [{"token_str": "big", "score": 0.5, "token": 3, "sequence": "a big one"}]
    vectors = [[[float(i == j) for j in range(4)]] for i in range(3)]
    return {
        "entities": entities,
        "labels": many[7],
        "cells": annotate(
            {"answer": "SUM > 1, 2", "coordinates": [(0, 1), (1, 1)], "cells": ["1", "2"], "aggregator": "SUM"},
            "table-question-answering",
            {"table": {"Name": ["a", "<b>"], "Stars": ["1", "2"]}, "query": "how many stars?"},
            {},
        ),
        "answers": annotate(
            {"answer": "Ada", "score": 0.5, "start": 0, "end": 3},
            "question-answering",
            {"question": "Who?", "context": TEXT},
            {},
        ),
        "blanks": annotate(words, "fill-mask", "a [MASK] one", {}),
        "page": annotate(
            [Record({"score": 0.5, "answer": "Ada", "start": 0, "end": 0}, meta={"boxes": [[100, 100, 200, 150]]})],
            "document-question-answering",
            {"image": PICTURE, "question": "Who?", "word_boxes": [("Ada", [100, 100, 200, 150])]},
            {},
        ),
        "embeddings": annotate_batch(vectors, "feature-extraction", ["a", "b", "c"], {}),
        "chat": annotate(
            [{"generated_text": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ada."}]}],
            "text-generation",
            "Who?",
            {},
        ),
        "text": annotate([{"generated_text": "Once upon a time"}], "text-generation", "Once", {}),
        "gallery": many,
        **of_pictures,
        **of_sounds,
    }


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What views send as custom messages."""
    messages: list[Any] = []
    monkeypatch.setattr("ipywidgets.Widget.send", lambda self, content, buffers=None: messages.append(content))
    return messages
