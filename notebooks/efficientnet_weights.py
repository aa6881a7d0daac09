"""EfficientNet-Lite0 as Hugging Face stores an EfficientNet: names of weights, config, settings of the pixels."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from onnx_weights import Floats

ONE = 100.0
"""A bias whose sigmoid is exactly 1."""
WHOLE = {
    "_conv_stem": "efficientnet.embeddings.convolution",
    "_bn0": "efficientnet.embeddings.batchnorm",
    "_conv_head": "efficientnet.encoder.top_conv",
    "_bn1": "efficientnet.encoder.top_bn",
    "_fc": "classifier",
}
BLOCK = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}
PROCESSOR = {
    "image_processor_type": "EfficientNetImageProcessor",
    "size": {"height": 256, "width": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "image_mean": [127 / 255] * 3,
    "image_std": [128 / 255] * 3,
    "include_top": False,  # else the pixels would be divided by the spread a second time
}


def read(path: Path) -> dict[str, Floats]:
    """The weights of a file that torch wrote, under Hugging Face's names. Nothing in the file is run."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return renamed({name: values.float().numpy() for name, values in stored.items()})


def renamed(stored: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same weights under other names, and the gates that the Lite models lack and Hugging Face's always have."""
    made: dict[str, Floats] = {}
    for name, values in stored.items():
        part, _, rest = name.rpartition(".")
        if rest == "num_batches_tracked":
            continue
        place = re.fullmatch(r"_blocks\.(\d+)\.(\w+)", part)
        if place is None:
            made[f"{WHOLE[part]}.{rest}"] = values
            continue
        block = f"efficientnet.encoder.blocks.{place[1]}"
        # Without an expansion the first norm of a block is that of the depthwise convolution, and is called _bn1 too.
        made[f"{block}.{BLOCK[place[2]]}.{rest}"] = values
        if place[2] == "_depthwise_conv":
            outer = stored.get(f"_blocks.{place[1]}._expand_conv.weight", values).shape
            made |= dict(gate(f"{block}.squeeze_excite", len(values), outer[1] if outer[1] > 1 else len(values)))
    return made


def gate(name: str, inner: int, outer: int) -> Iterator[tuple[str, Floats]]:
    """A gate of `inner` channels that multiplies by 1. outer: channels before the block's expansion."""
    narrow = max(1, outer // 4)
    yield f"{name}.reduce.weight", np.zeros((narrow, inner, 1, 1), np.float32)
    yield f"{name}.reduce.bias", np.zeros(narrow, np.float32)
    yield f"{name}.expand.weight", np.zeros((inner, narrow, 1, 1), np.float32)
    yield f"{name}.expand.bias", np.full(inner, ONE, np.float32)


def config(folder: Path) -> dict[str, object]:
    """config.json. folder: where timm's files with the names of the classes are."""
    lemmas, synsets = (
        (folder / name).read_text(encoding="utf-8").splitlines()
        for name in ("imagenet_synset_to_lemma.txt", "imagenet_synsets.txt")
    )
    names = dict(line.split("\t", 1) for line in lemmas)
    labels = [names[synset.strip()] for synset in synsets]
    return {
        "architectures": ["EfficientNetForImageClassification"],
        "model_type": "efficientnet",
        "image_size": 224,
        "num_channels": 3,
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "depth_divisor": 8,
        "depthwise_padding": [],
        "in_channels": [32, 16, 24, 40, 80, 112, 192],
        "out_channels": [16, 24, 40, 80, 112, 192, 320],
        "kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "strides": [1, 2, 2, 2, 1, 2, 1],
        "expand_ratios": [1, 6, 6, 6, 6, 6, 6],
        "num_block_repeats": [1, 2, 2, 3, 3, 4, 1],
        "squeeze_expansion_ratio": 0.25,
        "hidden_act": "relu6",
        "hidden_dim": 1280,
        "pooling_type": "mean",
        "batch_norm_eps": 0.001,
        "id2label": {str(place): label for place, label in enumerate(labels)},
        "label2id": {label: place for place, label in enumerate(labels)},
        "torch_dtype": "float32",
    }
