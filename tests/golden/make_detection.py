"""Tiny checkpoints of every family that finds objects, and what the reference answers for pictures of several sizes."""

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact, randomise
from make_processors import PICTURES, opened
from make_tasks import plain
from make_vision import LABELS, settle
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageSegmentation,
    AutoModelForObjectDetection,
    PreTrainedModel,
    pipeline,
)
from truth import exactly

HERE = Path(__file__).parent
STAGES = [f"stage{i}" for i in range(1, 5)]
RESNET = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [16, 16, 24, 32],
    "depths": [1, 2, 1, 2],
    "out_features": STAGES,
}
BASIC = RESNET | {"layer_type": "basic", "hidden_sizes": [8, 8, 12, 16], "out_features": ["stage4"]}
SIZES = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 8,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 40,
    "num_queries": 9,
}
OWN_BACKBONE = {"use_timm_backbone": False, "backbone": None, "use_pretrained_backbone": False}
DETR = SIZES | OWN_BACKBONE | {"backbone_config": RESNET}
RT_DETR = {
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 8, 12, 16],
        "depths": [1, 2, 1, 1],
        "out_features": STAGES[1:],
    },
    "encoder_hidden_dim": 16,
    "encoder_in_channels": [8, 12, 16],
    "encoder_ffn_dim": 24,
    "encoder_attention_heads": 2,
    "d_model": 16,
    "num_queries": 9,
    "decoder_in_channels": [16, 16, 16],
    "decoder_ffn_dim": 24,
    "decoder_layers": 2,
    "decoder_n_points": 2,
    "decoder_attention_heads": 4,
    "num_denoising": 3,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "detr": DETR,
    "table-transformer": DETR | {"backbone_config": BASIC},
    "conditional_detr": DETR,
    "rt_detr": RT_DETR,
    "rt_detr_v2": RT_DETR,
    "yolos": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "image_size": [48, 80],
        "num_detection_tokens": 9,
    },
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "rt_detr": {
        "detection-basic": {
            "backbone_config": RT_DETR["backbone_config"]
            | {"layer_type": "basic", "hidden_sizes": [8, 8, 12, 12], "hidden_act": "silu"},
            "encoder_in_channels": [8, 12, 12],
            "hidden_expansion": 0.5,
            "encode_proj_layers": [1, 2],
            "activation_function": "relu",
            "num_denoising": 0,
        }
    },
    "yolos": {"detection-plain": {"use_mid_position_embeddings": False, "qkv_bias": False, "hidden_act": "gelu_new"}},
    "conditional_detr": {"detection-each": {"auxiliary_loss": True, "encoder_layers": 1, "decoder_layers": 3}},
    "detr": {
        "masks": {},
        "detection-learned": {
            "position_embedding_type": "learned",
            "activation_function": "gelu",
            "auxiliary_loss": True,
            "backbone_config": BASIC | {"hidden_act": "silu"},
        },
    },
}
EDGES = {"size": {"shortest_edge": 70, "longest_edge": 110}}
PROCESSORS: dict[str, dict[str, Any]] = {
    "detr": {"image_processor_type": "DetrImageProcessor"} | EDGES,
    "conditional_detr": {"image_processor_type": "ConditionalDetrImageProcessor"} | EDGES,
    "rt_detr": {"image_processor_type": "RTDetrImageProcessor", "size": {"height": 64, "width": 96}},
    "rt_detr_v2": {"image_processor_type": "RTDetrImageProcessor", "size": {"height": 96, "width": 96}},
    "yolos": {"image_processor_type": "YolosImageProcessor"} | EDGES,
    "table-transformer": {"feature_extractor_type": "DetrFeatureExtractor", "size": 64, "max_size": 90},
}
CLASSES = {"base": AutoModel, "detection": AutoModelForObjectDetection, "masks": AutoModelForImageSegmentation}
SEEDS = {
    "detr/detection": 26,
    "detr/detection-learned": 12,
    "table-transformer/detection": 1,
    "conditional_detr/base": 9,
    "conditional_detr/detection-each": 6,
    "rt_detr_v2/detection": 17,
}
"""Added to seeds, where the checks of answers have refused others."""
SEEN = ("square", "wide", "tall")
"""Pictures whose numbers are stored."""


