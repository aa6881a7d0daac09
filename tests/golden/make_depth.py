"""Tiny checkpoints of the families that estimate depths, and what the reference answers for pictures."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from make_models import compact, randomise
from make_processors import IMAGENET, PICTURES, opened, pictures
from make_vision import settle
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForDepthEstimation, pipeline
from truth import exactly

HERE = Path(__file__).parent
SIDE = 32
"""Pixels of images in training, where a variant does not say otherwise."""
WIDTHS = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "patch_size": 8}
DINOV2 = WIDTHS | {
    "model_type": "dinov2",
    "mlp_ratio": 2,
    "image_size": 32,
    "layerscale_value": 0.5,
    "reshape_hidden_states": False,
    "out_indices": [1, 2, 3, 4],
}
NECK = {"neck_hidden_sizes": [4, 6, 8, 6], "fusion_hidden_size": 8}
BIT = {"model_type": "bit", "layer_type": "bottleneck", "embedding_size": 4, "hidden_sizes": [8, 8, 16]} | {
    "depths": [2, 1, 1],
    "num_groups": 2,
    "out_features": ["stage1", "stage2", "stage3"],
}
SAME = BIT | {"global_padding": "same", "embedding_dynamic_padding": True}
HYBRID = {"is_hybrid": True, "neck_hidden_sizes": [8, 8, 6, 6], "backbone_featmap_shape": [1, 16, 2, 2]} | {
    "reassemble_factors": [1, 1, 1, 0.5],
    "image_size": 48,
    "patch_size": 16,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "depth_anything": NECK
    | {"backbone_config": DINOV2, "patch_size": 8, "reassemble_hidden_size": 16}
    | {"head_hidden_size": 4},
    "dpt": NECK | WIDTHS | {"intermediate_size": 24, "image_size": 32, "backbone_out_indices": [0, 1, 2, 3]},
    "glpn": {
        "hidden_sizes": [4, 8, 12, 16],
        "num_attention_heads": [1, 2, 2, 2],
        "depths": [1, 2, 1, 1],
        "mlp_ratios": [2, 2, 2, 2],
        "decoder_hidden_size": 8,
    },
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "depth_anything": {
        "depth-metric": {
            "depth_estimation_type": "metric",
            "max_depth": 20,
            "head_in_index": 2,
            "backbone_config": DINOV2 | {"apply_layernorm": False, "out_indices": [1, 2, 4]},
            "neck_hidden_sizes": [4, 6, 8],
            "reassemble_factors": [2, 1, 0.5],
        },
    },
    "dpt": {
        "base-hybrid": HYBRID | {"backbone_config": SAME},
        "depth-hybrid": HYBRID | {"backbone_config": SAME},
        "depth-even": HYBRID | {"backbone_config": BIT | {"hidden_act": "gelu"}, "image_size": 32},
        "depth-added": {"readout_type": "add", "use_batch_norm_in_fusion_residual": True, "qkv_bias": False},
        "depth-dinov2": {"backbone_config": DINOV2, "readout_type": "ignore", "use_bias_in_fusion_residual": False},
    },
    "glpn": {"depth-near": {"max_depth": 3, "decoder_hidden_size": 12}},
}
PROCESSORS: dict[str, dict[str, Any]] = {
    "depth_anything": {
        "image_processor_type": "DPTImageProcessor",
        "size": {"height": 24, "width": 24},
        "ensure_multiple_of": 8,
        "keep_aspect_ratio": True,
    }
    | IMAGENET,
    "dpt": {"image_processor_type": "DPTImageProcessor", "size": {"height": 32, "width": 32}},
    "glpn": {"image_processor_type": "GLPNImageProcessor", "size_divisor": 32},
}
NEAR = ["clear", "square", "tall", "turned"]
SOME = {"glpn": ["large", "tall", "square"]}
"""Pictures of the cases; GLPN's reference cannot read small ones."""


