"""Zero-shot image classification: which of your own labels fits an image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError, nearest
from nbpipes.models.outputs import Pairs
from nbpipes.processing.batch import Chunk, pack
from nbpipes.tasks.images import NAMES, ReadsImages, check_timeout
from nbpipes.tasks.scores import sigmoid, softmax
from nbpipes.tasks.text import text_chunk

TOKENIZER_OPTIONS = ("truncation", "max_length", "padding")
KEPT = 16
"""Sets of labels whose vectors are kept for the next batch or call."""


@dataclass(frozen=True)
class ZeroShotImageOptions(Options):
    """candidate_labels: the labels, as a list or a text with commas. hypothesis_template: the sentence that a label is
    put into, at {}. tokenizer_kwargs: truncation, max_length. timeout: seconds that a download may take, None = 10."""

    candidate_labels: str | Sequence[str] | None = None
    hypothesis_template: str = "This is a photo of {}."
    tokenizer_kwargs: Mapping[str, Any] | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        check_timeout(self.timeout)
        for name in self.tokenizer_kwargs or {}:
            if name not in TOKENIZER_OPTIONS:
                raise TypeError(f"tokenizer_kwargs has no {name!r}{nearest(name, TOKENIZER_OPTIONS)}")


@dataclass(slots=True)
class Texts:
    """Encoded texts, and their vectors `(texts, width)` once the model has read them."""

    chunks: list[Chunk]
    vectors: Tensor | None = None


class ZeroShotImageClassificationPipeline(ReadsImages[ZeroShotImageOptions]):
    """Scores images against labels of your own: each gives `[{"score", "label"}, …]`, the best first.

        pipe("photo.jpg", candidate_labels=["a cat", "a dog"])

    The labels are encoded once, whatever the number of images.
    """

    options_class = ZeroShotImageOptions
    kind = "zero-shot-image-classification"

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """The labels may come as the second argument, or as the first where images are given by name."""
        named = any(name in options for name in NAMES)
        labels = args[0 if named else 1 :]
        if len(labels) > 1:
            raise TypeError(f"{self.task} takes images and candidate_labels, not {len(args)} arguments")
        if labels:
            options["candidate_labels"] = labels[0]
        return super().arguments(() if named else args[:1], options)

    def preprocess(self, item: Any, options: ZeroShotImageOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        self._texts(given)  # labels that cannot be used are an error of the input, found before the model runs
        yield self.image_chunk(item, given.timeout)

    def _forward(self, inputs: Mapping[str, Any], options: ZeroShotImageOptions) -> Pairs:
        texts = self._texts(options)
        if texts.vectors is None:
            texts.vectors = self.model.texts(**pack(texts.chunks, self.device).inputs)
        return self.model(**inputs, texts=texts.vectors)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: ZeroShotImageOptions | None = None
    ) -> list[dict[str, Any]]:
        labels = _labels(options or self.options)
        logits = outputs[0].output.logits.float().numpy()
        scores = sigmoid(logits) if self.model.head.independent else softmax(logits)
        order = (-scores).argsort(kind="stable").tolist()
        return [{"score": score, "label": labels[i]} for i, score in zip(order, scores[order].tolist(), strict=True)]

    @cached_property
    def _known(self) -> dict[tuple[str, ...], Texts]:
        return {}

    def _texts(self, given: ZeroShotImageOptions) -> Texts:
        """The labels inside their sentences, encoded once for many images."""
        sentences = _sentences(given)
        key = (repr(given.tokenizer_kwargs), *sentences)
        if key not in self._known:
            while len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)), None)  # another thread may have done it
            more = {name: value for name, value in (given.tokenizer_kwargs or {}).items() if name != "padding"}
            self._known[key] = Texts([self._encoded(sentence, more) for sentence in sentences])
        return self._known[key]

    def _encoded(self, sentence: str, more: Mapping[str, Any]) -> Chunk:
        length = self.model.head.text_length
        settings = {"truncation": length is not None, "max_length": length, **more}
        encoding = self.tokenizer.windows(sentence, **settings)[0]
        if length is not None:
            encoding.pad(length, pad_id=self.tokenizer.pad_token_id or 0, pad_token=self.tokenizer.pad_token or "")
        chunk = text_chunk(encoding, self.tokenizer, self.model.limit)
        inputs = {"input_ids": chunk.inputs["input_ids"]}
        if length is not None and "attention_mask" in self.tokenizer.model_input_names:
            inputs["visible"] = encoding.attention_mask
        return Chunk(inputs, size=chunk.size)


def _labels(given: ZeroShotImageOptions) -> list[str]:
    labels = given.candidate_labels
    if isinstance(labels, str):
        labels = [part.strip() for part in labels.split(",") if part.strip()]
    if labels is None or not list(labels):
        raise InputError('name the labels to choose from: candidate_labels=["…", "…"]')
    return [str(label) for label in labels]


def _sentences(given: ZeroShotImageOptions) -> list[str]:
    template = given.hypothesis_template
    if not isinstance(template, str) or template.format("x") == template.format("y"):
        raise InputError(f"hypothesis_template needs {{}} where the label goes: {template!r}")
    return [template.format(label) for label in _labels(given)]
