"""A GGUF file as the folder that it was made of."""

import json
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

from nbpipes.hub.gguf.documents import config, generation_config
from nbpipes.hub.gguf.reader import GgufFile
from nbpipes.hub.gguf.vocabulary import documents
from nbpipes.hub.remote import Absent

WEIGHTS = "model.gguf"
"""The name under which the weights are asked for, whatever the file is called."""


class Unpacked:
    """The files of a folder that a GGUF file holds the content of; each is written when it is asked for, and all are
    gone with this object. Nothing is read before."""

    commit = None

    def __init__(self, path: Path) -> None:
        self.name = path.resolve().name
        self.path = path
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __str__(self) -> str:
        return f"file {str(self.path)!r}"

    def find(self, name: str) -> Path:
        """Return where file `name` lies; Absent where it does not."""
        if name == WEIGHTS:
            return self.path
        if name not in self._documents:
            raise Absent(name)
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="nbpipes-gguf-")
        path = Path(self._scratch.name) / name
        if not path.exists():
            content = self._documents[name]
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def names(self) -> list[str]:
        """Return the names of all files."""
        return [WEIGHTS, *self._documents]

    @cached_property
    def _documents(self) -> dict[str, Any]:
        file = GgufFile(self.path)
        main = config(file)
        return {
            "config.json": main,
            "generation_config.json": generation_config(file),
            **documents(file.metadata, main.get("max_position_embeddings")),
        }
