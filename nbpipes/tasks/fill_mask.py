"""Fill-mask: which words fit where a text has a mask token."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError, nearest
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.text import longest, text_chunk

log = logging.getLogger(__name__)
TOKENIZER_OPTIONS = ("truncation", "max_length", "add_special_tokens", "padding")


@dataclass(frozen=True)
class FillMaskOptions(Options):
    """top_k: how many words for each mask. targets: a word or words to choose from, each one token of the vocabulary.
    tokenizer_kwargs: truncation, max_length, add_special_tokens."""

    top_k: int = 5
    targets: str | Sequence[str] | None = None
    tokenizer_kwargs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.top_k, int) or self.top_k < 1:
            raise InputError(f"top_k must be a number from 1 on, not {self.top_k!r}")
        for name in self.tokenizer_kwargs or {}:
            if name not in TOKENIZER_OPTIONS:
                raise TypeError(f"tokenizer_kwargs has no {name!r}{nearest(name, TOKENIZER_OPTIONS)}")


class FillMaskPipeline(Pipeline[FillMaskOptions]):
    """Fills masks: "Paris is the [MASK] of France." gives `{"score", "token", "token_str", "sequence"}`, best first.

    A text with several masks gives one such list for each of them; they are filled independently.
    """

    options_class = FillMaskOptions
    kind = "fill-mask"

    def preprocess(self, item: Any, options: FillMaskOptions | None = None) -> Iterator[Chunk]:
        more = dict((options or self.options).tokenizer_kwargs or {})
        more.pop("padding", None)
        if more.get("truncation"):
            more.setdefault("max_length", longest(self.tokenizer, self.model))
        mask = self.tokenizer.mask_token_id
        if mask is None:
            raise InputError(f"{self.meta.get('model', 'this model')} has no mask token: it cannot fill masks")
        encoding = self.tokenizer.windows(item, **{"truncation": False, **more})[0]
        places = tuple(i for i, token in enumerate(encoding.ids) if token == mask)
        if not places:
            raise InputError(f"the text has no mask token ({self.tokenizer.mask_token}): {item[:80]!r}")
        yield text_chunk(encoding, self.tokenizer, self.model.limit, note=encoding.ids, rows=places)

    def postprocess(self, outputs: Sequence[ChunkOutput], options: FillMaskOptions | None = None) -> list[Any]:
        given, (answer,) = options or self.options, outputs
        probabilities = answer.output.logits.float().softmax(-1)
        targets = None if given.targets is None else self._target_ids(given.targets)
        if targets is not None:
            probabilities = probabilities[:, targets]
        vocabulary = probabilities.shape[-1]
        if given.top_k > vocabulary and targets is None:
            raise InputError(f"top_k is {given.top_k}, but the vocabulary has {vocabulary} tokens")
        found = probabilities.topk(min(given.top_k, vocabulary))
        alone = len(answer.chunk.rows or ()) == 1
        masks = [
            self._candidates(
                answer.chunk, place, values, tokens if targets is None else [targets[i] for i in tokens], alone
            )
            for place, values, tokens in zip(
                answer.chunk.rows or (), found.values.tolist(), found.indices.tolist(), strict=True
            )
        ]
        return masks[0] if alone else masks

    def gather(self, results: list[Any], items: list[Any], options: FillMaskOptions) -> Any:
        """A list of one text is answered like the text itself, as the documents show it."""
        return self.annotated(results[0], items[0]) if len(results) == 1 else super().gather(results, items, options)

    def _candidates(
        self, chunk: Chunk, place: int, scores: list[float], tokens: list[int], alone: bool
    ) -> list[dict[str, Any]]:
        found = []
        for score, token in zip(scores, tokens, strict=True):
            ids = [*chunk.note[:place], token, *chunk.note[place + 1 :]]
            ids = [one for one in ids if one != self.tokenizer.pad_token_id]
            found.append(
                {
                    "score": score,
                    "token": token,
                    "token_str": self.tokenizer.decode([token]),
                    "sequence": self.tokenizer.decode(ids, skip_special_tokens=alone),
                }
            )
        return found

    def _target_ids(self, targets: str | Sequence[str]) -> list[int]:
        """Ids of the words to choose from. A word that is not in the vocabulary stands for its first piece."""
        found: dict[int, None] = {}
        for word in [targets] if isinstance(targets, str) else targets:
            token = self.tokenizer.backend.token_to_id(word)
            if token is None:
                pieces = self.tokenizer.windows(word, add_special_tokens=False)[0].ids
                if not pieces:
                    log.warning("the target %r has no token and is left out", word)
                    continue
                token = pieces[0]
                piece = self.tokenizer.convert_ids_to_tokens([token])[0]
                log.warning("the target %r is not in the vocabulary; its first piece %r is used", word, piece)
            found[token] = None
        if not found:
            raise InputError("at least one target that is in the vocabulary must be given")
        return list(found)
