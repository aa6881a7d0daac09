"""What nbpipes saves, transformers loads."""

from pathlib import Path

import pytest

import nbpipes

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
GOLDEN = Path(__file__).parents[1] / "golden"


def test_a_saved_pipeline_loads_in_transformers(tmp_path):
    ours = nbpipes.pipeline(
        "ner", model=GOLDEN / "bert" / "tokens", tokenizer=GOLDEN / "bert" / "tokenizer", ignore_labels=[]
    )
    ours.save_pretrained(tmp_path)
    theirs = transformers.pipeline("ner", model=str(tmp_path), dtype="float32", device="cpu", ignore_labels=[])
    text = "Sarah lives in Paris"
    assert [(one["entity"], one["start"], one["end"]) for one in ours(text)] == [
        (one["entity"], one["start"], one["end"]) for one in theirs(text)
    ]
