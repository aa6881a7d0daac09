"""Tiny checkpoints of every family that reads images, image processors, and what the reference answers for pictures."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from make_models import compact, randomise
from make_tasks import plain
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    DeiTForImageClassificationWithTeacher,
    PreTrainedModel,
    pipeline,
)
from transformers.image_utils import load_image

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
SIDE = 32
LABELS = ("cat", "dog", "bird", "fish", "tree", "car", "house")
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "image_size": SIDE,
    "patch_size": 8,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "vit": SIZES,
    "deit": SIZES | {"architectures": ["DeiTForImageClassification"]},
    "dinov2": SIZES | {"mlp_ratio": 2},
    "convnext": {"hidden_sizes": [8, 12], "depths": [1, 2], "num_stages": 2, "layer_scale_init_value": 0.5},
    "resnet": {"embedding_size": 8, "hidden_sizes": [16, 24], "depths": [1, 2]},
    "efficientnet": {
        "width_coefficient": 0.1,
        "depth_coefficient": 1.2,
        "kernel_sizes": [3, 3, 5],
        "in_channels": [32, 16, 24],
        "out_channels": [16, 24, 32],
        "depthwise_padding": [2],
        "strides": [1, 2, 2],
        "num_block_repeats": [1, 2, 1],
        "expand_ratios": [1, 4, 2],
        "hidden_dim": 128,
    },
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "vit": {"image-biasless": {"qkv_bias": False, "image_size": [24, 40], "hidden_act": "gelu_new"}},
    "deit": {"image-teacher": {"architectures": ["DeiTForImageClassificationWithTeacher"]}},
    "dinov2": {"image-gated": {"use_swiglu_ffn": True, "image_size": 40, "use_mask_token": False}},
    "convnext": {"image-plain": {"layer_scale_init_value": 0.0, "hidden_act": "relu"}},
    "resnet": {
        "image-basic": {"layer_type": "basic", "downsample_in_first_stage": True},
        "image-early": {"downsample_in_bottleneck": True, "hidden_act": "gelu"},
    },
    "efficientnet": {"image-max": {"pooling_type": "max", "hidden_act": "relu6", "depthwise_padding": []}},
}
SMALL = {"height": SIDE, "width": SIDE}
PROCESSORS: dict[str, dict[str, Any]] = {
    "vit": {"image_processor_type": "ViTImageProcessor", "size": SMALL},
    "deit": {"image_processor_type": "DeiTImageProcessor", "size": {"height": 36, "width": 36}, "crop_size": SMALL},
    "dinov2": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 36}, "crop_size": SMALL},
    "convnext": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": SIDE}, "crop_pct": 0.9},
    "resnet": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": SIDE}},
    "efficientnet": {"image_processor_type": "EfficientNetImageProcessor", "size": SMALL, "do_center_crop": False},
}
"""Those that the tiny models use."""

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
RELEASED: dict[str, dict[str, Any]] = {
    "vit-base-patch16-224": {
        "do_normalize": True,
        "do_resize": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "size": 224,
        "feature_extractor_type": "ViTFeatureExtractor",
        "resample": 2,
    },
    "deit-base-distilled-patch16-224": {
        "crop_size": 224,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "DeiTFeatureExtractor",
        "resample": 3,
        "size": 256,
    }
    | IMAGENET,
    "beit-base-patch16-224": {
        "crop_size": 224,
        "do_center_crop": False,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "BeitFeatureExtractor",
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 2,
        "size": 224,
    },
    "convnext-tiny-224": {
        "crop_pct": 0.875,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "ConvNextFeatureExtractor",
        "resample": 3,
        "size": 224,
    }
    | IMAGENET,
    "convnext-base-384": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}} | IMAGENET,
    "dinov2-base": {
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "image_processor_type": "BitImageProcessor",
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": 256},
    }
    | IMAGENET,
    "clip-vit-base-patch32": {
        "crop_size": 224,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "size": 224,
    },
    "siglip-base-patch16-224": {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5] * 3,
        "image_processor_type": "SiglipImageProcessor",
        "image_std": [0.5] * 3,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 224, "width": 224},
    },
    "efficientnet-b0": {
        "crop_size": {"height": 289, "width": 289},
        "do_center_crop": False,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "EfficientNetImageProcessor",
        "image_std": [0.47853944, 0.4732864, 0.47434163],
        "include_top": True,
        "resample": 0,
        "rescale_offset": False,
        "size": {"height": 224, "width": 224},
    },
    "efficientnet-offset": {
        "image_processor_type": "EfficientNetImageProcessor",
        "do_center_crop": True,
        "rescale_factor": 1 / 127.5,
        "rescale_offset": True,
        "do_normalize": False,
    },
    "mobilenet_v2_1.0_224": {
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "image_mean": [0.5] * 3,
        "image_processor_type": "MobileNetV2ImageProcessor",
        "image_std": [0.5] * 3,
        "resample": 2,
        "size": {"shortest_edge": 256},
    },
    "detr-resnet-50": {
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "DetrFeatureExtractor",
        "format": "coco_detection",
        "max_size": 1333,
        "size": 800,
    }
    | IMAGENET,
    "plain": {"image_processor_type": "ViTImageProcessor", "do_resize": False, "do_rescale": False},
    "defaults": {"image_processor_type": "CLIPImageProcessor"},
}
"""As released models have them, from their preprocessor_config.json, and a few of their variants."""


# ---------------------------------------------------------------------- pictures


def make_pictures() -> None:
    """Small pictures of several shapes, smooth with noise, and some whose mode or turn needs care."""
    PICTURES.mkdir(exist_ok=True)
    shapes = {"square": (40, 40), "wide": (30, 47), "tall": (61, 33), "tiny": (9, 12), "large": (90, 150)}
    for name, (height, width) in shapes.items():
        Image.fromarray(picture(name, height, width)).save(PICTURES / f"{name}.png", optimize=True)
    base = Image.open(PICTURES / "wide.png")
    turn = Image.Exif()
    turn[0x0112] = 6  # a quarter to the right
    base.save(PICTURES / "turned.png", exif=turn)
    base.convert("L").save(PICTURES / "grey.png")
    base.quantize(16).save(PICTURES / "palette.png", transparency=3)
    seen = base.convert("RGBA")
    seen.putalpha(base.convert("L"))
    seen.save(PICTURES / "clear.png")


def picture(name: str, height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(crc32(name.encode()))
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(6 * (a * x + b * y) + c) for a, b, c in noise.uniform(-2, 2, (3, 3))]
    values = 128 + 80 * np.stack(waves, -1) + noise.normal(0, 8, (height, width, 3))
    return values.clip(0, 255).astype(np.uint8)


def pictures() -> list[Path]:
    return sorted(PICTURES.glob("*.png"))


def opened(path: Path) -> Image.Image:
    """The picture as the reference's pipelines read it."""
    return load_image(str(path))


