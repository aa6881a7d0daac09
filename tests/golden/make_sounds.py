"""Tiny checkpoints of every family that hears plain samples or spectrograms, and what the reference answers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact, randomise
from make_tasks import plain
from make_vision import settle
from safetensors.torch import save_file
from sounds import LENGTHS, given, sound
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForAudioClassification,
    AutoModelForCTC,
    PreTrainedModel,
    Wav2Vec2CTCTokenizer,
    pipeline,
)

HERE = Path(__file__).parent
LABELS = ("yes", "no", "up", "down", "left", "right")
LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOIN")
WAVES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8, 12, 12],
    "conv_kernel": [10, 8, 4, 4],
    "conv_stride": [5, 4, 4, 4],
    "num_feat_extract_layers": 4,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 10,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WEIGHTED = {"use_weighted_layer_sum": True}
FAMILIES: dict[str, dict[str, Any]] = {
    "wav2vec2": WAVES,
    "hubert": WAVES,
    "unispeech-sat": WAVES,
    "data2vec-audio": WAVES | {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5},
    "wavlm": WAVES | {"num_buckets": 16, "max_bucket_distance": 40},
    "wav2vec2-conformer": WAVES | {"conv_depthwise_kernel_size": 5},
    "audio-spectrogram-transformer": {
        **{name: WAVES[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")},
        "intermediate_size": 24,
        "patch_size": 6,
        "frequency_stride": 5,
        "time_stride": 4,
        "max_length": 60,
        "num_mel_bins": 16,
    },
}
# Settings that change numbers, as "head-name of the variant".
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "wav2vec2": {"ctc-large": LARGE, "audio-weighted": WEIGHTED, "audio-large": LARGE | WEIGHTED},
    "hubert": {
        "ctc-large": LARGE | {"num_conv_pos_embeddings": 15},
        "audio-plain": {"feat_proj_layer_norm": False, "conv_pos_batch_norm": True},
    },
    "data2vec-audio": {"audio-weighted": WEIGHTED},
    "wavlm": {"ctc-large": LARGE, "audio-weighted": WEIGHTED},
    "wav2vec2-conformer": {
        "ctc-large": LARGE | {"position_embeddings_type": "rotary", "rotary_embedding_base": 100},
        "audio-weighted": WEIGHTED | {"position_embeddings_type": None, "hidden_act": "swish"},
    },
    "audio-spectrogram-transformer": {"audio-biasless": {"qkv_bias": False, "hidden_act": "relu"}},
}
SPECTRA = {"feature_extractor_type": "ASTFeatureExtractor", "num_mel_bins": 16, "max_length": 60}
EXTRACTOR = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000, "feature_size": 1}
CLASSES = {"base": AutoModel, "ctc": AutoModelForCTC, "audio": AutoModelForAudioClassification}


# ---------------------------------------------------------------------- models


def folders_of(family: str) -> dict[str, dict[str, Any]]:
    """The settings of each folder of a family, by its name: "head" or "head-variant"."""
    variants = VARIANTS.get(family, {})
    heads = ("base", "audio") if family == "audio-spectrogram-transformer" else ("base", "ctc", "audio")
    return {name: FAMILIES[family] | variants.get(name, {}) for name in (*heads, *variants)}


def make_models(family: str) -> Iterator[Path]:
    """Write one folder for each head and variant of `family`, and yield it."""
    for name, settings in folders_of(family).items():
        folder, head = HERE / family / name, name.partition("-")[0]
        folder.mkdir(parents=True)
        if head == "audio":
            labels = {"id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)}}
            settings = settings | labels
        if head == "ctc":
            write_tokenizer(folder, lower=name.endswith("large"))
            settings = settings | {"vocab_size": len(LETTERS)}
        masks = settings.get("feat_extract_norm") == "layer" or family == "data2vec-audio"
        raw = EXTRACTOR | {"do_normalize": "weighted" not in name, "return_attention_mask": masks}
        raw = SPECTRA if family == "audio-spectrogram-transformer" else raw
        (folder / "preprocessor_config.json").write_text(json.dumps(raw) + "\n", encoding="utf-8")
        model = CLASSES[head].from_config(AutoConfig.for_model(family, **settings))
        seed = crc32(f"{family}/{name}".encode())
        randomise(model, seed)
        settle(model, seed)
        if head == "ctc":
            enliven(model, folder)
        speeds = {name: buffer.clone() for name, buffer in model.named_buffers() if name.endswith("inv_freq")}
        model.half()
        for name, buffer in speeds.items():  # are stored too; published ones are whole
            model.get_submodule(name.rpartition(".")[0]).inv_freq = buffer
        model.save_pretrained(folder)
        compact(folder / "config.json")
        model = CLASSES[head].from_pretrained(folder, dtype=torch.float32).eval()
        save_file(answers(model, head, folder), folder / "sounds.safetensors")
        yield folder


def write_tokenizer(folder: Path, *, lower: bool) -> None:
    """The letters of a model, small ones where `lower`."""
    path = folder / "vocab.json"
    path.write_text(json.dumps({letter: i for i, letter in enumerate(LETTERS)}), encoding="utf-8")
    Wav2Vec2CTCTokenizer(str(path), do_lower_case=lower, clean_up_tokenization_spaces=lower).save_pretrained(folder)


@torch.no_grad()
def enliven(model: PreTrainedModel, folder: Path) -> None:
    """Lets the letters change from frame to frame: each is as likely as the others.

    The frames of random weights are much alike, so a letter's weights have to be large, and with them the rounding
    errors of what they are multiplied by. Logits that spread by 0.5 keep both sides within 7e-6 of double precision.
    """
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    inputs = extractor(sound("speech"), sampling_rate=extractor.sampling_rate, return_tensors="pt")
    logits = model.eval()(**inputs).logits[0]
    scale = 0.5 / (logits - logits.mean(0)).std()
    model.lm_head.weight.data.mul_(scale)
    model.lm_head.bias.data.copy_((model.lm_head.bias - logits.mean(0)) * scale)


@torch.no_grad()
def answers(model: PreTrainedModel, head: str, folder: Path) -> dict[str, Tensor]:
    """What the model makes of some sounds; of the shortest its features too."""
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    saved: dict[str, Tensor] = {}
    for name in LENGTHS:
        inputs = extractor(sound(name), sampling_rate=extractor.sampling_rate, return_tensors="pt")
        output = model(**inputs)
        if name == "short":
            saved[f"{name}.features"] = next(iter(inputs.values()))[0].contiguous()
        found = {"hidden": output.last_hidden_state} if head == "base" else {"logits": output.logits}
        if head == "base" and "pooler_output" in output:
            found["pooled"] = output.pooler_output
        saved |= {f"{name}.{key}": value[0].contiguous().clone() for key, value in found.items()}
    spread = torch.cat([value.flatten() for name, value in saved.items() if not name.endswith("features")]).std()
    if not 0.1 < spread < 6:
        raise ValueError(f"{folder}: outputs have a spread of {spread:.2f}")
    return saved


# ---------------------------------------------------------------------- tasks


Case = tuple[str, str, dict[str, Any], Any, dict[str, Any]]
"""Task, folder, keywords of pipeline(), names of sounds, keywords of the call."""
SOME = ["tone", "speech", "short"]


def cases(family: str) -> Iterator[Case]:
    label, write = "audio-classification", "automatic-speech-recognition"
    for folder in folders_of(family):
        if folder.startswith("audio"):
            yield label, folder, {}, "tone", {}
            yield label, folder, {}, SOME, {"top_k": 2}
        elif folder.startswith("ctc"):
            yield write, folder, {}, "speech", {}
            yield write, folder, {}, SOME, {"return_timestamps": "word"}
            yield write, folder, {}, "long", {"chunk_length_s": 1.0, "return_timestamps": "char"}
    yield label, "audio", {}, ["speech"], {"function_to_apply": "sigmoid", "top_k": 3}
    yield label, "audio", {}, "speech", {"function_to_apply": "none", "top_k": 100}
    yield label, "audio", {}, "dict:speech", {"top_k": 1}
    if "ctc" not in folders_of(family):
        return
    yield write, "ctc", {}, "dict:speech", {"return_timestamps": "char"}
    yield write, "ctc", {"chunk_length_s": 0.7}, "long", {"stride_length_s": [0.1, 0.2], "return_timestamps": "word"}
    yield write, "ctc", {"chunk_length_s": 1.1, "stride_length_s": 0}, ["long", "speech"], {}


def make_tasks(family: str) -> None:
    """Write sounds.json into the folder of `family`: its cases with the reference's results."""
    made = []
    for task, folder, construct, inputs, call in cases(family):
        pipe = pipeline(task, model=str(HERE / family / folder), device="cpu", dtype=torch.float32, **construct)
        result = pipe([given(one) for one in inputs] if isinstance(inputs, list) else given(inputs), **call)
        made.append(
            {"task": task, "folder": folder, "construct": construct, "inputs": inputs, "call": call}
            | {"result": plain(result)}
        )
    lines = ",\n".join(json.dumps(case) for case in made)
    (HERE / family / "sounds.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def make_sounds(family: str) -> None:
    """Write everything of a family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    names = [made.name for made in make_models(family)]
    make_tasks(family)
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")
