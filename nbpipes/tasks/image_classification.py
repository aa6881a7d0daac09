"""Image classification: which labels fit an image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.hub.config import Config
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.images import ReadsImages, check_timeout
from nbpipes.tasks.scores import Function, chosen_function, scores

TOP = 5


@dataclass(frozen=True)
class ImageClassificationOptions(Options):
    """top_k: how many labels, best first; None = 5. function_to_apply: "softmax", "sigmoid", "none", or "default" for
    what the model was trained with. timeout: seconds that a download may take, None = 10."""

    top_k: int | None = TOP
    function_to_apply: Literal["softmax", "sigmoid", "none", "default"] | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise InputError(f"top_k must be a number from 1 on, not {self.top_k!r}")
        check_timeout(self.timeout)


class ImageClassificationPipeline(ReadsImages[ImageClassificationOptions]):
    """Labels images: each gives `[{"label", "score"}, …]`, the best first."""

    options_class = ImageClassificationOptions
    kind = "image-classification"

    def preprocess(self, item: Any, options: ImageClassificationOptions | None = None) -> Iterator[Chunk]:
        yield self.image_chunk(item, (options or self.options).timeout)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: ImageClassificationOptions | None = None
    ) -> list[dict[str, Any]]:
        given, config = options or self.options, self.model.config
        function = image_function(given.function_to_apply, config)
        values = scores(outputs[0].output.logits.float().numpy(), function)
        order = (-values).argsort(kind="stable")[: given.top_k or TOP].tolist()
        return [
            {"label": config.labels[i], "score": score} for i, score in zip(order, values[order].tolist(), strict=True)
        ]


def image_function(wanted: str | None, config: Config) -> Function:
    """The function that a user asks for; else sigmoid for labels that exclude none or for a single one, softmax."""
    if wanted is None or wanted == "default":
        several = config.problem_type == "multi_label_classification"
        return "sigmoid" if several or len(config.labels) == 1 else "softmax"
    return chosen_function(wanted, config)
