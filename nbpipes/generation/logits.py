"""Rules that change the scores of the next token, whatever the way in which it is chosen.

Each takes the history of the rows and their scores, `(rows, vocabulary)` in float32, and returns new scores. `rules`
puts them into the order in which transformers applies them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from nbpipes.errors import InputError
from nbpipes.generation.history import History
from nbpipes.generation.settings import Settings

PrefixFunction = Callable[[int, Tensor], Sequence[int]]
UserProcessor = Callable[[Tensor, Tensor], Tensor]
NEVER = -math.inf


class Processor(Protocol):
    """A rule."""

    def __call__(self, history: History, scores: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class SequenceBias:
    """Adds to the score of a token that would complete a sequence. biases: by sequence of ids."""

    biases: Mapping[tuple[int, ...], float]

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        bias = torch.zeros_like(scores)
        worst = max((token for sequence in self.biases for token in sequence), default=0)
        if worst >= scores.shape[-1]:
            raise InputError(f"a biased or bad word has the id {worst}; the vocabulary ends at {scores.shape[-1] - 1}")
        for sequence, value in self.biases.items():
            before, last = list(sequence[:-1]), sequence[-1]
            if not before:
                bias[:, last] = value
        for sequence, value in self.biases.items():
            before, last = list(sequence[:-1]), sequence[-1]
            if before:
                hit = [row.length > len(before) and row.ids[-len(before) :] == before for row in history.rows]
                bias[history.where(hit), last] += value
        return scores + bias


@dataclass(frozen=True)
class RepetitionPenalty:
    """Makes ids that have been there less likely (more likely below 1). sources: those the model has read instead."""

    penalty: float
    sources: bool = False

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        ids = history.sources() if self.sources else history.ids()
        seen = scores.gather(1, ids)
        return scores.scatter(1, ids, torch.where(seen < 0, seen * self.penalty, seen / self.penalty))


@dataclass(frozen=True)
class NoRepeatedNgram:
    """Forbids tokens that would repeat a sequence of `size` ids, of the row itself or of what the model has read."""

    size: int
    sources: bool = False

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        scores = scores.clone()
        for i, row in enumerate(history.rows):
            ids = row.ids
            if len(ids) + 1 < self.size:
                continue
            text = list(row.source) if self.sources else ids
            start = ids[len(ids) + 1 - self.size :]
            ends = (
                text[j + self.size - 1]
                for j in range(len(text) - self.size + 1)
                if text[j : j + self.size - 1] == start
            )
            scores[i, list(ends)] = NEVER
        return scores


@dataclass(frozen=True)
class MinLength:
    """Forbids to end before a row has `least` ids, or as many new ones."""

    least: int
    ends: tuple[int, ...]
    new: bool = False

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        short = [(len(row.tokens) if self.new else row.length) < self.least for row in history.rows]
        scores = scores.clone()
        scores[history.where(short)[:, None], _known(self.ends, scores)] = NEVER
        return scores


@dataclass(frozen=True)
class Allowed:
    """Allows only the ids that a function of the user names for the number of a prompt and the ids so far."""

    function: PrefixFunction

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        kept = torch.full_like(scores, NEVER)
        for i, row in enumerate(history.rows):
            allowed = list(self.function(row.item, torch.tensor(row.ids)))
            if not allowed:
                raise InputError(f"prefix_allowed_tokens_fn allows no token for prompt {row.item}")
            kept[i, allowed] = scores[i, allowed]
        return kept


@dataclass(frozen=True)
class Forced:
    """Leaves only the given ids: as the second id of a row, or (`last`) where the row could hold no further one."""

    ids: tuple[int, ...]
    last: bool = False

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        hit = [row.length == (row.longest - 1 if self.last else 1) for row in history.rows]
        rows = history.where(hit)
        if _known(self.ids, scores) != list(self.ids):
            name = f"forced_{'eos' if self.last else 'bos'}_token_id"
            raise InputError(f"{name}={list(self.ids)}, and the vocabulary goes from 0 to {scores.shape[-1] - 1}")
        scores = scores.clone()
        scores[rows] = NEVER
        scores[rows[:, None], list(self.ids)] = 0
        return scores


def no_invalid(history: History, scores: Tensor) -> Tensor:
    """Replaces what is no number by 0, and infinite scores by the greatest there are."""
    limits = torch.finfo(scores.dtype)
    return scores.nan_to_num(0.0, limits.max, limits.min)


@dataclass(frozen=True)
class DecayingLength:
    """Makes the end ever more likely after `start` new tokens."""

    start: int
    factor: float
    ends: tuple[int, ...]

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        scores = scores.clone()
        ends = _known(self.ends, scores)
        for i, row in enumerate(history.rows):
            over = len(row.tokens) - self.start
            if over > 0:
                found = scores[i, ends]
                bonus = found.abs() * (self.factor**over - 1)
                scores[i, ends] = torch.where(found.isinf(), found, found + bonus)  # what is forbidden stays so
        return scores


@dataclass(frozen=True)
class Suppressed:
    """Forbids ids: always, or (`first`) as the first new one. A forced id before it does not count as new."""

    ids: tuple[int, ...]
    first: bool = False
    forced: bool = False

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        hit = [not self.first or len(row.tokens) == (self.forced and len(row.prompt) == 1) for row in history.rows]
        scores = scores.clone()
        scores[history.where(hit)[:, None], _known(self.ids, scores)] = NEVER
        return scores


def _known(ids: Sequence[int], scores: Tensor) -> list[int]:
    """Those of the ids that the vocabulary has: lists of checkpoints may name more, which are never said anyway."""
    return [number for number in ids if 0 <= number < scores.shape[-1]]


@dataclass(frozen=True)
class Users:
    """A function of the user's own, `(input_ids, scores) -> scores`; it sees each row without padding."""

    function: UserProcessor

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        lengths = history.lengths
        if len(set(lengths)) == 1:
            return self.function(history.ids(), scores)
        rows = [
            self.function(torch.tensor([row.ids], device=scores.device), scores[i : i + 1])
            for i, row in enumerate(history.rows)
        ]
        return torch.cat(rows)


