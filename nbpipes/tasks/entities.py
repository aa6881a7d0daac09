"""From scores of tokens to entities: the steps that the documents name, so that a subclass can replace one."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nbpipes.errors import InputError
from nbpipes.tasks.scores import Floats

Strategy = Literal["none", "simple", "first", "average", "max"]
Entity = dict[str, Any]
Offsets = Sequence[tuple[int, int]]
BY_WORD = ("first", "average", "max")
"""Strategies that give all tokens of a word one label."""


class EntitySteps:
    """The aggregation of a token classification pipeline."""

    model: Any
    tokenizer: Any

    def gather_pre_entities(
        self,
        sentence: str,
        input_ids: Sequence[int],
        scores: Floats,
        offset_mapping: Offsets,
        special_tokens_mask: Sequence[int],
        aggregation_strategy: Strategy = "none",
    ) -> list[Entity]:
        """The tokens that the tokenizer did not add, as dicts: word, scores, start, end, index, is_subword.

        scores: `(tokens, labels)` probabilities. offset_mapping: the characters of the sentence that a token covers.
        """
        marked = self.tokenizer.continuing_subword_prefix
        if not marked and aggregation_strategy in BY_WORD:
            warnings.warn(
                "this tokenizer does not mark words: tokens without a space between them are taken for one",
                stacklevel=2,
            )
        words, unknown = self.tokenizer.convert_ids_to_tokens(input_ids), self.tokenizer.unk_token_id
        found = []
        for index, row in enumerate(scores):
            if special_tokens_mask[index]:
                continue
            word, (start, end) = words[index], offset_mapping[index]
            if input_ids[index] == unknown:
                word, continues = sentence[start:end], False
            elif marked:
                continues = len(word) != end - start
            else:
                continues = start > 0 and " " not in sentence[start - 1 : start + 1]
            found.append(
                {
                    "word": word,
                    "scores": row,
                    "start": start,
                    "end": end,
                    "index": index,
                    "is_subword": continues,
                }
            )
        return found

    def aggregate(self, pre_entities: list[Entity], aggregation_strategy: Strategy) -> list[Entity]:
        """Entities of what `gather_pre_entities` gives: with "none" one for each token."""
        if aggregation_strategy in BY_WORD:
            return self.group_entities(self.aggregate_words(pre_entities, aggregation_strategy))
        entities = [
            self._labelled(token["scores"]) | {name: token[name] for name in ("index", "word", "start", "end")}
            for token in pre_entities
        ]
        return entities if aggregation_strategy == "none" else self.group_entities(entities)

    def aggregate_words(self, entities: list[Entity], aggregation_strategy: Strategy) -> list[Entity]:
        """One entity for each word. A token that `is_subword` belongs to the word before it."""
        words: list[list[Entity]] = []
        for token in entities:
            if words and token["is_subword"]:
                words[-1].append(token)
            else:
                words.append([token])
        return [self._word(tokens, aggregation_strategy) for tokens in words]

    def _word(self, tokens: list[Entity], strategy: Strategy) -> Entity:
        if strategy not in BY_WORD:
            raise InputError(f"aggregation_strategy={strategy!r} does not join the tokens of a word")
        scores = tokens[0]["scores"]
        if strategy == "max":
            scores = max((token["scores"] for token in tokens), key=np.max)
        elif strategy == "average" and len(tokens) > 1:
            scores = np.mean([token["scores"] for token in tokens], axis=0)
        return self._labelled(scores) | self._joined(tokens)

    def group_entities(self, entities: list[Entity]) -> list[Entity]:
        """Joins neighbours of one kind. A label that begins with B- opens a group of its own."""
        groups: list[list[Entity]] = []
        last = None
        for entity in entities:
            label = entity["entity"]
            tag = label[2:] if label.startswith(("B-", "I-")) else label
            if groups and tag == last and not label.startswith("B-"):
                groups[-1].append(entity)
            else:
                groups.append([entity])
            last = tag
        return [self.group_sub_entities(group) for group in groups]

    def group_sub_entities(self, entities: list[Entity]) -> Entity:
        """One entity of several of one kind: the mean of their scores, their words as one."""
        return {
            "entity_group": entities[0]["entity"].split("-", 1)[-1],
            "score": float(np.mean([entity["score"] for entity in entities], dtype=np.float32)),
        } | self._joined(entities)

    def _labelled(self, scores: Floats) -> Entity:
        best = int(scores.argmax())
        return {"entity": self.model.config.labels[best], "score": float(scores[best])}

    def _joined(self, entities: list[Entity]) -> Entity:
        word = self.tokenizer.convert_tokens_to_string([entity["word"] for entity in entities])
        return {"word": word, "start": entities[0]["start"], "end": entities[-1]["end"]}


def without_overlaps(entities: list[Entity]) -> list[Entity]:
    """In the order of the text; of those that overlap the longest, and of equally long ones the surest.

    Entities overlap where neighbouring windows of a long text both read a place.
    """
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda one: one["start"]):
        if not kept or entity["start"] >= kept[-1]["end"]:
            kept.append(entity)
        elif _rank(entity) > _rank(kept[-1]):
            kept[-1] = entity
    return kept


def _rank(entity: Entity) -> tuple[int, float]:
    return entity["end"] - entity["start"], entity["score"]
