"""Tiny checkpoints of every family that reads images, and what the reference answers for pictures."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_encodings import TEXTS
from make_models import compact, randomise
from make_processors import PICTURES, opened, pictures
from make_tasks import plain
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForZeroShotImageClassification,
    AutoTokenizer,
    DeiTForImageClassificationWithTeacher,
    GemmaTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SiglipTokenizer,
    T5TokenizerFast,
    pipeline,
)
from truth import exactly

HERE = Path(__file__).parent
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
    "mobilenet_v2": {"depth_multiplier": 0.1, "finegrained_output": False, "depth_divisible_by": 4, "min_depth": 4}
    | {"expand_ratio": 2.0},
    "dinov2": SIZES | {"mlp_ratio": 2},
    "beit": SIZES | {"use_relative_position_bias": True, "layer_scale_init_value": 0.4},
    "convnext": {"hidden_sizes": [8, 12], "depths": [1, 2], "num_stages": 2, "layer_scale_init_value": 0.5},
    "resnet": {"embedding_size": 8, "hidden_sizes": [16, 24], "depths": [1, 2]},
    "swin": {
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [2, 2],
        "window_size": 3,
        "mlp_ratio": 2,
        "image_size": SIDE,
    },
    "segformer": {
        "depths": [1, 2],
        "num_encoder_blocks": 2,
        "sr_ratios": [4, 1],
        "hidden_sizes": [8, 12],
        "patch_sizes": [7, 3],
        "strides": [4, 2],
        "num_attention_heads": [2, 3],
        "mlp_ratios": [2, 3],
        "decoder_hidden_size": 16,
    },
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
    "beit": {
        "image-absolute": {
            "use_relative_position_bias": False,
            "use_absolute_position_embeddings": True,
            "use_mean_pooling": False,
            "layer_scale_init_value": 0.0,
        },
        "image-shared": {"use_shared_relative_position_bias": True, "image_size": 40, "use_mask_token": True},
    },
    "mobilenet_v2": {
        "image-even": {"tf_padding": False, "first_layer_is_expansion": False},
        "image-wide": {"output_stride": 8},
    },
    "convnext": {"image-plain": {"layer_scale_init_value": 0.0, "hidden_act": "relu"}},
    "resnet": {
        "image-basic": {"layer_type": "basic", "downsample_in_first_stage": True},
        "image-early": {"downsample_in_bottleneck": True, "hidden_act": "gelu"},
    },
    "swin": {"image-biasless": {"qkv_bias": False, "window_size": 4, "image_size": [28, 38], "hidden_act": "relu"}},
    "efficientnet": {"image-max": {"pooling_type": "max", "hidden_act": "relu6", "depthwise_padding": []}},
}
SEEDS = {"mobilenet_v2/base": 2, "mobilenet_v2/image-even": 2}
"""Added to seeds, where the check of roundings has refused others."""
READS = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20, "vocab_size": 60}
JOINT: dict[str, dict[str, Any]] = {
    "clip": {"vision_config": SIZES, "text_config": READS | {"max_position_embeddings": 40}, "projection_dim": 8},
    "siglip": {"vision_config": SIZES, "text_config": READS | {"max_position_embeddings": 64, "projection_size": 16}},
    "siglip2": {
        "vision_config": SIZES | {"num_patches": 16},
        "text_config": READS | {"max_position_embeddings": 64, "projection_size": 16},
    },
}
"""Families that read texts besides."""
JOINT_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "clip": {"pairs-old": {"text_config": JOINT["clip"]["text_config"] | {"eos_token_id": 2, "hidden_act": "gelu"}}},
    "siglip": {"pairs-masked": {}, "pairs-gemma": {}},
    "siglip2": {"pairs-masked": {}},
}
SENTENCES = ("a photo of a cat", "dog", "This is a photo of the river near Paris.")
SMALL = {"height": SIDE, "width": SIDE}
PROCESSORS: dict[str, dict[str, Any]] = {
    "vit": {"image_processor_type": "ViTImageProcessor", "size": SMALL},
    "clip": {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": SIDE}, "crop_size": SMALL},
    "siglip": {"image_processor_type": "SiglipImageProcessor", "size": SMALL},
    "siglip2": {"image_processor_type": "Siglip2ImageProcessor", "patch_size": 8, "max_num_patches": 20},
    "deit": {"image_processor_type": "DeiTImageProcessor", "size": {"height": 36, "width": 36}, "crop_size": SMALL},
    "beit": {"image_processor_type": "BeitImageProcessor", "size": SMALL, "do_center_crop": False},
    "mobilenet_v2": {"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 36}}
    | {"crop_size": {"height": 33, "width": 30}},
    "dinov2": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 36}, "crop_size": SMALL},
    "convnext": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": SIDE}, "crop_pct": 0.9},
    "resnet": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": SIDE}},
    "swin": {"image_processor_type": "ViTImageProcessor", "size": SMALL},
    "segformer": {"image_processor_type": "SegformerImageProcessor", "size": {"height": 32, "width": 40}},
    "efficientnet": {"image_processor_type": "EfficientNetImageProcessor", "size": SMALL, "do_center_crop": False},
}
"""Those that the tiny models use."""


# ---------------------------------------------------------------------- models


CLASSES = {
    "base": AutoModel,
    "image": AutoModelForImageClassification,
    "pairs": AutoModelForZeroShotImageClassification,
}


def model_class(head: str, config: Any) -> Any:
    if "DeiTForImageClassificationWithTeacher" in (config.architectures or ()):
        return DeiTForImageClassificationWithTeacher
    return CLASSES[head]


def heads_of(family: str) -> dict[str, dict[str, Any]]:
    """The settings of each folder of a family, by its name: "head" or "head-variant"."""
    if family in JOINT:
        variants = JOINT_VARIANTS[family]
        return {name: JOINT[family] | variants.get(name, {}) for name in ("base", "image", "pairs", *variants)}
    variants = VARIANTS.get(family, {})
    return {name: FAMILIES[family] | variants.get(name, {}) for name in ("base", "image", *variants)}


def make_models(family: str) -> Iterator[Path]:
    """Write one folder for each head and variant of `family`, and yield it."""
    for name, settings in heads_of(family).items():
        folder, head = HERE / family / name, name.partition("-")[0]
        folder.mkdir(parents=True)
        if head == "image":
            settings = settings | {
                "id2label": dict(enumerate(LABELS)),
                "label2id": {n: i for i, n in enumerate(LABELS)},
            }
        if head == "pairs":
            settings = settings | {"text_config": settings["text_config"] | make_tokenizer(family, name, folder)}
        config = AutoConfig.for_model(family, **settings)
        kind = model_class(head, config)
        model = kind(config) if kind is DeiTForImageClassificationWithTeacher else kind.from_config(config)
        seed = crc32(f"{family}/{name}".encode()) + SEEDS.get(f"{family}/{name}", 0)
        randomise(model, seed)
        settle(model, seed)
        if name == "pairs-gemma":  # nearly all its tokens are padding, so that its texts differ little
            model.logit_scale.data += 2
        model.half().save_pretrained(folder)
        compact(folder / "config.json")
        processor = PROCESSORS[family]
        if (size := settings.get("image_size", SIDE)) != SIDE and family in ("vit", "beit", "swin"):
            height, width = size if isinstance(size, list) else (size, size)
            processor = processor | {"size": {"height": height, "width": width}}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor) + "\n", encoding="utf-8")
        model = kind.from_pretrained(folder, dtype=torch.float32).eval()
        save_file(exactly(model, partial(answers, model, head, folder)), folder / "pixels.safetensors")
        yield folder


def make_tokenizer(family: str, name: str, folder: Path) -> dict[str, Any]:
    """Write a tiny tokenizer into the folder of a model; what the config of its texts says of it."""
    if family == "clip":
        for file in ("vocab.json", "merges.txt"):
            shutil.copyfile(HERE / "tokenizers" / "clip" / file, folder / file)
        raw: dict[str, Any] = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 40}
    elif family == "siglip2" or "gemma" in name:
        shutil.copyfile(HERE / "tokenizers" / "gemma" / "tokenizer.model", folder / "tokenizer.model")
        GemmaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
        (folder / "tokenizer.model").unlink()
        inputs = ["input_ids", "attention_mask"] if "masked" in name else ["input_ids"]
        raw = {"tokenizer_class": "GemmaTokenizer", "add_bos_token": False, "add_eos_token": True} | {
            "model_input_names": inputs,
            "model_max_length": 64,
            "padding_side": "right",
        }
    else:
        fast = T5TokenizerFast(str(HERE / "tokenizers" / "t5" / "spiece.model"), extra_ids=0)
        PreTrainedTokenizerFast(
            tokenizer_object=fast.backend_tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>"
        ).save_pretrained(folder)
        inputs = ["input_ids", "attention_mask"] if "masked" in name else ["input_ids"]
        raw = json.loads((folder / "tokenizer_config.json").read_text()) | {"model_input_names": inputs}
    (folder / "tokenizer_config.json").write_text(json.dumps(raw) + "\n", encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return ids | ({"eos_token_id": 2} if name.endswith("-old") else {})


def make_pieces(folder: Path) -> None:
    """Write the tokenizer of released SigLIPs, which has a class but no tokenizer.json; what it makes of some texts is
    written beside it. Special tokens inside a text are left out: the text behind them begins without a space there."""
    folder.mkdir(parents=True)
    shutil.copyfile(HERE / "tokenizers" / "t5" / "spiece.model", folder / "spiece.model")
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_input_names=["input_ids"])
    tokenizer.save_pretrained(folder)
    cases = []
    for text in (*TEXTS, *SENTENCES, "Don't!!  stop", '"quoted" - text', "a  ,  b", "...", "ΟΔΥΣΣΕΎΣ"):
        ids = tokenizer(text)["input_ids"]
        if "</s>" not in text and len(ids) <= tokenizer.model_max_length:
            decoded = [tokenizer.decode(ids, skip_special_tokens=skip) for skip in (True, False)]
            cases.append(json.dumps({"text": text, "ids": ids, "decoded": decoded}, ensure_ascii=False))
    (folder / "looked_up.json").write_text("[\n" + ",\n".join(cases) + "\n]\n", encoding="utf-8")


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
    """For some pictures their pixels, and what the model says of them; for texts and pictures their logits."""
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    saved: dict[str, Tensor] = {}
    texts = texts_of(folder, model.config.model_type) if head == "pairs" else {}
    for path in pictures()[:3]:
        inputs = processor(opened(path), return_tensors="pt")
        pixels = inputs["pixel_values"]
        inputs["pixel_values"] = pixels.to(model.dtype)
        if head == "base" and model.config.model_type in JOINT:
            output = model.vision_model(*inputs.values())
        else:
            output = model(**inputs, **texts)
        if head == "base":
            found = {"hidden": output.last_hidden_state}
            if "pooler_output" in output:
                found["pooled"] = output.pooler_output
        else:
            found = {"logits": output.logits_per_image if texts else output.logits}
        if (shapes := inputs.get("spatial_shapes")) is not None:
            inside = inputs["pixel_attention_mask"][0].bool()
            pixels, saved[f"{path.stem}.shapes"] = pixels[0, inside], shapes
            found |= {"hidden": found["hidden"][0, inside]} if head == "base" else {}
        saved[f"{path.stem}.pixel_values"] = pixels.contiguous()
        # Copies, because a pooled state may lie inside the hidden ones.
        saved |= {f"{path.stem}.{name}": value.contiguous().clone() for name, value in found.items()}
    names = [name for name in saved if not name.endswith(("pixel_values", "shapes"))]
    spread = torch.cat([saved[name].flatten() for name in names]).std()
    if not 0.1 < spread < 4:
        raise ValueError(f"{folder}: outputs have a spread of {spread:.2f}")
    return saved | {f"texts.{name}": value for name, value in texts.items()}


def texts_of(folder: Path, family: str) -> dict[str, Tensor]:
    """The sentences as the reference's pipeline encodes them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    how = {"padding": "max_length", "max_length": 64, "truncation": True} if "siglip" in family else {"padding": True}
    return dict(tokenizer(list(SENTENCES), return_tensors="pt", **how))


