"""The only list of tasks: the class of each, the heads it can use, what it needs, and its default model."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nbpipes.errors import TaskError, nearest
from nbpipes.models.kinds import Head

if TYPE_CHECKING:  # else a list of tasks would have to wait for torch
    from nbpipes.engine.pipeline import Pipeline

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One task. cls: module and class inside `nbpipes.tasks`. default: model and pinned revision on the Hub.
    architectures: endings of the class names in a config.json that tell that a model was made for this task.
    optional: parts that are needed by models that take an input of a name only."""

    cls: "str | type[Pipeline]"
    heads: tuple[Head, ...]
    default: tuple[str, str]
    parts: tuple[str, ...] = ("tokenizer",)
    architectures: tuple[str, ...] = ()
    kind: str = "text"
    optional: Mapping[str, str] = field(default_factory=dict)

    def pipeline_class(self) -> "type[Pipeline]":
        if not isinstance(self.cls, str):
            return self.cls
        module, _, name = self.cls.partition(":")
        return getattr(import_module(f"nbpipes.tasks.{module}"), name)


NO_DEFAULT = ("", "")
"""The default model of tasks that have none."""

TASKS: dict[str, Row] = {
    # Before the tasks of texts, whose architectures have names that end like these.
    "audio-classification": Row(
        "audio_classification:AudioClassificationPipeline",
        (Head.AUDIO,),
        ("superb/wav2vec2-base-superb-ks", "372e048"),
        ("feature_extractor",),
        (
            "AudioForSequenceClassification",
            "ForAudioClassification",
            "HubertForSequenceClassification",
            "UniSpeechSatForSequenceClassification",
            "Wav2Vec2ForSequenceClassification",
            "WavLMForSequenceClassification",
        ),
        "audio",
    ),
    "automatic-speech-recognition": Row(
        "automatic_speech_recognition:AutomaticSpeechRecognitionPipeline",
        (Head.CTC, Head.SPEECH),
        ("facebook/wav2vec2-base-960h", "22aad52"),
        ("tokenizer", "feature_extractor"),
        ("ForCTC", "WhisperForConditionalGeneration", "MoonshineForConditionalGeneration"),
        "audio",
    ),
    "text-generation": Row(
        "text_generation:TextGenerationPipeline",
        (Head.CAUSAL,),
        ("openai-community/gpt2", "607a30d"),
        architectures=("ForCausalLM", "LMHeadModel"),
    ),
    "text2text-generation": Row(
        "text2text:Text2TextGenerationPipeline",
        (Head.SEQ2SEQ,),
        ("google-t5/t5-base", "a9723ea"),
        architectures=("ForConditionalGeneration", "MTModel"),
    ),
    "summarization": Row(
        "text2text:SummarizationPipeline",
        (Head.SEQ2SEQ,),
        ("sshleifer/distilbart-cnn-12-6", "a4f8f3e"),
    ),
    "translation": Row("text2text:TranslationPipeline", (Head.SEQ2SEQ,), NO_DEFAULT),
    "conversational": Row(
        "conversational:ConversationalPipeline",
        (Head.SEQ2SEQ, Head.CAUSAL),
        ("microsoft/DialoGPT-medium", "8bada3b"),
    ),
    "fill-mask": Row(
        "fill_mask:FillMaskPipeline",
        (Head.MASKED,),
        ("distilbert/distilroberta-base", "fb53ab8"),
        architectures=("ForMaskedLM",),
    ),
    "zero-shot-classification": Row(
        "zero_shot_classification:ZeroShotClassificationPipeline",
        (Head.SEQUENCE,),
        ("facebook/bart-large-mnli", "d7645e1"),
    ),
    "image-classification": Row(
        "image_classification:ImageClassificationPipeline",
        (Head.IMAGE,),
        ("google/vit-base-patch16-224", "3f49326"),
        ("image_processor",),
        ("ForImageClassification", "ForImageClassificationWithTeacher"),
        "image",
    ),
    "depth-estimation": Row(
        "depth_estimation:DepthEstimationPipeline",
        (Head.DEPTH,),
        ("Intel/dpt-large", "bc15f29"),
        ("image_processor",),
        ("ForDepthEstimation",),
        "image",
    ),
    "zero-shot-image-classification": Row(
        "zero_shot_image_classification:ZeroShotImageClassificationPipeline",
        (Head.PAIRS,),
        ("openai/clip-vit-base-patch32", "3d74acf"),
        ("tokenizer", "image_processor"),
        ("CLIPModel", "SiglipModel", "Siglip2Model"),
        "multimodal",
    ),
    "image-segmentation": Row(
        "image_segmentation:ImageSegmentationPipeline",
        (Head.MASKS, Head.LABEL_MAPS),
        ("facebook/detr-resnet-50-panoptic", "d53b52a"),
        ("image_processor",),
        (
            "DetrForSegmentation",
            "ForImageSegmentation",
            "ForInstanceSegmentation",
            "ForSemanticSegmentation",
            "ForUniversalSegmentation",
        ),
        "image",
    ),
    "object-detection": Row(
        "object_detection:ObjectDetectionPipeline",
        (Head.DETECTION,),
        ("facebook/detr-resnet-50", "1d5f47b"),
        ("image_processor",),
        ("ForObjectDetection",),
        "image",
    ),
    "image-feature-extraction": Row(
        "image_feature_extraction:ImageFeatureExtractionPipeline",
        (Head.BASE,),
        ("google/vit-base-patch16-224", "3f49326"),
        ("image_processor",),
        (
            "BeitModel",
            "ConvNextModel",
            "DPTModel",
            "DeiTModel",
            "Dinov2Model",
            "EfficientNetModel",
            "GLPNModel",
            "MobileNetV2Model",
            "ResNetModel",
            "SegformerModel",
            "SwinModel",
            "ViTModel",
        ),
        "image",
    ),
    "feature-extraction": Row(
        "feature_extraction:FeatureExtractionPipeline",
        (Head.BASE,),
        ("distilbert/distilbert-base-cased", "6ea8117"),
        architectures=("Model",),
    ),
    "text-classification": Row(
        "text_classification:TextClassificationPipeline",
        (Head.SEQUENCE,),
        ("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "714eb0f"),
        architectures=("ForSequenceClassification",),
    ),
    "token-classification": Row(
        "token_classification:TokenClassificationPipeline",
        (Head.TOKENS,),
        ("dbmdz/bert-large-cased-finetuned-conll03-english", "4c53496"),
        architectures=("ForTokenClassification",),
    ),
    "table-question-answering": Row(
        "table_question_answering:TableQuestionAnsweringPipeline",
        (Head.CELLS, Head.SEQ2SEQ),
        ("google/tapas-base-finetuned-wtq", "e3dde19"),
        architectures=("TapasForQuestionAnswering",),
    ),
    "document-question-answering": Row(
        "document_question_answering:DocumentQuestionAnsweringPipeline",
        (Head.SPANS, Head.VISION2SEQ),
        ("impira/layoutlm-document-qa", "beed3c4"),
        architectures=("LayoutLMForQuestionAnswering", "LayoutLMv3ForQuestionAnswering"),
        kind="multimodal",
        optional={"image_processor": "pixel_values"},
    ),
    "question-answering": Row(
        "question_answering:QuestionAnsweringPipeline",
        (Head.SPANS,),
        ("distilbert/distilbert-base-cased-distilled-squad", "564e9b5"),
        architectures=("ForQuestionAnswering",),
    ),
}
ALIASES: Mapping[str, str] = MappingProxyType(
    {"sentiment-analysis": "text-classification", "ner": "token-classification"}
)
PAIRS: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    dict.fromkeys((("en", "fr"), ("en", "de"), ("en", "ro")), ("google-t5/t5-base", "a9723ea"))
)
"""The default models of translation_XX_to_YY."""

