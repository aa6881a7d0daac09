"""Columns of datasets as items, as the documents use them."""

import reprlib
from typing import Any


class KeyDataset:
    """One column of a map-style dataset: `KeyDataset(dataset, "file")[i]` is `dataset[i]["file"]`."""

    def __init__(self, dataset: Any, key: str) -> None:
        self.dataset, self.key = dataset, key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index][self.key]


class KeyPairDataset:
    """Two columns of a map-style dataset as pairs of texts: `{"text": …, "text_pair": …}`."""

    def __init__(self, dataset: Any, key1: str, key2: str) -> None:
        self.dataset, self.key1, self.key2 = dataset, key1, key2

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.dataset[index]
        return {"text": row[self.key1], "text_pair": row[self.key2]}


def of_row(value: Any) -> str:
    """What to do with a row of a dataset that stands where an item should be: the end of an error, "" for others."""
    column = next(iter(value), None) if isinstance(value, dict) else None
    if not isinstance(column, str):
        return ""
    return f"; a row of a dataset has several columns: give one of them, KeyDataset(dataset, {reprlib.repr(column)})"