def make_models(family: str) -> Iterator[Path]:
    """Write one folder for each head and variant of `family`, and yield it."""
    variants = VARIANTS.get(family, {})
    for name in ("base", "detection", *variants):
        folder, head = HERE / family / name, name.partition("-")[0]
        folder.mkdir(parents=True)
        settings = FAMILIES[family] | variants.get(name, {})
        if head != "base":
            settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)}}
        model = CLASSES[head].from_config(AutoConfig.for_model(family, **deepcopy(settings)))
        seed = crc32(f"{family}/{name}".encode()) + SEEDS.get(f"{family}/{name}", 0)
        randomise(model, seed)
        settle(model, seed)
        thaw(model, seed)
        model.half().save_pretrained(folder)
        compact(folder / "config.json")
        text = json.dumps(PROCESSORS[family]) + "\n"
        (folder / "preprocessor_config.json").write_text(text, encoding="utf-8")
        model = CLASSES[head].from_pretrained(folder, dtype=torch.float32).eval()
        save_file(exactly(model, partial(answers, model, folder)), folder / "objects.safetensors")
        yield folder


def thaw(model: PreTrainedModel, seed: int) -> None:
    """Weights for norms that are frozen, which count as buffers, and more difference between the objects."""
    noise = torch.Generator().manual_seed(seed + 2)
    for name, buffer in model.named_buffers():
        if name.endswith(".weight"):
            buffer.copy_(1 + 0.2 * torch.randn(buffer.shape, generator=noise))
        elif name.endswith(".bias"):
            buffer.copy_(0.3 * torch.randn(buffer.shape, generator=noise))
    for name, weight in model.named_parameters():
        if name.endswith(("query_position_embeddings.weight", "detection_tokens")):
            weight.data.mul_(8)
        elif ".sa_" in name or ".ca_" in name:
            weight.data.mul_(2.5)


@torch.no_grad()
def answers(model: PreTrainedModel, folder: Path) -> dict[str, Tensor]:
    """For some pictures the size of their pixels, and what the model says of them."""
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    saved: dict[str, Tensor] = {}
    for name in SEEN:
        pixels = processor(opened(PICTURES / f"{name}.png"), return_tensors="pt")["pixel_values"]
        output = model(pixel_values=pixels.to(model.dtype))
        found = {"hidden": output.last_hidden_state}
        if "pooler_output" in output:
            found["pooled"] = output.pooler_output
        if "logits" in output:
            found = {"logits": output.logits, "boxes": output.pred_boxes}
        if "pred_masks" in output:
            found["masks"] = output.pred_masks
        saved[f"{name}.size"] = torch.tensor(pixels.shape[2:])
        saved |= {f"{name}.{key}": value.contiguous() for key, value in found.items()}
    key = "hidden" if "square.hidden" in saved else "logits"
    values = torch.cat([saved[f"{name}.{key}"][:, -9:] for name in SEEN])
    if not 0.2 < values.std() < 4 or values.std(0).mean() < 0.02 or values.std(1).mean() < 0.05:
        raise ValueError(f"{folder}: the answers are too much alike")
    return saved


# ---------------------------------------------------------------------- the task


def cases() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Pictures, and keywords of the call."""
    yield "square", {}
    yield "turned", {"threshold": 0.15}
    yield ["wide", "tall", "square", "turned", "large"], {"threshold": 0.31}
    yield ["palette", "tiny"], {"threshold": 0.0}
    yield "grey", {"threshold": 1.0}


def make_tasks(family: str) -> None:
    """Write objects.json into the folder of `family`: its cases with the reference's results."""
    folder, made = HERE / family / "detection", []
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    pipe = pipeline("object-detection", model=str(folder), image_processor=processor, device="cpu", dtype=torch.float32)
    whole = pipe._get_bounding_box

    def far_from_whole(box: Tensor) -> dict[str, int]:
        if ((box - box.round()).abs() < 2e-4).any():
            raise ValueError(f"{folder}: a side of a box is too near to a whole number to be cut down reliably")
        return whole(box)

    pipe._get_bounding_box = far_from_whole
    for pictures, call in cases():
        result = pipe(named(pictures), **call)
        made.append({"pictures": pictures, "call": call, "result": plain(result)})
    lines = ",\n".join(json.dumps(case) for case in made)
    (HERE / family / "objects.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def named(pictures: Any) -> Any:
    """The paths of pictures."""
    return [named(one) for one in pictures] if isinstance(pictures, list) else str(PICTURES / f"{pictures}.png")


def make_detection(family: str) -> None:
    """Write everything of a family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    names = [made.name for made in make_models(family)]
    make_tasks(family)
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")
