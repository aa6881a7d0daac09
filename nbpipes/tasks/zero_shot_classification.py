"""Zero-shot classification: labels of your own, judged by a model of entailment (https://arxiv.org/abs/1909.00161)."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.scores import softmax
from nbpipes.tasks.text import longest, text_chunk, told


@dataclass(frozen=True)
class ZeroShotOptions(Options):
    """candidate_labels: the labels, as a list or a text with commas. hypothesis_template: the sentence that a label is
    put into, at {}. multi_label: whether several labels may be true; multi_class is its old name."""

    candidate_labels: str | Sequence[str] | None = None
    hypothesis_template: str = "This example is {}."
    multi_label: bool = False
    multi_class: bool | None = None

    def __post_init__(self) -> None:
        if self.multi_class is not None:
            warnings.warn("multi_class is now called multi_label", FutureWarning, stacklevel=2)
            object.__setattr__(self, "multi_label", self.multi_class)


class ZeroShotClassificationPipeline(Pipeline[ZeroShotOptions]):
    """Scores texts against labels of your own.

        pipe("The new phone is great", candidate_labels=["technology", "sports"])

    An item is a text, or `{"sequence": …, "candidate_labels": […]}` for labels of its own.
    Its result is `{"sequence", "labels", "scores"}`, the best label first.
    """

    options_class = ZeroShotOptions
    kind = "zero-shot-classification"
    wanted = 'a text or {"sequence": …, "candidate_labels": […]}'

    def is_item(self, value: Any) -> bool:
        return isinstance(value, str | dict)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """The labels may come as the second argument, the texts as `sequences=`."""
        if len(args) > 2:
            raise InputError(f"this task takes texts and candidate_labels, not {len(args)} arguments")
        if len(args) == 2:
            options["candidate_labels"] = args[1]
        if not args and "sequences" in options:
            args = (options.pop("sequences"),)
        return super().arguments(args[:1], options)

    def preprocess(self, item: Any, options: ZeroShotOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        text, labels = _text_and_labels(item, given)
        for label in labels:
            encoding = self.tokenizer.windows(
                text,
                given.hypothesis_template.format(label),
                truncation="only_first",
                max_length=longest(self.tokenizer, self.model),
            )[0]
            yield text_chunk(encoding, self.tokenizer, self.model.limit, note=(text, label))

    def postprocess(self, outputs: Sequence[ChunkOutput], options: ZeroShotOptions | None = None) -> dict[str, Any]:
        given = options or self.options
        logits = np.stack([one.output.logits.float().numpy() for one in outputs])
        entailment = self.entailment_id
        if given.multi_label or len(outputs) == 1:
            contradiction = -1 if entailment == 0 else 0
            scores = softmax(logits[:, [contradiction, entailment]])[:, 1]
        else:
            scores = softmax(logits[:, entailment])
        order = scores.argsort()[::-1]
        return {
            "sequence": outputs[0].chunk.note[0],
            "labels": [outputs[i].chunk.note[1] for i in order],
            "scores": scores[order].tolist(),
        }

    @cached_property
    def entailment_id(self) -> int:
        """The logit that says that the hypothesis follows; the last one, with a warning, if no label is named so."""
        for label, number in self.model.config.label_ids.items():
            if label.lower().startswith("entail"):
                return number
        warnings.warn(
            f"no label begins with 'entail' ({', '.join(self.model.config.labels)}): the last one is taken",
            UserWarning,
            stacklevel=2,
        )
        return -1


def _text_and_labels(item: Any, given: ZeroShotOptions) -> tuple[str, list[str]]:
    text, labels = item, given.candidate_labels
    if isinstance(item, dict):
        text, labels = item.get("sequence"), item.get("candidate_labels", labels)
    if not isinstance(text, str) or not text:
        raise InputError(f"an item must be a text that is not empty, or a dict with such a sequence, not {told(item)}")
    if isinstance(labels, str):
        labels = [part.strip() for part in labels.split(",") if part.strip()]
    if labels is None or not list(labels):
        raise InputError('name the labels to choose from: candidate_labels=["…", "…"]')
    template = given.hypothesis_template
    if not isinstance(template, str) or template.format("x") == template.format("y"):
        raise InputError(f"hypothesis_template needs {{}} where the label goes: {template!r}")
    return text, list(labels)
