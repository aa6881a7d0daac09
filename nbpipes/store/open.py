"""Opening a run's folder for writing: which kind of store it is, and whether what is there can be gone on with."""

import logging
import shutil
from pathlib import Path
from typing import Any

from nbpipes.errors import InputError, StoreError, nearest
from nbpipes.store.ledger import Key, key_name
from nbpipes.store.reader import DATABASE, SHARDS, Reader
from nbpipes.store.shards import MANIFEST, ShardReader, ShardStore
from nbpipes.store.sqlite import SqliteStore

log = logging.getLogger(__name__)
NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.gcsfuse", "fuse.s3fs", "9p", "lustre", "gpfs", "afs", "fuse.drive")
"""Kinds of file systems on which SQLite's write-ahead log is not safe."""
KINDS = ("auto", "sqlite", "shards")


def open_store(
    path: Path, about: dict[str, Any], *, key: Key = None, resume: bool | str = True, kind: str = "auto"
) -> SqliteStore | ShardStore:
    """The store of a run, made if need be and ready to be opened.

    about: what the results depend on; StoreError if those in the folder come from something else.
    resume: False for a folder without results, "restart" to drop them. kind: "sqlite", "shards", "auto".
    """
    if kind not in KINDS:
        raise InputError(f"store must be {', '.join(map(repr, KINDS))}, not {kind!r}{nearest(str(kind), KINDS)}")
    if resume not in (True, False, "restart"):
        raise InputError(f"resume must be True, False or 'restart', not {resume!r}")
    if path.exists() and not path.is_dir():
        raise StoreError(f"{path} is a file; a run needs a folder")
    path.mkdir(parents=True, exist_ok=True)
    about = about | {"key": key_name(key)}
    old = reader_of(path)
    if old is not None:
        _check(path, old, about, resume)
    if kind == "auto":
        kind = ("shards" if isinstance(old, ShardReader) else "sqlite") if old is not None else _fitting(path)
    store = ShardStore(path, about, key) if kind == "shards" else SqliteStore(path, about, key)
    if old is not None and resume == "restart":
        store.lease.take()
        _empty(path)
        store.lease.give_back()
    elif old is not None and isinstance(old, ShardReader) != (kind == "shards"):
        raise StoreError(f"{path} holds a run of another kind; leave store= out, or name another folder")
    return store


def reader_of(path: Path) -> Reader | ShardReader | None:
    """What reads the run in a folder; None where there is none."""
    if (path / DATABASE).exists() and (found := Reader(path)).begun():
        return found
    return ShardReader(path) if (path / MANIFEST).exists() else None


def _check(path: Path, old: Reader | ShardReader, about: dict[str, Any], resume: bool | str) -> None:
    if resume == "restart":
        return
    there, counts = old.described(), old.counts()
    rows = counts["done"] + counts["failed"]
    if not rows:
        return
    if resume is False:
        raise StoreError(f"{path} holds {rows:,} rows; name another folder, or pass resume=True or resume='restart'")
    differing = [name for name in {**there, **about} if there.get(name) != about.get(name)]
    if differing:
        said = "; ".join(f"{name} was {there.get(name)!r}, is {about.get(name)!r}" for name in differing)
        raise StoreError(
            f"{path} holds results of another pipeline ({said[:500]}); name another folder, or pass resume='restart'"
        )
    log.warning("%s holds %s rows, which are skipped where their items are unchanged", path, f"{rows:,}")


def _empty(path: Path) -> None:
    shutil.rmtree(path / SHARDS, ignore_errors=True)
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", MANIFEST):
        (path / name).unlink(missing_ok=True)


def _fitting(path: Path) -> str:
    """The kind of store for a place."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "sqlite"
    best, kind = "", ""
    for line in mounts.read_text("utf-8", "replace").splitlines():
        _, place, found, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if path.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return "shards" if kind.startswith(NETWORK) else "sqlite"
