"""One writer for a run's folder: a lock that the system takes back when the process ends, however it ends."""

import json
import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from nbpipes.errors import StoreError

WRITER = "writer.json"


class Lease:
    """The right to write to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Taken by the thread that starts a job, given back by the job's own.
        self._lock = FileLock(folder / "run.lock", thread_local=False)

    def take(self) -> None:
        """Becomes the writer; StoreError that says who is it if another process, or another job, is."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(f"{self.folder} is being written to{_whom(self.folder)}: {REMEDY}") from None
        now = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        (self.folder / WRITER).write_text(json.dumps(now), encoding="utf-8")

    def give_back(self) -> None:
        """Is the writer no more."""
        self._lock.release()


REMEDY = "stop that job first, or read along with nbpipes.Run(folder)"


def _whom(folder: Path) -> str:
    try:
        writer = json.loads((folder / WRITER).read_text("utf-8"))
        return f" by process {writer['pid']} on {writer['host']}, since {writer['since']}"
    except (OSError, ValueError, KeyError):
        return ""
