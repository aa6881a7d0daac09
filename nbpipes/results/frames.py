"""Results as pandas DataFrames whose columns and types depend on the task alone."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nbpipes.results.failures import Failure
from nbpipes.results.records import Record, Records
from nbpipes.results.tables import computed

TEXT, FLOAT, INTEGER, ANY = "string", "float64", "Int64", "object"
Row = dict[str, Any]


class Schema(NamedTuple):
    """Columns of a task's table with their dtypes, and what turns the result of one item into rows."""

    columns: dict[str, str]
    rows: Callable[[Any], Iterable[Row]]


def frame(result: Record | Records) -> pd.DataFrame:
    """Return one row per label, entity, answer or token of `result`.

    Column "row" is the index of the item in `result`; an item that failed has a row with the error in column "error",
    which is there only if one did. Columns that a task does not know, because a
    `postprocess` of the user's own added them, come after its own. Other tasks give one column per key.
    """
    items: list[Any] = list(result) if isinstance(result, Records) and result.batched else [result]
    schema = SCHEMAS.get(result.task, Schema({}, _records))
    rows = [{"row": index, **row} for index, item in enumerate(items) for row in _rows(schema, item)]
    more = {name: "" for row in rows for name in row if name not in schema.columns and name != "row"}
    columns = {"row": "int64", **schema.columns, **more}
    return pd.DataFrame({name: _column([row.get(name) for row in rows], columns[name]) for name in columns})


def _rows(schema: Schema, item: Any) -> Iterable[Row]:
    return [{"error": item.text}] if isinstance(item, Failure) else schema.rows(item)


def _column(values: list[Any], dtype: str) -> pd.Series:
    try:
        if dtype == "string":
            return pd.Series([None if value is None else str(value) for value in values], dtype=dtype)
        return pd.Series(values, dtype=dtype or (None if values else "object"))
    except (TypeError, ValueError, OverflowError):  # a user's own postprocess may put anything under a known key
        return pd.Series(values, dtype="object")


def _records(item: Any) -> Iterator[Row]:
    """Rows of a dict, a list of dicts or anything else, which gives a single column "value"."""
    if isinstance(item, dict):
        yield dict(item)
    elif isinstance(item, list):
        for entry in item:
            yield from _records(entry)
    elif item is not None:
        yield {"value": item}


def _entities(item: Any) -> Iterator[Row]:
    for row in _records(item):
        if "entity_group" in row:
            row["entity"] = row.pop("entity_group")
        yield row


def _candidates(item: Any) -> Iterator[Row]:
    masks = item if isinstance(item, list) and item and isinstance(item[0], list) else [item]
    for index, mask in enumerate(masks):
        for row in _records(mask):
            yield {"mask": index, **row}


def _found_cells(item: Any) -> Iterator[Row]:
    for row in _records(item):
        yield {**row, "value": computed(row)}


def _hypotheses(item: Any) -> Iterator[Row]:
    for record in _records(item):
        labels, scores = record.pop("labels", ()), record.pop("scores", ())
        record.pop("sequence", None)
        for label, score in zip(labels, scores, strict=True):
            yield {"label": label, "score": score, **record}


def _spoken(item: Any) -> Iterator[Row]:
    """The parts of a transcript that have times, else the whole text."""
    for record in _records(item):
        chunks = record.pop("chunks", None)
        if chunks is None:
            yield record
        for chunk in _records(chunks):
            times = chunk.pop("timestamp", None)
            start, end = times if isinstance(times, tuple | list) and len(times) == 2 else (None, None)
            yield {**chunk, "start": start, "end": end}


def _vectors(item: Any) -> Iterator[Row]:
    if item is None:
        return
    values = np.asarray(item, dtype=np.float32)
    for index, vector in enumerate(values.reshape(-1, values.shape[-1]) if values.size else ()):
        yield {"token": index, "vector": vector}


SCHEMAS = {
    "automatic-speech-recognition": Schema({"text": TEXT, "start": FLOAT, "end": FLOAT}, _spoken),
    "text-classification": Schema({"label": TEXT, "score": FLOAT}, _records),
    "token-classification": Schema(
        {"entity": TEXT, "score": FLOAT, "word": TEXT, "start": INTEGER, "end": INTEGER, "index": INTEGER},
        _entities,
    ),
    "table-question-answering": Schema(
        {"answer": TEXT, "aggregator": TEXT, "value": FLOAT, "cells": ANY, "coordinates": ANY}, _found_cells
    ),
    "question-answering": Schema({"answer": TEXT, "score": FLOAT, "start": INTEGER, "end": INTEGER}, _records),
    "document-question-answering": Schema({"answer": TEXT, "score": FLOAT, "start": INTEGER, "end": INTEGER}, _records),
    "fill-mask": Schema(
        {"mask": INTEGER, "token_str": TEXT, "score": FLOAT, "token": INTEGER, "sequence": TEXT}, _candidates
    ),
    "zero-shot-classification": Schema({"label": TEXT, "score": FLOAT}, _hypotheses),
    "feature-extraction": Schema({"token": INTEGER, "vector": ANY}, _vectors),
    "image-classification": Schema({"label": TEXT, "score": FLOAT}, _records),
    "image-segmentation": Schema({"label": TEXT, "score": FLOAT, "mask": ANY}, _records),
    "image-feature-extraction": Schema({"token": INTEGER, "vector": ANY}, _vectors),
    "zero-shot-image-classification": Schema({"label": TEXT, "score": FLOAT}, _records),
}