def normalized(history: History, scores: Tensor) -> Tensor:
    """Log-probabilities again, after rules have changed some."""
    return scores.log_softmax(-1)


def rules(
    settings: Settings,
    *,
    allowed: PrefixFunction | None = None,
    own: Sequence[Processor] = (),
    users: Sequence[UserProcessor] = (),
) -> list[Processor]:
    """The rules that settings ask for, in the order of transformers; those of sampling come after them.

    allowed: `prefix_allowed_tokens_fn`. own: rules of the model's. users: functions of the user's own.
    """
    s, ends = settings, settings.ends
    found: list[Processor] = []
    if s.sequence_bias is not None:
        found.append(SequenceBias(_biases(s.sequence_bias)))
    if s.encoder_repetition_penalty != 1.0:
        found.append(RepetitionPenalty(1 / s.encoder_repetition_penalty, sources=True))
    if s.repetition_penalty != 1.0:
        found.append(RepetitionPenalty(s.repetition_penalty))
    if s.no_repeat_ngram_size:
        found.append(NoRepeatedNgram(s.no_repeat_ngram_size))
    if s.encoder_no_repeat_ngram_size:
        found.append(NoRepeatedNgram(s.encoder_no_repeat_ngram_size, sources=True))
    if s.bad_words_ids is not None:
        words: list[tuple[int, ...]] = [tuple(word) for word in s.bad_words_ids]
        found.append(SequenceBias({word: NEVER for word in words if len(word) != 1 or word[0] not in ends}))
    if s.min_new_tokens is None and s.min_length and ends:
        found.append(MinLength(s.min_length, ends))
    if s.min_new_tokens and ends:
        found.append(MinLength(s.min_new_tokens, ends, new=True))
    if allowed is not None:
        found.append(Allowed(allowed))
    return [*found, *_late_rules(s, ends), *own, *(Users(function) for function in users)]


def _late_rules(s: Settings, ends: tuple[int, ...]) -> list[Processor]:
    found: list[Processor] = []
    if s.forced_bos_token_id is not None:
        found.append(Forced((s.forced_bos_token_id,)))
    if s.forced_eos_token_id is not None:
        forced = s.forced_eos_token_id
        found.append(Forced((forced,) if isinstance(forced, int) else tuple(forced), last=True))
    if s.remove_invalid_values:
        found.append(no_invalid)
    if s.exponential_decay_length_penalty is not None:
        start, factor = s.exponential_decay_length_penalty
        found.append(DecayingLength(start, factor, ends))
    if s.suppress_tokens:
        found.append(Suppressed(tuple(s.suppress_tokens)))
    if s.begin_suppress_tokens:
        forced = s.forced_bos_token_id is not None
        found.append(Suppressed(tuple(s.begin_suppress_tokens), first=True, forced=forced))
    return found


def _biases(given: Mapping[Any, float] | Sequence[Any]) -> dict[tuple[int, ...], float]:
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        found = {tuple(sequence): float(value) for sequence, value in pairs}
    except (TypeError, ValueError) as error:
        raise InputError("sequence_bias must be {(ids, …): bias, …} or [[[ids, …], bias], …]") from error
    if not all(found) or not found:
        raise InputError("sequence_bias needs at least one sequence, and no empty one")
    return found
