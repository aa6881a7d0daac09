"""Small pictures, and the pixels that the reference's image processors make of them."""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoImageProcessor
from transformers.image_utils import load_image

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
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
    "dpt-large": {
        "do_normalize": True,
        "do_resize": True,
        "ensure_multiple_of": 1,
        "feature_extractor_type": "DPTFeatureExtractor",
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "keep_aspect_ratio": False,
        "resample": 2,
        "size": 384,
    },
    "dpt-dinov2-small-nyu": {
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": False,
        "do_resize": False,
        "image_mean": [123.675, 116.28, 103.53],
        "image_processor_type": "DPTImageProcessor",
        "image_std": [58.395, 57.12, 57.375],
        "size_divisor": 14,
    },
    "depth-anything-small-hf": {
        "do_normalize": True,
        "do_pad": False,
        "do_rescale": True,
        "do_resize": True,
        "ensure_multiple_of": 14,
        "image_processor_type": "DPTImageProcessor",
        "keep_aspect_ratio": True,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 518, "width": 518},
        "size_divisor": None,
    }
    | IMAGENET,
    "glpn-nyu": {
        "do_rescale": True,
        "do_resize": True,
        "feature_extractor_type": "GLPNFeatureExtractor",
        "resample": 2,
        "size_divisor": 32,
    },
    "segformer-b0-finetuned-ade-512-512": {
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "SegformerFeatureExtractor",
        "reduce_labels": True,
        "resample": 2,
        "size": 512,
    }
    | IMAGENET,
    "maskformer-swin-base-ade": {
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "MaskFormerFeatureExtractor",
        "ignore_index": 255,
        "max_size": 2560,
        "reduce_labels": True,
        "resample": 2,
        "size": 640,
        "size_divisibility": 32,
    }
    | IMAGENET,
    "mask2former-swin-tiny-coco-instance": {
        "_max_size": 1333,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "ignore_index": 255,
        "image_processor_type": "Mask2FormerImageProcessor",
        "num_labels": 80,
        "reduce_labels": False,
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 384, "width": 384},
        "size_divisor": 32,
    }
    | IMAGENET,
    "mask2former-short": {
        "image_processor_type": "Mask2FormerImageProcessor",
        "size": {"shortest_edge": 50, "longest_edge": 70},
        "size_divisor": 16,
    },
    "conditional-detr-resnet-50": {
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "format": "coco_detection",
        "image_processor_type": "ConditionalDetrImageProcessor",
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"longest_edge": 1333, "shortest_edge": 800},
    }
    | IMAGENET,
    "table-transformer-detection": {
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "DetrFeatureExtractor",
        "format": "coco_detection",
        "max_size": 800,
        "size": 800,
    }
    | IMAGENET,
    "yolos-tiny": {
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "YolosFeatureExtractor",
        "format": "coco_detection",
        "max_size": 864,
        "size": 512,
    }
    | IMAGENET,
    "rtdetr_r50vd": {
        "do_convert_annotations": True,
        "do_normalize": False,
        "do_pad": False,
        "do_rescale": True,
        "do_resize": True,
        "format": "coco_detection",
        "image_processor_type": "RTDetrImageProcessor",
        "pad_size": None,
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 640, "width": 640},
    }
    | IMAGENET,
    "detr-bare": {"feature_extractor_type": "DetrFeatureExtractor", "size": 320},
    "detr-room": {"image_processor_type": "DetrImageProcessor", "size": {"max_height": 90, "max_width": 120}},
    "layoutlmv3": {
        "feature_extractor_type": "LayoutLMv3FeatureExtractor",
        "apply_ocr": False,  # true in the released one: the task recognises words itself
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "size": 224,
    },
    "donut-base-finetuned-docvqa": {
        "do_align_long_axis": False,
        "do_normalize": True,
        "do_pad": True,
        "do_resize": True,
        "do_thumbnail": True,
        "feature_extractor_type": "DonutFeatureExtractor",
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "size": [1920, 2560],
    },
    "donut-small": {"image_processor_type": "DonutImageProcessor", "size": {"height": 60, "width": 45}},
    "donut-turned": {
        "image_processor_type": "DonutImageProcessor",
        "do_align_long_axis": True,
        "size": {"height": 37, "width": 52},
    },
    "donut-bare": {
        "image_processor_type": "DonutImageProcessor",
        "do_pad": False,
        "do_resize": False,
        "size": {"height": 50, "width": 64},
    },
    "siglip2-base-patch16-naflex": {
        "do_convert_rgb": None,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "Siglip2ImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "max_num_patches": 256,
        "patch_size": 16,
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
    },
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
        divisor = raw.get("size_divisor") or 1
        folder = HERE / "processors" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "preprocessor_config.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
        processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        saved: dict[str, Tensor] = {}
        for path in pictures():
            if min(opened(path).size) < divisor:  # nothing would be left of it
                continue
            found = processor(opened(path), return_tensors="pt")
            pixels = found["pixel_values"][0]
            if (shapes := found.get("spatial_shapes")) is not None:
                pixels, saved[f"{path.stem}.shape"] = pixels[None], shapes[0]
            step = max(1, min(pixels.shape[1:]) // 12)
            saved[f"{path.stem}.pixels"] = pixels[:, ::step, ::step].contiguous().float()
            saved[f"{path.stem}.size"] = torch.tensor(pixels.shape[1:])
        save_file(saved, folder / "pixels.safetensors")
