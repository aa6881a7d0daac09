"""Text classification, also called sentiment analysis: which label fits a text, or a pair of texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import UNSET, Options, Unset
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.scores import chosen_function, scores
from nbpipes.tasks.text import longest, text_chunk, told


@dataclass(frozen=True)
class TextClassificationOptions(Options):
    """top_k: how many labels, best first; None = all; not given = the best one alone.
    function_to_apply: "softmax", "sigmoid", "none", or "default" for what the model was trained with.
    return_all_scores: old name of top_k=None, in the order of the labels.
    truncation, max_length, add_special_tokens: how the tokenizer cuts and dresses the text. padding changes nothing.
    """

    top_k: int | Unset | None = UNSET
    function_to_apply: Literal["softmax", "sigmoid", "none", "default"] | None = None
    return_all_scores: bool | None = None
    truncation: bool | str = False
    max_length: int | None = None
    padding: bool | str | None = None
    add_special_tokens: bool = True

    def __post_init__(self) -> None:
        if self.top_k not in (UNSET, None) and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise InputError(f"top_k must be a number from 1 on, or None for all labels, not {self.top_k!r}")


class TextClassificationPipeline(Pipeline[TextClassificationOptions]):
    """Labels texts.

        pipeline("text-classification", model="demo")("This is lovely!")   # [{"label": "POSITIVE", "score": 0.9…}]

    An item is a text, or `{"text": …, "text_pair": …}`. Its result is `{"label", "score"}`, with top_k a list of them.
    """

    options_class = TextClassificationOptions
    kind = "text-classification"
    wanted = 'a text or {"text": …, "text_pair": …}'

    def is_item(self, value: Any) -> bool:
        return isinstance(value, str | dict)

    def preprocess(self, item: Any, options: TextClassificationOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        text, pair = _texts(item)
        encoding = self.tokenizer.windows(
            text,
            pair,
            truncation=given.truncation,
            max_length=given.max_length or longest(self.tokenizer, self.model) if given.truncation else None,
            add_special_tokens=given.add_special_tokens,
        )[0]
        yield text_chunk(encoding, self.tokenizer, self.model.limit)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: TextClassificationOptions | None = None
    ) -> dict[str, Any] | list[dict[str, Any]]:
        given, config = options or self.options, self.model.config
        function = chosen_function(given.function_to_apply, config)
        values = scores(outputs[0].output.logits.float().numpy(), function).tolist()
        found = [{"label": label, "score": score} for label, score in zip(config.labels, values, strict=True)]
        if given.top_k is UNSET and given.return_all_scores:
            return found
        found.sort(key=lambda one: -one["score"])
        return found[0] if given.top_k is UNSET else found[: given.top_k]

    def present(self, result: Any, item: Any, options: TextClassificationOptions) -> Any:
        """A single text without top_k gets its label in a list of one, as the documents show it."""
        return [result] if isinstance(item, str) and options.top_k is UNSET else result


def _texts(item: Any) -> tuple[str, str | None]:
    match item:
        case str():
            return item, None
        case {"text": text, **rest} if rest.keys() <= {"text_pair"}:
            return text, rest.get("text_pair")
        case [[text, pair]]:
            return text, pair
    raise InputError(f'an item must be a text or {{"text": …, "text_pair": …}}, not {told(item)}')
