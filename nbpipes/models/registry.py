"""The only list of model types: the name in config.json, and the module that knows it."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from nbpipes.errors import ConfigError, nearest
from nbpipes.models.family import Family

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "albert": "text.albert",
        "audio-spectrogram-transformer": "audio.ast",
        "bart": "text.bart",
        "beit": "vision.beit",
        "bert": "text.bert",
        "blenderbot": "text.bart",
        "blenderbot-small": "text.bart",
        "bloom": "text.bloom",
        "camembert": "text.bert",
        "clip": "joint.clip",
        "conditional_detr": "vision.conditional_detr",
        "convnext": "vision.convnext",
        "data2vec-audio": "audio.wav2vec2",
        "deberta": "text.deberta",
        "deberta-v2": "text.deberta",
        "deit": "vision.vit",
        "dinov2": "vision.dinov2",
        "depth_anything": "vision.depth_anything",
        "detr": "vision.detr",
        "distilbert": "text.bert",
        "dpt": "vision.dpt",
        "efficientnet": "vision.efficientnet",
        "electra": "text.electra",
        "gemma": "text.gemma",
        "gemma2": "text.gemma",
        "gemma3_text": "text.gemma",
        "glpn": "vision.glpn",
        "gpt2": "text.gpt2",
        "gpt_neox": "text.gpt_neox",
        "hubert": "audio.wav2vec2",
        "layoutlm": "text.layoutlm",
        "layoutlmv3": "joint.layoutlmv3",
        "llama": "text.llama",
        "m2m_100": "text.bart",
        "marian": "text.bart",
        "mask2former": "vision.mask2former",
        "maskformer": "vision.maskformer",
        "mbart": "text.bart",
        "mistral": "text.llama",
        "mobilenet_v2": "vision.mobilenet",
        "modernbert": "text.modernbert",
        "moonshine": "audio.moonshine",
        "mpnet": "text.mpnet",
        "mt5": "text.t5",
        "opt": "text.opt",
        "pegasus": "text.bart",
        "phi": "text.phi",
        "phi3": "text.phi",
        "qwen2": "text.llama",
        "qwen3": "text.llama",
        "resnet": "vision.resnet",
        "roberta": "text.bert",
        "rt_detr": "vision.rt_detr",
        "rt_detr_v2": "vision.rt_detr",
        "segformer": "vision.segformer",
        "siglip": "joint.siglip",
        "siglip2": "joint.siglip",
        "smollm3": "text.llama",
        "swin": "vision.swin",
        "t5": "text.t5",
        "umt5": "text.t5",
        "tapas": "text.tapas",
        "table-transformer": "vision.detr",
        "unispeech-sat": "audio.wav2vec2",
        "upernet": "vision.upernet",
        "vision-encoder-decoder": "joint.vision_encoder_decoder",
        "vit": "vision.vit",
        "wav2vec2": "audio.wav2vec2",
        "wav2vec2-conformer": "audio.wav2vec2_conformer",
        "wavlm": "audio.wavlm",
        "whisper": "audio.whisper",
        "xlm-roberta": "text.bert",
        "yolos": "vision.yolos",
    }
)


def family(model_type: str) -> Family:
    """The family of a model type; ConfigError names the nearest supported ones for an unknown type."""
    if model_type not in MODULES:
        hint = nearest(model_type, MODULES)
        raise ConfigError(f"models of type {model_type!r} are not supported{hint}. Supported: {', '.join(MODULES)}")
    return import_module(f"nbpipes.models.{MODULES[model_type]}").FAMILIES[model_type]
