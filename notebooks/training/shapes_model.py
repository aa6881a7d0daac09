"""From a config of nbpipes to a model that can be trained, and from there to a folder in the Hub's layout."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from nbpipes.hub.config import Config
from nbpipes.layers.conv import BatchNorm
from nbpipes.models.family import Family, Model
from nbpipes.models.heads import Head


def trainable(family: Family, config: Mapping[str, Any], kind: Head) -> Model:
    """A model with first values. nbpipes' own norms compute by stored statistics; here they gather them."""
    model = family.build(read(family, config), kind).to_empty(device="cpu")
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, BatchNorm):
                setattr(module, name, nn.BatchNorm2d(len(child.weight), child.eps))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            reach = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2 / reach))
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
            module.reset_parameters()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return model.to(memory_format=torch.channels_last).train()  # in which convolutions take a quarter less time


def read(family: Family, config: Mapping[str, Any]) -> Config:
    return family.config.read(dict(config))


FROZEN = "trunk.backbone."
"""Where RT-DETRs in transformers have norms that never learn, and do not count what they have seen."""


def write(model: Model, family: Family, config: Mapping[str, Any], processor: Mapping[str, Any], folder: Path) -> None:
    """Writes weights in half precision under the names that checkpoints of the family have, and the settings."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        family.origin(name, model.kind): (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
        if not (name.startswith(FROZEN) and name.endswith("num_batches_tracked"))
    }
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    for name, content in (("config.json", config), ("preprocessor_config.json", processor)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
