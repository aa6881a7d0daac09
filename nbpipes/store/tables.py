"""Files of rows: Parquet where pyarrow is installed, else compressed JSON lines. Each is there whole or not at all."""

import gzip
import json
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from nbpipes.errors import need


class Row(NamedTuple):
    """One row of a file. hash: of its item; key: the user's own; result, error: JSON, one of them None."""

    row: int
    hash: int
    key: str | None
    result: str | None
    error: str | None = None


def has_parquet() -> bool:
    """Whether Parquet can be written and read."""
    return find_spec("pyarrow") is not None


def write(stem: Path, rows: Sequence[Row]) -> Path:
    """Writes rows to the file `stem` with the fitting suffix, so that a reader never sees half of it; returns it."""
    path = stem.with_name(stem.name + (".parquet" if has_parquet() else ".jsonl.gz"))
    scratch = path.with_name(path.name + ".tmp")
    if has_parquet():
        arrow = need("pyarrow", "store")
        kinds = (arrow.int64(), arrow.int64(), arrow.string(), arrow.string(), arrow.string())
        columns = {
            name: arrow.array([row[i] for row in rows], type=kind)
            for i, (name, kind) in enumerate(zip(Row._fields, kinds, strict=True))
        }
        need("pyarrow.parquet", "store").write_table(arrow.table(columns), scratch, compression="zstd")
    else:
        with gzip.open(scratch, "wt", encoding="utf-8", compresslevel=1) as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with scratch.open("rb+") as file:
        os.fsync(file.fileno())
    scratch.replace(path)
    _sync_folder(path.parent)
    return path


def read(path: Path) -> list[Row]:
    """The rows of a file."""
    if path.name.endswith(".parquet"):
        table = need("pyarrow.parquet", "store").read_table(path)
        return [Row(*values) for values in zip(*(table[name].to_pylist() for name in Row._fields), strict=True)]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [Row(*json.loads(line)) for line in file]


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