MISSING = (
    "image-text-to-text",
    "image-to-image",
    "image-to-text",
    "keypoint-matching",
    "mask-generation",
    "text-to-audio",
    "text-to-speech",
    "video-classification",
    "visual-question-answering",
    "vqa",
    "zero-shot-audio-classification",
    "zero-shot-object-detection",
)
"""Tasks of transformers, and their aliases, that nbpipes does not have yet."""

SILENT = ("VisionEncoderDecoderModel",)
"""Class names that tell no task: such models describe images, read letters or answer questions."""

AUTO_CLASSES: Mapping[str, Head] = MappingProxyType(
    {
        "AutoModel": Head.BASE,
        "AutoModelForAudioClassification": Head.AUDIO,
        "AutoModelForCTC": Head.CTC,
        "AutoModelForCausalLM": Head.CAUSAL,
        "AutoModelForDepthEstimation": Head.DEPTH,
        "AutoModelForDocumentQuestionAnswering": Head.SPANS,
        "AutoModelForImageClassification": Head.IMAGE,
        "AutoModelForImageSegmentation": Head.MASKS,
        "AutoModelForInstanceSegmentation": Head.MASKS,
        "AutoModelForMaskedLM": Head.MASKED,
        "AutoModelForObjectDetection": Head.DETECTION,
        "AutoModelForQuestionAnswering": Head.SPANS,
        "AutoModelForSeq2SeqLM": Head.SEQ2SEQ,
        "AutoModelForSemanticSegmentation": Head.LABEL_MAPS,
        "AutoModelForSequenceClassification": Head.SEQUENCE,
        "AutoModelForSpeechSeq2Seq": Head.SPEECH,
        "AutoModelForTableQuestionAnswering": Head.CELLS,
        "AutoModelForTokenClassification": Head.TOKENS,
        "AutoModelForUniversalSegmentation": Head.MASKS,
        "AutoModelForVision2Seq": Head.VISION2SEQ,
        "AutoModelForZeroShotImageClassification": Head.PAIRS,
    }
)
"""The head behind each class name of the documents."""