# ---------------------------------------------------------------------- processors


def make_processors() -> None:
    """Pixels for each released config: some of each row and column, so that files stay small."""
    for name, raw in RELEASED.items():
        folder = HERE / "processors" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "preprocessor_config.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        saved: dict[str, Tensor] = {}
        for path in pictures():
            found = processor(opened(path), return_tensors="pt")
            pixels = found["pixel_values"][0]
            step = max(1, min(pixels.shape[1:]) // 12)
            saved[f"{path.stem}.pixels"] = pixels[:, ::step, ::step].contiguous().float()
            saved[f"{path.stem}.size"] = torch.tensor(pixels.shape[1:])
        save_file(saved, folder / "pixels.safetensors")


# ---------------------------------------------------------------------- models


def model_class(head: str, config: Any) -> Any:
    if "DeiTForImageClassificationWithTeacher" in (config.architectures or ()):
        return DeiTForImageClassificationWithTeacher
    return {"base": AutoModel, "image": AutoModelForImageClassification}[head]


def make_models(family: str) -> Iterator[Path]:
    """Write one folder for each head and variant of `family`, and yield it."""
    heads = ("base", "image")
    for name in (*heads, *VARIANTS.get(family, {})):
        folder, head = HERE / family / name, name.partition("-")[0]
        settings = FAMILIES[family] | VARIANTS.get(family, {}).get(name, {})
        if head == "image":
            settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)}}
        config = AutoConfig.for_model(family, **settings)
        kind = model_class(head, config)
        model = kind(config) if kind is DeiTForImageClassificationWithTeacher else kind.from_config(config)
        seed = crc32(f"{family}/{name}".encode())
        randomise(model, seed)
        settle(model, seed)
        model.half().save_pretrained(folder)
        compact(folder / "config.json")
        processor = PROCESSORS[family]
        if isinstance(size := settings.get("image_size"), list):
            processor = processor | {"size": {"height": size[0], "width": size[1]}}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor) + "\n", encoding="utf-8")
        model = kind.from_pretrained(folder, dtype=torch.float32).eval()
        save_file(answers(model, head, folder), folder / "pixels.safetensors")
        yield folder


