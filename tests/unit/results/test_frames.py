"""DataFrames of results: columns by task, rows by entity, label, answer or token."""

import random
import string
from typing import Any

import numpy as np
import pytest

from nbpipes.results import annotate, annotate_batch
from nbpipes.results.frames import SCHEMAS

ENTITY = {"entity": "B-PER", "score": 0.9, "index": 1, "word": "Ann", "start": 0, "end": 3}
GROUP = {"entity_group": "PER", "score": 0.9, "word": "Ann", "start": 0, "end": 3}
ANSWER = {"score": 0.5, "start": 2, "end": 4, "answer": "so"}
CANDIDATE = {"score": 0.5, "token": 7, "token_str": "so", "sequence": "so it is"}
ONE = {
    "text-classification": {"label": "A", "score": 0.5},
    "token-classification": [GROUP],
    "question-answering": ANSWER,
    "fill-mask": [CANDIDATE],
    "zero-shot-classification": {"sequence": "x", "labels": ["a", "b"], "scores": [0.7, 0.3]},
    "feature-extraction": [[[0.0, 1.0], [2.0, 3.0]]],
    "image-classification": [{"label": "A", "score": 0.5}],
    "image-feature-extraction": [[[0.0, 1.0], [2.0, 3.0]]],
    "zero-shot-image-classification": [{"label": "A", "score": 0.5}],
    "image-segmentation": [{"label": "A", "score": 0.5, "mask": "a picture"}],
    "document-question-answering": [ANSWER],
    "automatic-speech-recognition": {"text": "So it is", "chunks": [{"text": "So it is", "timestamp": (0.0, 1.5)}]},
    "table-question-answering": {"answer": "a", "coordinates": [(0, 1)], "cells": ["4"], "aggregator": "SUM"},
}
COLUMNS = {
    "text-classification": ["row", "label", "score"],
    "token-classification": ["row", "entity", "score", "word", "start", "end", "index"],
    "question-answering": ["row", "answer", "score", "start", "end"],
    "fill-mask": ["row", "mask", "token_str", "score", "token", "sequence"],
    "zero-shot-classification": ["row", "label", "score"],
    "feature-extraction": ["row", "token", "vector"],
    "image-classification": ["row", "label", "score"],
    "image-feature-extraction": ["row", "token", "vector"],
    "zero-shot-image-classification": ["row", "label", "score"],
    "image-segmentation": ["row", "label", "score", "mask"],
    "document-question-answering": ["row", "answer", "score", "start", "end"],
    "automatic-speech-recognition": ["row", "text", "start", "end"],
    "table-question-answering": ["row", "answer", "aggregator", "value", "cells", "coordinates"],
}


def test_every_task_is_here() -> None:
    assert SCHEMAS.keys() == ONE.keys() == COLUMNS.keys()


@pytest.mark.parametrize("task", ONE)
def test_columns_and_types_do_not_depend_on_the_rows(task: str) -> None:
    full = annotate(ONE[task], task, "x", {}).to_df()
    batch = annotate_batch([ONE[task], ONE[task]], task, ["x", "y"], {}).to_df()
    empty = annotate([], task, "x", {}).to_df()
    none = annotate_batch([], task, [], {}).to_df()
    for frame in (full, batch, empty, none):
        assert frame.columns.tolist() == COLUMNS[task]
        assert frame.dtypes.tolist() == full.dtypes.tolist()
    assert len(empty) == len(none) == 0
    assert len(batch) == 2 * len(full)
    assert batch["row"].tolist() == [0] * len(full) + [1] * len(full)


def test_row_is_the_index_of_the_item() -> None:
    frame = annotate_batch([[GROUP], [], [GROUP, GROUP]], "token-classification", ["a", "b", "c"], {}).to_df()
    assert frame["row"].tolist() == [0, 2, 2]
    assert frame.loc[0, "entity"] == "PER"
    assert frame["index"].isna().all()