def find(task: str) -> tuple[str, Row]:
    """The id and the row of a task or alias; TaskError tells what another word may be.

    translation_XX_to_YY is the task translation, with the default model of that pair.
    """
    name = ALIASES.get(task, task)
    match name.split("_"):
        case "translation", source, "to", target if name not in TASKS:
            return "translation", replace(TASKS["translation"], default=PAIRS.get((source, target), NO_DEFAULT))
    if name not in TASKS:
        known = sorted({*TASKS, *ALIASES})
        raise TaskError(f"{mistaken(task, known)}. Tasks: {', '.join(known)}, translation_XX_to_YY")
    return name, TASKS[name]


def mistaken(task: str, known: Iterable[str]) -> str:
    """What to say of a word that is no task: that it is one of transformers', or a model, or near to a known one."""
    if task in MISSING:
        return f"nbpipes does not have the task {task!r} of transformers yet"
    if "/" in task:
        return f"unknown task {task!r}; if it is a model, name it so: pipeline(model={task!r})"
    return f"unknown task {task!r}{nearest(task, known)}"


def find_class(name: str) -> "type[Pipeline] | None":
    """The class of a task's pipelines by its own name, None where no task has one of that name."""
    rows = (row for row in TASKS.values() if isinstance(row.cls, str) and row.cls.endswith(f":{name}"))
    return next((row.pipeline_class() for row in rows), None)


def infer(architectures: tuple[str, ...]) -> str | None:
    """The task that the class names in a config.json tell, or None."""
    for architecture in (name for name in architectures if name not in SILENT):
        for name, row in TASKS.items():
            if architecture.endswith(row.architectures or ("\0",)):
                return name
    return None


class PipelineRegistry:
    """Adds tasks of your own: `PIPELINE_REGISTRY.register_pipeline("pair-scoring", PairPipeline, "sequence")`."""

    def register_pipeline(
        self,
        task: str,
        pipeline_class: "type[Pipeline]",
        pt_model: Head | str | type | tuple[Head | str | type, ...] | None = None,
        default: Mapping[str, Any] | tuple[str, str] | None = None,
        type: str | None = None,
    ) -> None:
        """Makes `pipeline(task, …)` build `pipeline_class`.

        pt_model: the head that the model needs: a Head, its name, or an AutoModelFor… class or its name.
        default: (model, revision) for calls that name none, also as {"pt": (model, revision)}.
        type: kind of input: text, image, audio, video or multimodal.
        """
        if task in TASKS:
            log.warning("task %s is registered already; it is replaced", task)
        wanted = pt_model if isinstance(pt_model, tuple) else (pt_model,)
        heads = tuple(_head(one) for one in wanted if one is not None) or (Head.BASE,)
        pinned = (default.get("pt") or default["model"]["pt"]) if isinstance(default, Mapping) else default
        TASKS[task] = Row(pipeline_class, heads, pinned or NO_DEFAULT, kind=type or "text")

    def get_supported_tasks(self) -> list[str]:
        """Every task's id and alias, sorted."""
        return sorted({*TASKS, *ALIASES})

    def check_task(self, task: str) -> tuple[str, Row, None]:
        """The id and the row of a task, and its parameters (None); TaskError for an unknown one."""
        return *find(task), None

    def to_dict(self) -> dict[str, Row]:
        """All tasks by id."""
        return dict(TASKS)


def _head(wanted: Head | str | type) -> Head:
    name = getattr(wanted, "__name__", str(wanted))
    if name in AUTO_CLASSES:
        return AUTO_CLASSES[name]
    try:
        return Head(name)
    except ValueError:
        known = (*Head, *AUTO_CLASSES)
        raise TaskError(f"{name!r} is not a kind of model{nearest(name, known)}. Known: {', '.join(known)}") from None


PIPELINE_REGISTRY = PipelineRegistry()
