"""The names and shapes of released models' weights, as the reference names them at full size, without the weights."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig

HERE = Path(__file__).parent
NUMBER = re.compile(r"\.(\d+)(?!.*\.\d+(\.|$))(?=\.|$)")
"""The last number between dots."""
DINOV2 = {
    "model_type": "dinov2",
    "image_size": 518,
    "hidden_size": 384,
    "num_attention_heads": 6,
    "out_indices": [9, 10, 11, 12],
    "reshape_hidden_states": False,
}
GLPN = {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 8, 27, 3], "decoder_hidden_size": 64}
DEPTH = "AutoModelForDepthEstimation"
STAGES = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
TINY = {"model_type": "swin", "depths": [2, 2, 6, 2]} | STAGES
BASE = {"model_type": "swin", "embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "window_size": 12}
LARGE = BASE | {"embed_dim": 192, "num_heads": [6, 12, 24, 48]}
BEIT = {"image_size": 640, "use_relative_position_bias": True, "out_indices": [3, 5, 7, 11]}
MASKED = ("AutoModelForUniversalSegmentation", "masks")
JOINED = ("AutoModelForZeroShotImageClassification", "pairs")
LABELLED = ("AutoModelForSemanticSegmentation", "label_maps")
B5 = {"depths": [3, 6, 40, 3], "hidden_sizes": [64, 128, 320, 512], "decoder_hidden_size": 768}
FOUND = "AutoModelForObjectDetection"
TIMM = {"use_timm_backbone": True, "backbone": "resnet50", "num_labels": 91}
TABLES = TIMM | {"backbone": "resnet18"}
VD = {"model_type": "rt_detr_resnet", "out_features": ["stage2", "stage3", "stage4"]}
R18 = {
    "backbone_config": VD | {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]},
    "encoder_in_channels": [128, 256, 512],
    "hidden_expansion": 0.5,
    "decoder_layers": 3,
    "num_labels": 80,
}
RESNETS: dict[str, dict[str, Any]] = {
    "resnet18": {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]},
    "resnet50": {},
    "resnet101": {"depths": [3, 4, 23, 3]},
}
"""What the timm package, whose names the checkpoints have, calls resnet50 and so on."""
BY_TIMM = (
    (r"embedder\.embedder\.convolution", lambda m: "conv1"),
    (r"embedder\.embedder\.normalization", lambda m: "bn1"),
    (
        r"encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.convolution",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.downsample.0",
    ),
    (
        r"encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.normalization",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.downsample.1",
    ),
    (
        r"encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.(\d)\.convolution",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.conv{int(m[3]) + 1}",
    ),
    (
        r"encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.(\d)\.normalization",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.bn{int(m[3]) + 1}",
    ),
)
"""From the reference's names of a ResNet's weights to timm's."""
ROBERTA_LIKE = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
DPT_LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "backbone_out_indices": [5, 11, 17, 23],
    "neck_hidden_sizes": [256, 512, 1024, 1024],
}
BIT = {
    "model_type": "bit",
    "global_padding": "same",
    "layer_type": "bottleneck",
    "depths": [3, 4, 9],
    "out_features": ["stage1", "stage2", "stage3"],
    "embedding_dynamic_padding": True,
}
DONUT = {
    "encoder": {
        "model_type": "donut-swin",
        "image_size": [2560, 1920],
        "embed_dim": 128,
        "depths": [2, 2, 14, 2],
        "num_heads": [4, 8, 16, 32],
        "window_size": 10,
    },
    "decoder": {
        "model_type": "mbart",
        "vocab_size": 57532,
        "max_position_embeddings": 128,
        "decoder_layers": 4,
        "scale_embedding": True,
        "add_cross_attention": True,
        "is_decoder": True,
        "is_encoder_decoder": False,
    },
    "tie_word_embeddings": False,
}
SPOKEN = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "vocab_size": 32,
}
LETTERS = ("AutoModelForCTC", "ctc")
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
PATCHES_384 = {"image_size": 384, "patch_size": 14}
RELEASED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "wav2vec2-base-960h": (*LETTERS, "wav2vec2", {}),
    "wav2vec2-large-960h-lv60-self": (*LETTERS, "wav2vec2", SPOKEN | {"do_stable_layer_norm": True}),
    "wav2vec2-conformer-rel-pos-large-960h-ft": (*LETTERS, "wav2vec2-conformer", SPOKEN),
    "wav2vec2-conformer-rope-large-960h-ft": (
        *LETTERS,
        "wav2vec2-conformer",
        SPOKEN | {"position_embeddings_type": "rotary"},
    ),
    "donut-base-finetuned-docvqa": ("AutoModelForVision2Seq", "vision2seq", "vision-encoder-decoder", DONUT),
    "layoutlm-document-qa": ("AutoModelForDocumentQuestionAnswering", "spans", "layoutlm", ROBERTA_LIKE),
    "dpt-large": (DEPTH, "depth", "dpt", DPT_LARGE),
    "dpt-large-ade": (
        *LABELLED,
        "dpt",
        DPT_LARGE | {"use_batch_norm_in_fusion_residual": True, "num_labels": 150},
    ),
    "dpt-hybrid-midas": (
        DEPTH,
        "depth",
        "dpt",
        {
            "is_hybrid": True,
            "backbone_config": BIT,
            "backbone_featmap_shape": [1, 1024, 24, 24],
            "backbone_out_indices": [2, 5, 8, 11],
            "reassemble_factors": [1, 1, 1, 0.5],
            "neck_hidden_sizes": [256, 512, 768, 768],
        },
    ),
    "dpt-dinov2-small-nyu": (
        DEPTH,
        "depth",
        "dpt",
        {
            "backbone_config": DINOV2 | {"out_indices": [3, 6, 9, 12]},
            "neck_hidden_sizes": [48, 96, 192, 384],
            "use_bias_in_fusion_residual": False,
            "add_projection": True,
        },
    ),
    "dpt-beit-base-384": (
        DEPTH,
        "depth",
        "dpt",
        {
            "backbone_config": {
                "model_type": "beit",
                "image_size": 384,
                "use_relative_position_bias": True,
                "reshape_hidden_states": False,
                "out_features": ["stage3", "stage6", "stage9", "stage12"],
            },
            "neck_hidden_sizes": [96, 192, 384, 768],
        },
    ),
    "depth-anything-base-hf": (
        DEPTH,
        "depth",
        "depth_anything",
        {
            "backbone_config": DINOV2 | {"hidden_size": 768, "num_attention_heads": 12},
            "reassemble_hidden_size": 768,
            "neck_hidden_sizes": [96, 192, 384, 768],
            "fusion_hidden_size": 128,
        },
    ),
    "depth-anything-small-hf": (DEPTH, "depth", "depth_anything", {"backbone_config": DINOV2}),
    "glpn-nyu": (DEPTH, "depth", "glpn", GLPN),
    "glpn-kitti": (DEPTH, "depth", "glpn", GLPN | {"max_depth": 80}),
    "vit-base-patch16-224": ("AutoModelForImageClassification", "image", "vit", {"num_labels": 1000}),
    "clip-vit-base-patch32": (*JOINED, "clip", {}),
    "siglip-base-patch16-224": (*JOINED, "siglip", {}),
    "siglip-so400m-patch14-384": (*JOINED, "siglip", {"text_config": SO400M, "vision_config": SO400M | PATCHES_384}),
    "siglip2-base-patch16-224": (*JOINED, "siglip", {"text_config": {"vocab_size": 256_000}}),
    "siglip2-base-patch16-naflex": (*JOINED, "siglip2", {"text_config": {"vocab_size": 256_000}}),
    "swin-tiny-patch4-window7-224": ("AutoModelForImageClassification", "image", "swin", {"num_labels": 1000}),
    "mit-b0": ("AutoModelForImageClassification", "image", "segformer", {"num_labels": 1000}),
    "segformer-b0-finetuned-ade-512-512": (*LABELLED, "segformer", {"num_labels": 150}),
    "segformer-b5-finetuned-ade-640-640": (*LABELLED, "segformer", B5 | {"num_labels": 150}),
    "mask2former-swin-tiny-coco-instance": (*MASKED, "mask2former", {"backbone_config": TINY, "num_labels": 80}),
    "mask2former-swin-large-coco-panoptic": (
        *MASKED,
        "mask2former",
        {"backbone_config": LARGE | STAGES, "num_queries": 200, "num_labels": 133},
    ),
    "maskformer-swin-tiny-ade": (*MASKED, "maskformer", {"backbone_config": TINY, "num_labels": 150}),
    "maskformer-swin-base-ade": (*MASKED, "maskformer", {"backbone_config": BASE | STAGES, "num_labels": 150}),
    "maskformer-swin-large-coco": (*MASKED, "maskformer", {"backbone_config": LARGE | STAGES, "num_labels": 133}),
    "upernet-swin-tiny": (*LABELLED, "upernet", {"backbone_config": TINY, "num_labels": 150}),
    "upernet-convnext-tiny": (
        *LABELLED,
        "upernet",
        {"backbone_config": {"model_type": "convnext"} | STAGES, "num_labels": 150},
    ),
    "beit-base-patch16-224-pt22k-ft22k": (
        "AutoModelForImageClassification",
        "image",
        "beit",
        {"use_relative_position_bias": True, "num_labels": 21841},
    ),
    "beit-base-finetuned-ade-640-640": (*LABELLED, "beit", BEIT | {"num_labels": 150}),
    "detr-resnet-50": (FOUND, "detection", "detr", TIMM),
    "detr-resnet-50-no-timm": (
        FOUND,
        "detection",
        "detr",
        {
            "use_timm_backbone": False,
            "use_pretrained_backbone": False,
            "backbone": None,
            "backbone_config": {"model_type": "resnet"},
            "num_labels": 91,
        },
    ),
    "detr-resnet-101-dc5": (FOUND, "detection", "detr", TIMM | {"backbone": "resnet101", "dilation": True}),
    "detr-resnet-50-panoptic": ("AutoModelForImageSegmentation", "masks", "detr", TIMM | {"num_labels": 250}),
    "conditional-detr-resnet-50": (FOUND, "detection", "conditional_detr", TIMM),
    "table-transformer-detection": (
        FOUND,
        "detection",
        "table-transformer",
        TABLES | {"num_queries": 15, "num_labels": 2},
    ),
    "table-transformer-structure-recognition": (
        FOUND,
        "detection",
        "table-transformer",
        TABLES | {"num_queries": 125, "num_labels": 6},
    ),
    "rtdetr_r50vd": (FOUND, "detection", "rt_detr", {"backbone_config": VD, "num_labels": 80}),
    "rtdetr_r18vd": (FOUND, "detection", "rt_detr", R18),
    "rtdetr_v2_r18vd": (FOUND, "detection", "rt_detr_v2", R18),
    "yolos-tiny": (
        FOUND,
        "detection",
        "yolos",
        {
            "hidden_size": 192,
            "num_attention_heads": 3,
            "intermediate_size": 768,
            "image_size": [800, 1333],
            "use_mid_position_embeddings": False,
            "num_labels": 91,
        },
    ),
    "yolos-small": (
        FOUND,
        "detection",
        "yolos",
        {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536, "num_labels": 91},
    ),
    "maskformer-resnet50-ade": (
        *MASKED,
        "maskformer",
        {"backbone_config": {"model_type": "resnet"} | STAGES, "num_labels": 150},
    ),
}
"""The class, our kind of head, the type and the config of each.

The configs were put together without the Hub, from the reference's defaults and conversion scripts and from memory: a
released config.json may differ from one. Names and shapes are what the reference has for the config that stands here.
"""


