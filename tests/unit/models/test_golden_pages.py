"""Models that look at a page beside its words answer about the words as transformers does."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.processing.batch import Chunk, pack

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = {f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in GOLDEN.glob("*/*/seen.safetensors")}


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_numbers_equal_those_of_transformers(name):
    folder = FOLDERS[name]
    model = load_model(Repo(folder), [Head(folder.name)], task="test")
    tensors = load_file(folder / "seen.safetensors")
    lengths = tensors["attention_mask"].sum(1).tolist()
    chunks = [
        Chunk({part: tensors[part][row, :length].tolist() for part in ("input_ids", "bbox")}, size=length)
        for row, length in enumerate(lengths)
    ]
    batch = pack(chunks, torch.device("cpu"))
    with torch.inference_mode():
        found = model(**batch.inputs, pixel_values=tensors["pixel_values"])
    for part in {"hidden", "logits", "start", "end"} & set(tensors):
        torch.testing.assert_close(found[part], tensors[part], atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="pages of 32 × 32 pixels, not 30 × 32"), torch.inference_mode():
        model(**batch.inputs, pixel_values=tensors["pixel_values"][:, :, :30])


def test_there_are_some():
    assert FOLDERS
