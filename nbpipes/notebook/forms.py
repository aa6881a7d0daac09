"""What the body of a cell means to each task: one row per task."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a value is read as."""

    TEXT = "text"
    LABELS = "labels"  # a list, or words between commas or on lines of their own
    TABLE = "table"  # a csv file, rows of csv or of a Markdown table
    TURN = "turn"  # what one speaker of a chat says
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


MEDIA = (Kind.IMAGE, Kind.AUDIO, Kind.VIDEO)


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a structured input, written `key: value`.

    argument: the pipeline's name for it. option: a keyword of the call, where all inputs share the value.
    """

    key: str
    argument: str
    kind: Kind = Kind.TEXT
    option: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How the body of a task is read.

    kind: what a body without keys holds: texts, or paths of media.
    main: the argument that a body without keys gives, once the line gives the others.
    pair: an input is two values, not a dict. chat: a body without keys is what the user says.
    """

    kind: Kind = Kind.TEXT
    fields: tuple[Field, ...] = ()
    main: str = ""
    pair: bool = False
    chat: bool = False

    def field(self, name: str) -> Field | None:
        """The field that is written `name`, or that gives the argument `name`."""
        return next((f for f in self.fields if name in (f.key, f.argument)), None)


IMAGES = Form(Kind.IMAGE, (Field("image", "image", Kind.IMAGE),), "image")
AUDIOS = Form(Kind.AUDIO, (Field("audio", "audio", Kind.AUDIO),), "audio")
TEXTS = Form()
LABELS = Field("labels", "candidate_labels", Kind.LABELS, option=True)
QUESTION = Field("question", "question")
TURNS = tuple(Field(role, role, Kind.TURN, optional=True) for role in ("system", "user", "assistant"))
IMAGE = Field("image", "image", Kind.IMAGE)

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "audio-classification": AUDIOS,
        "automatic-speech-recognition": AUDIOS,
        "text-to-audio": TEXTS,
        "zero-shot-audio-classification": Form(Kind.AUDIO, (Field("audio", "audio", Kind.AUDIO), LABELS), "audio"),
        "depth-estimation": IMAGES,
        "image-classification": IMAGES,
        "image-segmentation": IMAGES,
        "image-to-image": IMAGES,
        "object-detection": IMAGES,
        "video-classification": Form(Kind.VIDEO, (Field("video", "video", Kind.VIDEO),), "video"),
        "zero-shot-image-classification": Form(Kind.IMAGE, (IMAGE, LABELS), "image"),
        "zero-shot-object-detection": Form(Kind.IMAGE, (IMAGE, LABELS), "image"),
        "keypoint-matching": Form(
            Kind.IMAGE,
            (Field("first", "first", Kind.IMAGE), Field("second", "second", Kind.IMAGE)),
            pair=True,
        ),
        "image-feature-extraction": IMAGES,
        "conversational": Form(fields=TURNS, chat=True),
        "feature-extraction": TEXTS,
        "fill-mask": TEXTS,
        "question-answering": Form(fields=(QUESTION, Field("context", "context")), main="context"),
        "summarization": TEXTS,
        "text2text-generation": TEXTS,
        "translation": TEXTS,
        "table-question-answering": Form(
            fields=(Field("table", "table", Kind.TABLE), Field("question", "query")), main="query"
        ),
        "text-classification": Form(
            fields=(Field("text", "text"), Field("text_pair", "text_pair", optional=True)), main="text"
        ),
        "text-generation": Form(fields=TURNS),
        "chat": Form(fields=TURNS, chat=True),
        "token-classification": TEXTS,
        "zero-shot-classification": Form(fields=(Field("text", "sequence"), LABELS), main="sequence"),
        "document-question-answering": Form(fields=(IMAGE, QUESTION), main="question"),
        "image-to-text": IMAGES,
        "image-text-to-text": Form(
            fields=(
                Field("image", "images", Kind.IMAGE, optional=True),
                Field("text", "text", optional=True),
                *TURNS,
            ),
            main="text",
        ),
        "mask-generation": IMAGES,
        "visual-question-answering": Form(fields=(IMAGE, QUESTION), main="question"),
    }
)

# Words that only the magic knows; the aliases of the documents are in the task registry.
SHORT: Mapping[str, str] = MappingProxyType(
    {
        "asr": "automatic-speech-recognition",
        "chat": "text-generation",
        "classify": "text-classification",
        "depth": "depth-estimation",
        "detect": "object-detection",
        "embed": "feature-extraction",
        "generate": "text-generation",
        "qa": "question-answering",
        "segment": "image-segmentation",
        "sentiment": "text-classification",
        "summarize": "summarization",
        "table-qa": "table-question-answering",
        "translate": "translation",
        "tts": "text-to-audio",
        "zero-shot": "zero-shot-classification",
    }
)


def form_of(task: str) -> Form:
    """The form of a task or of a short name that has its own; tasks of the user's own take texts."""
    if task.startswith("translation_"):
        task = "translation"
    return FORMS.get(task, TEXTS)