def make_released() -> None:
    """Write a file for each: its config, and ranges of names with a shape, a number standing for #."""
    folder = HERE / "released"
    folder.mkdir(exist_ok=True)
    for name, (kind, head, model_type, settings) in RELEASED.items():
        config = AutoConfig.for_model(model_type, **built(settings))
        with torch.device("meta"):
            model = getattr(transformers, kind).from_config(config)
        shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
        shapes = named_by_timm(shapes) if settings.get("use_timm_backbone") else shapes
        lines = [json.dumps(one) for one in ranges(shapes)]
        about = json.dumps({"head": head, "config": {"model_type": model_type} | settings})[1:-1]
        text = f'{{{about}, "weights": [\n' + ",\n".join(lines) + "\n]}\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def built(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with a ResNet of the reference's own in the place of timm's."""
    if not settings.get("use_timm_backbone"):
        return deepcopy(settings)
    resnet = RESNETS[settings["backbone"]] | {"model_type": "resnet"} | STAGES
    own = {"use_timm_backbone": False, "backbone": None, "backbone_config": resnet, "use_pretrained_backbone": False}
    return deepcopy(settings | own)


def named_by_timm(shapes: dict[str, list[int]]) -> dict[str, list[int]]:
    """The same weights as in checkpoints that were made with timm, and the counters that these still hold."""
    found = {}
    for name, shape in shapes.items():
        for pattern, ours in BY_TIMM:
            name = re.sub(pattern, ours, name)
        found[name] = shape
        if name.endswith("downsample.1.running_var"):
            found[name.replace("running_var", "num_batches_tracked")] = []
    return found


def ranges(shapes: dict[str, list[int]]) -> list[tuple[str, list[int], int, int]]:
    """Name, shape, first and last number of weights that differ in their last number only."""
    found: list[tuple[str, list[int], int, int]] = []
    places: dict[tuple[str, str], int] = {}
    for name, shape in shapes.items():
        number = NUMBER.search(name)
        if number is None:
            found.append((name, shape, 0, 0))
            continue
        template, value = NUMBER.sub(".#", name), int(number[1])
        place = places.get((template, str(shape)))
        if place is not None and found[place][3] == value - 1:
            found[place] = (template, shape, found[place][2], value)
        else:
            places[template, str(shape)] = len(found)
            found.append((template, shape, value, value))
    return found


if __name__ == "__main__":
    make_released()
