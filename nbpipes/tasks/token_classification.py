"""Token classification, also called named entity recognition: what the words of a text stand for."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self, get_args

from tokenizers import Encoding

from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError, nearest
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.entities import Entity, EntitySteps, Offsets, Strategy, without_overlaps
from nbpipes.tasks.scores import softmax
from nbpipes.tasks.text import longest, text_chunk, told

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenClassificationOptions(Options):
    """aggregation_strategy: "none" gives each token its label; "simple" joins neighbours of one kind; "first",
    "average" and "max" also give all tokens of a word one label: by its first token, their mean, the surest of them.
    ignore_labels: labels that are left out. stride: tokens that the windows of a long text share; without it only
    what fits the model is read. is_split_into_words: items are lists of words; offsets then count in the words
    joined by delimiter. grouped_entities, ignore_subwords: old names of "simple" and, both together, of "first".
    """

    aggregation_strategy: Strategy | None = None
    ignore_labels: Sequence[str] = ("O",)
    stride: int | None = None
    is_split_into_words: bool = False
    delimiter: str = " "
    grouped_entities: bool | None = None
    ignore_subwords: bool | None = None

    def __post_init__(self) -> None:
        stride, strategy, labels = self.stride, self.aggregation_strategy, self.ignore_labels
        if strategy is not None and strategy not in get_args(Strategy):
            known = get_args(Strategy)
            raise InputError(
                f"unknown aggregation_strategy {strategy!r}{nearest(str(strategy), known)}. Known: {', '.join(known)}"
            )
        if stride is not None and (not isinstance(stride, int) or stride < 0):
            raise InputError(f"stride must be a number of tokens from 0 on, not {stride!r}")
        if stride is not None and strategy == "none":
            raise InputError("stride works with any aggregation_strategy but 'none': choose another, say 'simple'")
        object.__setattr__(self, "ignore_labels", (labels,) if isinstance(labels, str) else tuple(labels))

    def updated(self, given: Mapping[str, Any], task: str = "") -> Self:
        """None leaves an option as it was; grouped_entities and ignore_subwords become an aggregation_strategy."""
        stated = self.stated(given)
        if isinstance(wanted := stated.get("aggregation_strategy"), str):
            stated["aggregation_strategy"] = wanted.lower()
        old = {name: stated.pop(name) for name in ("grouped_entities", "ignore_subwords") if name in stated}
        if old:
            strategy = "none"
            if old.get("grouped_entities"):
                strategy = "first" if old.get("ignore_subwords") else "simple"
            warnings.warn(f"{' and '.join(old)}: deprecated, use aggregation_strategy={strategy!r}", stacklevel=3)
            stated["aggregation_strategy"] = strategy
        return super().updated(stated, task)


@dataclass(frozen=True, slots=True)
class Window:
    """The text of an item, and the part of it that a chunk reads.

    mapping: the user's own offsets. starts: where each word begins in the text, if it came split.
    """

    text: str
    encoding: Encoding
    mapping: Offsets | None = None
    starts: Sequence[int] | None = None

    def offsets(self) -> Offsets:
        """Where each token lies in the text."""
        offsets = self.mapping or self.encoding.offsets
        if self.starts is None:
            return offsets
        begins = (0 if word is None else self.starts[word] for word in self.encoding.word_ids)
        return [(start + begin, end + begin) for (start, end), begin in zip(offsets, begins, strict=False)]


class TokenClassificationPipeline(EntitySteps, Pipeline[TokenClassificationOptions]):
    """Finds entities, or labels words in any other way.

        pipeline("ner", model="…", aggregation_strategy="simple")("Wolfgang lives in Berlin")
        # [{"entity_group": "PER", "score": 0.99…, "word": "Wolfgang", "start": 0, "end": 8}, …]

    An item is a text, or with is_split_into_words a list of words; `{"text": …, "offset_mapping": …}` brings offsets of
    its own, a pair for each token. Its result is a list of entities in the order of the text.
    """

    options_class = TokenClassificationOptions
    kind = "token-classification"

    def is_item(self, value: Any) -> bool:
        return isinstance(value, str | dict)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """offset_mapping belongs to the items of a call: a pair for each token of one, or a list of such for many."""
        mapping = options.pop("offset_mapping", None)
        split = options.get("is_split_into_words", self.options.is_split_into_words)
        if split and len(args) == 1 and _is_words(args[0]):
            given = Given([list(args[0])], "list")
        else:
            given = super().arguments(args, options)
        if given.shape == "list" and given.size == 0:
            raise InputError("at least one input is required")
        return _mapped(given, mapping) if mapping else given

    def preprocess(self, item: Any, options: TokenClassificationOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        source: Any = item
        mapping = starts = None
        if isinstance(item, dict):
            source, mapping = item.get("text"), item.get("offset_mapping")
        if given.is_split_into_words:
            text, starts = _joined(source, given.delimiter)
        elif isinstance(source, str):
            text = source
        else:
            raise InputError(f"an item must be a text, not {told(source)}")
        windows = self._windows(source, given)
        if mapping and (len(windows) > 1 or len(mapping) < len(windows[0])):
            raise InputError(
                f"offset_mapping must have a pair for each of the {len(windows[0])} tokens, not {len(mapping)}, "
                "and cannot go with a stride"
            )
        for encoding in windows:
            yield text_chunk(encoding, self.tokenizer, self.model.limit, Window(text, encoding, mapping, starts))

    def _windows(self, source: str | Sequence[str], given: TokenClassificationOptions) -> list[Encoding]:
        """With stride all of a text, in windows; else what the model can read of it, warning if that is not all."""
        limit = longest(self.tokenizer, self.model)
        if given.stride is not None and limit is not None and given.stride >= limit:
            raise InputError(f"stride must be less than the {limit} tokens that the model reads, not {given.stride}")
        windows = self.tokenizer.windows(
            source,
            truncation=limit is not None,
            max_length=limit,
            stride=given.stride,
            is_split_into_words=given.is_split_into_words,
        )
        rest = windows[0].overflowing if given.stride is None else ()
        if rest and limit is not None:
            log.warning(
                "a text is too long for the model: of its %s tokens the first %s are read, and what follows is lost. "
                "To read all of it, pass stride=%s and an aggregation_strategy",
                f"{_content(windows) + _content(rest):,}",
                f"{_content(windows):,}",
                limit // 4,
            )
        return windows

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: TokenClassificationOptions | None = None
    ) -> list[Entity]:
        given = options or self.options
        strategy, found = given.aggregation_strategy or "none", []
        for out in outputs:
            window: Window = out.chunk.note
            scores = softmax(out.output.logits.float().numpy())
            tokens = self.gather_pre_entities(
                window.text,
                window.encoding.ids,
                scores,
                window.offsets(),
                window.encoding.special_tokens_mask,
                strategy,
            )
            for entity in self.aggregate(tokens, strategy):
                if entity.get("entity", entity.get("entity_group")) not in given.ignore_labels:
                    found.append(entity)
        return found if len(outputs) == 1 else without_overlaps(found)


NerPipeline = TokenClassificationPipeline


def _is_words(inputs: Any) -> bool:
    """Whether an input is the words of one item, and not a list of such items."""
    return isinstance(inputs, list | tuple) and any(isinstance(one, str) for one in inputs)


def _joined(words: Any, delimiter: str) -> tuple[str, list[int]]:
    """The text that words make, and where each of them begins in it."""
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError(f"with is_split_into_words an item must be a list of words, not {told(words)}")
    return delimiter.join(words), list(accumulate((len(word) + len(delimiter) for word in words), initial=0))


def _mapped(given: Given, mapping: Sequence[Any]) -> Given:
    """Gives each item its own offsets."""
    if given.shape == "lazy":
        raise InputError('offset_mapping needs a list of items; a stream may bring {"text": …, "offset_mapping": …}')
    items = list(given.items)
    own = [mapping] if isinstance(mapping[0][0], int) else mapping
    if len(own) != len(items):
        raise InputError(f"offset_mapping has offsets for {len(own)} items, but there are {len(items)}")
    pairs = zip(items, own, strict=True)
    return Given([{"text": item, "offset_mapping": offsets} for item, offsets in pairs], given.shape)


def _content(windows: Sequence[Encoding]) -> int:
    """Tokens of a text in its windows, without those that the tokenizer added."""
    return sum(len(window) - sum(window.special_tokens_mask) for window in windows)