# ---------------------------------------------------------------------- tasks


Case = tuple[str, dict[str, Any], list[Any], dict[str, Any]]
"""Task, keywords of pipeline(), positional arguments (names of pictures), keywords of the call."""
SOME = ["square", "wide", "turned"]


def cases() -> Iterator[Case]:
    every = [path.stem for path in pictures()]
    label = "image-classification"
    yield label, {}, ["square"], {}
    yield label, {}, [every], {"top_k": 2}
    yield label, {"batch_size": 3}, [every], {"top_k": 1}
    yield label, {}, [["tall"]], {"top_k": 100}
    yield label, {"top_k": 3}, [SOME], {"function_to_apply": "sigmoid"}
    yield label, {"function_to_apply": "none"}, ["tiny"], {}


def feature_cases(*, pooled: bool) -> Iterator[Case]:
    features = "image-feature-extraction"
    yield features, {}, ["wide"], {}
    yield features, {}, [SOME], {"pool": True} if pooled else {}


def pair_cases() -> Iterator[Case]:
    pairs, labels = "zero-shot-image-classification", ["cat", "dog", "river in London"]
    yield pairs, {}, ["wide"], {"candidate_labels": labels}
    yield pairs, {"batch_size": 2}, [SOME], {"candidate_labels": labels, "hypothesis_template": "{}"}
    yield pairs, {}, [["tall"]], {"candidate_labels": ["film"]}


HEADS = {"image-classification": "image", "image-feature-extraction": "base", "zero-shot-image-classification": "pairs"}


def make_tasks(family: str) -> None:
    """Write images.json into the folder of `family`: its cases with the reference's results."""
    made, more = [], pair_cases() if family in JOINT else feature_cases(pooled=family != "segformer")
    for task, construct, args, call in [*cases(), *more]:
        folder = HERE / family / HEADS[task]
        parts = {"image_processor": AutoImageProcessor.from_pretrained(folder, use_fast=False)}
        if task.startswith("zero"):
            parts["tokenizer"] = AutoTokenizer.from_pretrained(folder)
        pipe = pipeline(task, model=str(folder), **parts, device="cpu", dtype=torch.float32, **construct)
        result = pipe(*[named(arg) for arg in args], **call)
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
    if family == "siglip":
        make_pieces(HERE / family / "tokenizer")
    make_tasks(family)
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")
