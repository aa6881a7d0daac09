"""A pipeline whose model does next to nothing, and that counts what it computes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.models.outputs import Logits
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.store import tables


class Lengths(Pipeline[Options]):
    """The length of each text. bad: whether one fails. seen: the texts that were computed."""

    kind = "lengths"

    def __init__(self, bad: Callable[[str], bool] = lambda text: False) -> None:
        super().__init__(nn.Linear(1, 1), device="cpu")
        self.bad, self.seen = bad, list[str]()

    def is_item(self, value: Any) -> bool:
        return isinstance(value, str | dict)

    def preprocess(self, item: Any, options: Options | None = None) -> Iterator[Chunk]:
        text = item["text"] if isinstance(item, dict) else item
        if self.bad(text):
            raise ValueError(f"{text!r} is bad")
        yield Chunk({}, note=text, size=1 + len(text))

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        self.seen += [chunk.note for chunk in chunks]
        return Batch({"lengths": torch.tensor([[len(chunk.note)] for chunk in chunks])}, (1,) * len(chunks))

    def _forward(self, inputs: Any, options: Options) -> Logits:
        return Logits(inputs["lengths"])

    def postprocess(self, outputs: Sequence[ChunkOutput], options: Options | None = None) -> dict[str, Any]:
        return {"text": outputs[0].chunk.note, "length": int(outputs[0].output.logits[0])}


@pytest.fixture
def lengths() -> type[Lengths]:
    return Lengths


@pytest.fixture(params=[("sqlite", True), ("sqlite", False), ("shards", True), ("shards", False)], ids=str)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of store, on a machine with pyarrow (which the tests need) and on one without."""
    kind, parquet = request.param
    monkeypatch.setattr(tables, "has_parquet", lambda: parquet)
    return kind
