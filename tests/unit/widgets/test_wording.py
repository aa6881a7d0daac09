"""Transcripts that are compared with one another, and with the right text."""

import json
from typing import Any

import numpy as np
import pytest

from nbpipes.errors import InputError
from nbpipes.results.records import Record, annotate
from nbpipes.widgets.comparison import compare
from nbpipes.widgets.view import parcel

SOUND = np.zeros(16_000, np.float32)


def heard(text: str, model: str = "a") -> Any:
    words = [f" {word}" for word in text.split()]
    chunks = [{"text": word, "timestamp": (0.1 * i, 0.1 * i + 0.1)} for i, word in enumerate(words)]
    value = {"text": "".join(words), "chunks": chunks}
    return annotate(value, "automatic-speech-recognition", SOUND, {"model": model, "sampling_rate": 16_000})


def test_two_transcripts_are_compared_by_the_word() -> None:
    view = compare(heard("The cat sat, on a mat"), heard("the bat sat on a red <b>mat</b>", "b"))
    assert view.errors is None
    assert view.spec["summary"] == "4 of 7 words agree"
    rows = [(row["what"], row["left"], row["right"]) for row in view.spec["rows"]]
    assert rows == [("0:00.10", "cat", "bat"), ("0:00.50", "mat", "red <b>mat</b>")]
    assert view.spec["wording"][:3] == [["The"], ["cat", "bat"], ["sat, on a"]]
    assert [side["kind"] for side in view.spec["sides"]] == ["transcript"] * 2
    json.dumps(parcel(view.spec)[0], allow_nan=False)


def test_a_transcript_is_compared_with_the_right_text() -> None:
    view = compare(heard("the cat sat sat on mat"), "The cat sat on the mat!")
    assert view.errors is not None
    assert view.errors.rate == pytest.approx(2 / 6)
    assert view.spec["summary"] == "Word error rate 33.3 %: 0 other, 1 missing, 1 too many, of 6 words"
    assert view.spec["names"] == ["a", "reference"]
    assert view.spec["sides"][1]["text"] == "The cat sat on the mat!"
    assert "Word error rate 33.3 %" in view.to_html()


def test_what_only_the_right_text_has_is_listed() -> None:
    plain = annotate({"text": "one"}, "automatic-speech-recognition", SOUND, {})
    assert isinstance(plain, Record)
    assert compare(plain, "one two").spec["rows"] == [
        {"what": "word 2", "left": None, "right": "two", "same": False, "time": None}
    ]
    assert compare(plain, "ONE").spec["rows"] == []


def test_nothing_else_is_compared_with_a_text() -> None:
    label = annotate([{"label": "x", "score": 1.0}], "text-classification", "a", {})
    for result in (label, "text", {"text": "a"}):
        with pytest.raises(InputError):
            compare(result, "a text")
    with pytest.raises(InputError, match="no words"):
        compare(heard("a"), " ")


def test_labels_of_sounds_are_compared() -> None:
    def labelled(*scores: float) -> Any:
        value = [
            {"label": label, "score": score, "timestamp": (float(i), i + 1.0)}
            for i, dog in enumerate(scores)
            for label, score in (("dog", dog), ("cat", 1 - dog))
        ]
        return annotate(value, "audio-classification", SOUND, {})

    rows = compare(labelled(0.9, 0.8), labelled(0.9, 0.1)).spec["rows"]
    assert [(row["what"], row["left"], row["right"]) for row in rows] == [
        ("0:00.00 – 0:01.00", "dog", "dog"),
        ("0:01.00 – 0:02.00", "dog", "cat"),
    ]
    whole = annotate([{"label": "dog", "score": 0.5}], "audio-classification", SOUND, {})
    assert compare(whole, whole).spec["rows"] == [{"what": "dog", "left": "0.50", "right": "0.50", "same": True}]
