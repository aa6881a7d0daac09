"""Feature extraction: the vectors that a model has for the tokens of a text, or one vector for the whole of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError, nearest
from nbpipes.processing.batch import Chunk
from nbpipes.processing.sentences import Pooling, SentenceSettings
from nbpipes.tasks.text import longest, text_chunk

TOKENIZER_OPTIONS = ("truncation", "max_length", "add_special_tokens", "padding")
POOLINGS = ("mean", "cls", "max", "auto")


@dataclass(frozen=True)
class FeatureExtractionOptions(Options):
    """truncation: whether a text that is too long is cut; tokenize_kwargs: truncation, max_length, add_special_tokens.
    return_tensors: give a torch tensor instead of lists.
    pooling: "mean", "cls" or "max" gives one vector for a text; "auto" pools, normalises and cuts texts as the
    repository's 1_Pooling says. normalize: whether that vector gets the length 1.
    """

    tokenize_kwargs: Mapping[str, Any] | None = None
    truncation: bool | str | None = None
    return_tensors: bool = False
    pooling: Pooling | Literal["auto"] | None = None
    normalize: bool | None = None

    def __post_init__(self) -> None:
        if self.pooling is not None and self.pooling not in POOLINGS:
            raise InputError(
                f"pooling must be one of {POOLINGS}, not {self.pooling!r}{nearest(str(self.pooling), POOLINGS)}"
            )
        if self.normalize and self.pooling is None:
            raise InputError("normalize needs pooling: it is the pooled vector that gets the length 1")
        for name in self.tokenize_kwargs or {}:
            if name not in TOKENIZER_OPTIONS:
                raise TypeError(f"tokenize_kwargs has no {name!r}{nearest(name, TOKENIZER_OPTIONS)}")
        if self.truncation is not None and "truncation" in (self.tokenize_kwargs or {}):
            raise InputError("truncation is given twice, as an option and in tokenize_kwargs")


class FeatureExtractionPipeline(Pipeline[FeatureExtractionOptions]):
    """Turns texts into vectors.

    A text gives `[[[float, …], …]]`, one vector for each token, special ones too; with `pooling` one `[float, …]`.
    """

    options_class = FeatureExtractionOptions
    kind = "feature-extraction"

    @cached_property
    def sentences(self) -> SentenceSettings:
        """How the model's repository wants its vectors pooled."""
        return SentenceSettings.load(self.model.repo)

    def preprocess(self, item: Any, options: FeatureExtractionOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        more: dict[str, Any] = {"truncation": given.truncation or False, **(given.tokenize_kwargs or {})}
        more.pop("padding", None)
        if given.pooling == "auto" and given.truncation is None and "truncation" not in (given.tokenize_kwargs or {}):
            more["truncation"] = True
            more.setdefault("max_length", self.sentences.max_tokens)
        if more["truncation"] and more.get("max_length") is None:
            more["max_length"] = longest(self.tokenizer, self.model)
        yield text_chunk(self.tokenizer.windows(item, **more)[0], self.tokenizer, self.model.limit)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: FeatureExtractionOptions | None = None
    ) -> list[Any] | Tensor:
        given, hidden = options or self.options, outputs[0].output.hidden
        if given.pooling is None:
            return hidden.unsqueeze(0) if given.return_tensors else [hidden.float().tolist()]
        auto = given.pooling == "auto"
        vector = _pooled(hidden.float(), self.sentences.pooling if auto else given.pooling)
        normalize = self.sentences.normalize if auto and given.normalize is None else given.normalize
        vector = F.normalize(vector, dim=0) if normalize else vector
        return vector if given.return_tensors else vector.tolist()


def _pooled(hidden: Tensor, pooling: str) -> Tensor:
    """`(tokens, width)` to `(width,)`."""
    match pooling:
        case "mean":
            return hidden.mean(0)
        case "max":
            return hidden.amax(0)
    return hidden[0]
