"""Tiny real checkpoints for tests that run whole pipelines."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

GOLDEN = Path(__file__).parents[1] / "golden"
POSITIONS = 600


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a tiny BERT with a head of the given kind, its tokenizer beside it, for up to 600 tokens."""
    made: dict[str, Path] = {}

    def folder(head: str) -> Path:
        if head not in made:
            made[head] = build(tmp_path_factory.mktemp("tiny") / head, head)
        return made[head]

    return folder


def build(folder: Path, head: str) -> Path:
    """Copies a golden BERT and gives it more positions."""
    shutil.copytree(GOLDEN / "bert" / head, folder, ignore=shutil.ignore_patterns("cases*"))
    shutil.copytree(GOLDEN / "bert" / "tokenizer", folder, dirs_exist_ok=True)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("position_embeddings.weight"):
            draw = torch.Generator().manual_seed(0)
            tensors[name] = torch.randn(POSITIONS, tensor.shape[1], generator=draw)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": POSITIONS}))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | {"model_max_length": POSITIONS}))
    return folder