def heads_of(family: str) -> dict[str, dict[str, Any]]:
    variants = VARIANTS[family]
    return {name: FAMILIES[family] | variants.get(name, {}) for name in ("base", "depth", *variants)}


def make_models(family: str) -> Iterator[Path]:
    """Write one folder for each head and variant of `family`, and yield it."""
    for name, settings in heads_of(family).items():
        folder, head = HERE / family / name, name.partition("-")[0]
        folder.mkdir(parents=True)
        config = AutoConfig.for_model(family, **settings)
        bare = head == "base" and family != "depth_anything"  # which is no AutoModel
        kind: Any = AutoModel if bare else AutoModelForDepthEstimation
        model = kind.from_config(config)
        seed = crc32(f"{family}/{name}".encode())
        randomise(model, seed)
        settle(model, seed)
        lift(model)
        kept = {key: value for key, value in model.half().state_dict().items() if head != "base" or not is_head(key)}
        model.save_pretrained(folder, state_dict=kept)
        compact(folder / "config.json")
        processor, side = PROCESSORS[family], settings.get("image_size", SIDE)
        if side != SIDE:
            processor = processor | {"size": {"height": side, "width": side}}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor) + "\n", encoding="utf-8")
        save_file(exactly(model.float().eval(), partial(answers, model, head, folder)), folder / "pixels.safetensors")
        yield folder


def is_head(name: str) -> bool:
    return name.startswith(("neck.", "head."))


@torch.no_grad()
def lift(model: Any) -> None:
    """Depths above zero, which the last activation would cut off, with a spread of about one."""
    last = [weight for name, weight in model.named_parameters() if name.startswith(("head.conv3", "head.head.4"))]
    for weight in last:
        weight.abs_()
    if last:
        side = getattr(model.config, "image_size", SIDE)
        noise = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
        spread = model.eval()(noise).predicted_depth.std()
        for weight in last:
            weight.div_(spread)


@torch.no_grad()
def answers(model: Any, head: str, folder: Path) -> dict[str, Tensor]:
    """For some pictures their pixels, and what the model says of them."""
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    saved: dict[str, Tensor] = {}
    for name in SOME.get(model.config.model_type, NEAR)[-2:]:
        pixels = processor(opened(PICTURES / f"{name}.png"), return_tensors="pt")["pixel_values"]
        seen = pixels.to(model.dtype)
        if head == "depth":
            found = {"depth": model(seen).predicted_depth}
        elif model.config.model_type == "depth_anything":
            found = {"hidden": model.backbone(seen).feature_maps[-1]}
        else:
            output = model(seen)
            found = {"hidden": output.last_hidden_state, "pooled": output.get("pooler_output")}
        saved[f"{name}.pixel_values"] = pixels.contiguous()
        saved |= {f"{name}.{key}": value.contiguous().clone() for key, value in found.items() if value is not None}
    values = torch.cat([saved[name].flatten() for name in saved if not name.endswith("pixel_values")])
    if not 0.05 < values.std() < 5 or (head == "depth" and (values <= 0).float().mean() > 0.3):
        raise ValueError(f"{folder}: outputs have a spread of {values.std():.2f}, least {values.min():.2f}")
    return saved


def make_tasks(family: str) -> None:
    """Write depths.safetensors into the folder of `family`: "case.picture.name" for two batch sizes."""
    folder = HERE / family / "depth"
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    pipe = pipeline("depth-estimation", model=str(folder), image_processor=processor, device="cpu", dtype=torch.float32)
    saved: dict[str, Tensor] = {}
    for name in SOME.get(family, [path.stem for path in pictures() if path.stem != "large"]):
        result = pipe(str(PICTURES / f"{name}.png"))
        saved[f"{name}.predicted_depth"] = result["predicted_depth"].contiguous()
        saved[f"{name}.depth"] = torch.from_numpy(np.asarray(result["depth"]).copy())
    save_file(saved, HERE / family / "depths.safetensors")


def make_depth(family: str) -> None:
    """Write everything of a family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    names = [made.name for made in make_models(family)]
    make_tasks(family)
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")