def settle(model: PreTrainedModel, seed: int) -> None:
    """Statistics for batch norms, and small weights where many layers follow one another."""
    noise = torch.Generator().manual_seed(seed + 1)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(0.3 * torch.randn(buffer.shape, generator=noise))
        elif name.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=noise))
    for name, weight in model.named_parameters():
        if name.endswith(("cls_token", "distillation_token", "position_embeddings")):
            weight.data.copy_(0.5 * torch.randn(weight.shape, generator=noise))


@torch.no_grad()
def answers(model: PreTrainedModel, head: str, folder: Path) -> dict[str, Tensor]:
    """For some pictures their pixels, and what the model says of them."""
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    saved: dict[str, Tensor] = {}
    for path in pictures()[:3]:
        pixels = processor(opened(path), return_tensors="pt")["pixel_values"]
        output = model(pixels)
        if head == "image":
            found = {"logits": output.logits}
        else:
            found = {"hidden": output.last_hidden_state, "pooled": output.pooler_output}
        saved[f"{path.stem}.pixel_values"] = pixels.contiguous()
        # Copies, because a pooled state may lie inside the hidden ones.
        saved |= {f"{path.stem}.{name}": value.contiguous().clone() for name, value in found.items()}
    names = [name for name in saved if not name.endswith("pixel_values")]
    spread = torch.cat([saved[name].flatten() for name in names]).std()
    if not 0.1 < spread < 4:
        raise ValueError(f"{folder}: outputs have a spread of {spread:.2f}")
    return saved


# ---------------------------------------------------------------------- tasks


def cases() -> Iterator[tuple[str, dict[str, Any], list[Any], dict[str, Any]]]:
    """Task, keywords of pipeline(), positional arguments (names of pictures), keywords of the call."""
    some, every = ["square", "wide", "turned"], [path.stem for path in pictures()]
    label = "image-classification"
    yield label, {}, ["square"], {}
    yield label, {}, [every], {"top_k": 2}
    yield label, {"batch_size": 3}, [every], {"top_k": 1}
    yield label, {}, [["tall"]], {"top_k": 100}
    yield label, {"top_k": 3}, [some], {"function_to_apply": "sigmoid"}
    yield label, {"function_to_apply": "none"}, ["tiny"], {}
    features = "image-feature-extraction"
    yield features, {}, ["wide"], {}
    yield features, {}, [some], {"pool": True}


def make_tasks(family: str) -> None:
    """Write images.json into the folder of `family`: its cases with the reference's results."""
    made = []
    for task, construct, args, call in cases():
        folder = HERE / family / ("image" if task == "image-classification" else "base")
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        pipe = pipeline(
            task, model=str(folder), image_processor=processor, device="cpu", dtype=torch.float32, **construct
        )
        paths = [named(arg) for arg in args]
        result = pipe(*paths, **call)
        made.append({"task": task, "construct": construct, "args": args, "call": call, "result": plain(result)})
    lines = ",\n".join(json.dumps(case) for case in made)
    (HERE / family / "images.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def named(arg: Any) -> Any:
    """The paths of pictures."""
    return [named(one) for one in arg] if isinstance(arg, list) else str(PICTURES / f"{arg}.png")


def make_vision(family: str) -> None:
    """Write everything of a family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    names = [made.name for made in make_models(family)]
    make_tasks(family)
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")