def test_entities_of_every_strategy_share_a_column() -> None:
    frame = annotate_batch([[ENTITY], [GROUP]], "token-classification", ["a", "b"], {}).to_df()
    assert frame["entity"].tolist() == ["B-PER", "PER"]


def test_top_k_gives_a_row_each() -> None:
    labels = [{"label": "A", "score": 0.7}, {"label": "B", "score": 0.3}]
    frame = annotate_batch([labels, labels], "text-classification", ["a", "b"], {}).to_df()
    assert frame["label"].tolist() == ["A", "B", "A", "B"]
    assert frame["row"].tolist() == [0, 0, 1, 1]


def test_several_masks() -> None:
    frame = annotate([[CANDIDATE, CANDIDATE], [CANDIDATE]], "fill-mask", "x", {}).to_df()
    assert frame["mask"].tolist() == [0, 0, 1]
    assert frame["row"].tolist() == [0, 0, 0]


def test_zero_shot_labels() -> None:
    task = "zero-shot-classification"
    frame = annotate_batch([ONE[task], ONE[task]], task, ["x", "y"], {}).to_df()
    assert frame["label"].tolist() == ["a", "b", "a", "b"]
    assert frame["score"].tolist() == [0.7, 0.3, 0.7, 0.3]


def test_vectors() -> None:
    frame = annotate(ONE["feature-extraction"], "feature-extraction", "x", {}).to_df()
    assert frame["token"].tolist() == [0, 1]
    assert [vector.tolist() for vector in frame["vector"]] == [[0.0, 1.0], [2.0, 3.0]]
    assert annotate([0.0, 1.0], "feature-extraction", "x", {}).to_df()["vector"].map(len).tolist() == [2]
    mixed = annotate_batch([np.ones((1, 3, 2)), [[[0.0, 1.0]]]], "feature-extraction", ["x", "y"], {})
    assert mixed.to_df()["row"].tolist() == [0, 0, 0, 1]


def test_transcripts_with_times_and_without() -> None:
    task = "automatic-speech-recognition"
    words = [{"text": " So", "timestamp": (0.0, 0.5)}, {"text": " it", "timestamp": (0.5, None)}]
    frame = annotate_batch([{"text": " So it", "chunks": words}, {"text": " No."}], task, ["x", "y"], {}).to_df()
    assert frame["row"].tolist() == [0, 0, 1]
    assert frame["text"].tolist() == [" So", " it", " No."]
    assert frame["start"].tolist()[:2] == [0.0, 0.5]
    assert frame["end"].isna().tolist() == [False, True, True]


def test_one_record_of_many() -> None:
    assert annotate([GROUP, GROUP], "token-classification", "x", {})[0].to_df()["word"].tolist() == ["Ann"]


@pytest.mark.parametrize("score", ["99%", None, 10**400], ids=["text", "none", "huge"])
def test_what_a_users_postprocess_puts_there_is_kept(score: Any) -> None:
    frame = annotate([{"label": "A", "score": score, "note": "hm"}], "text-classification", "x", {}).to_df()
    assert frame.columns.tolist() == ["row", "label", "score", "note"]
    assert frame["note"].tolist() == ["hm"]
    if score is not None:
        assert frame["score"].tolist() == [score]


def test_missing_offsets() -> None:
    frame = annotate([{**GROUP, "start": None, "end": None}], "token-classification", "x", {}).to_df()
    assert frame["start"].isna().all()
    assert frame["start"].dtype == "Int64"


def test_a_task_of_the_users_own() -> None:
    frame = annotate_batch([{"a": 1, "b": "x"}, {"a": 2}, 5], "mine", ["x", "y", "z"], {}).to_df()
    assert frame.columns.tolist() == ["row", "a", "b", "value"]
    assert frame["row"].tolist() == [0, 1, 2]


def test_many_rows_in_time() -> None:
    words = ["".join(random.choices(string.ascii_letters, k=6)) for _ in range(20_000)]
    result = annotate([{**GROUP, "word": word} for word in words], "token-classification", "x", {})
    assert result.to_df()["word"].tolist() == words
