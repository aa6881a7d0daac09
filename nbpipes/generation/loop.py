"""The loop that writes: read the prompts, choose a token for each row, go on until every row is complete."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nbpipes.errors import InputError
from nbpipes.generation.guidance import Guidance
from nbpipes.generation.history import History, Row
from nbpipes.generation.logits import PrefixFunction, Processor, UserProcessor, normalized, rules
from nbpipes.generation.sampling import Dice, draw, warpers
from nbpipes.generation.settings import Settings
from nbpipes.generation.stopping import Decode, Stops, UserCriterion
from nbpipes.generation.tongues import Tongues
from nbpipes.models.decoding import Decoder, State


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to write on.

    inputs: what the decoder begins with, all prompts in one batch. prompts: the ids that each row begins with.
    sources: what an encoder reads, None = the prompts. limit: the longest text that the model can take.
    rules: of the model's own, after those that settings ask for. judged: whether to sum up how likely the texts are.
    tongues: where the assistant has other ids.
    """

    inputs: Mapping[str, Any]
    prompts: Sequence[Sequence[int]]
    settings: Settings
    sources: Sequence[Sequence[int]] | None = None
    limit: int | None = None
    decode: Decode | None = None
    prefix_allowed_tokens_fn: PrefixFunction | None = None
    rules: Sequence[Processor] = ()
    logits_processor: Sequence[UserProcessor] = ()
    stopping_criteria: Sequence[UserCriterion] = ()
    assistant: Decoder | None = None
    tongues: Tongues | None = None
    judged: bool = False

    def rows(self) -> list[Row]:
        """A row for each prompt; InputError for one that leaves no room to write."""
        sources = self.prompts if self.sources is None else self.sources
        return [
            Row(i, prompt, room(self.settings, len(prompt), self.limit), source)
            for i, (prompt, source) in enumerate(zip(self.prompts, sources, strict=True))
        ]


def room(settings: Settings, prompt: int, limit: int | None) -> int:
    """How many ids a row may have in all. InputError where that is no more than the prompt's."""
    if limit is not None and prompt >= limit:
        raise InputError(
            f"the prompt has {prompt:,} tokens, and the model reads at most {limit:,}: shorten it, or let "
            "handle_long_generation='hole' keep its end only"
        )
    longest = settings.longest(prompt, limit)
    if settings.max_new_tokens == 0:
        raise InputError("max_new_tokens=0: there is nothing to write")
    if longest <= prompt:
        raise InputError(
            f"the prompt has {prompt:,} tokens, and max_length={longest} counts them too: nothing is left to write. "
            "Raise max_length, or set max_new_tokens instead"
        )
    return longest if limit is None else min(longest, limit)


@dataclass(frozen=True, slots=True)
class Written:
    """One text: its new ids, why it ended ("end", "length", "text", "time", "user"; "" if it was stopped before), and
    the score that beam search gave it. likelihood: sum of the log-probabilities of its ids, if it was asked for;
    chances: by which each was chosen, the same."""

    tokens: list[int]
    why: str = ""
    score: float | None = None
    likelihood: float = 0.0
    chances: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """What a step has added: new ids by the number of the prompt. anew: they are all new ids of the text that is the
    best by now, as searches that look at many texts change their minds."""

    added: dict[int, list[int]] = field(default_factory=dict)
    anew: bool = False

    def after(self, before: list[int], added: list[int]) -> list[int]:
        """All new ids of a text that had these before, and to which the step has added those."""
        return list(added) if self.anew else before + added


class Writer(ABC):
    """Writes step by step, so that every step can be shown, and the last one can be any.

    while not writer.finished:
        writer.advance()
    writer.results()
    """

    def __init__(self, decoder: Decoder, request: Request) -> None:
        self.decoder, self.request, self.settings = decoder, request, request.settings
        self.rules = rules(
            request.settings,
            allowed=request.prefix_allowed_tokens_fn,
            own=request.rules,
            users=tuple(request.logits_processor),
        )
        self.warpers = warpers(request.settings) if request.settings.do_sample else []
        self.stops = Stops(request.settings, request.decode, request.stopping_criteria)
        scale = request.settings.guidance_scale
        self.guidance = None if scale in (None, 1) else Guidance(decoder, scale)
        self.state: State | None = None
        self.finished = False

    @torch.inference_mode()
    def advance(self) -> Progress:
        """Adds a token to every row that is not complete."""
        return self.step()

    @abstractmethod
    def step(self) -> Progress:
        """The work of `advance`."""

    @abstractmethod
    def results(self) -> list[list[Written]]:
        """The texts for each prompt, as far as they have come."""

    def begin(self, copies: int) -> tuple[Tensor, list[Row]]:
        """Reads the prompts. Returns the logits and the rows, each `copies` times in a row."""
        rows = self.request.rows()
        new = max(row.longest - len(row.prompt) for row in rows)
        logits, self.state = self.decoder.begin(self.request.inputs, new)
        if copies > 1:
            order = torch.arange(len(rows), device=logits.device).repeat_interleave(copies)
            self.state.select(order)
            logits = logits[order]
            rows = [row.copy() for row in rows for _ in range(copies)]
        return logits, rows

    def select(self, rows: list[int]) -> None:
        """Goes on with the rows with these numbers, in this order."""
        chosen = torch.tensor(rows, device=self.decoder.device)
        if self.state is not None:
            self.state.select(chosen)
        if self.guidance is not None:
            self.guidance.select(chosen)

    def scored(self, scores: Tensor, history: History) -> Tensor:
        """Scores after all rules, `(rows, vocabulary)`."""
        if self.guidance is not None:
            scores = self.guidance(history, scores)
        for rule in self.rules:
            scores = rule(history, scores)
        for warper in self.warpers:
            scores = warper(scores)
        return normalized(history, scores) if self.settings.renormalize_logits else scores

    def likelihoods(self, scores: Tensor) -> Tensor | None:
        """Log-probabilities whatever the temperature, `(rows, vocabulary)`; None if nobody asked."""
        if not self.request.judged:
            return None
        return (scores * self.settings.temperature if self.settings.do_sample else scores).log_softmax(-1)


class TokenWriter(Writer):
    """Takes the best token each time, or draws one. Rows that are complete leave the batch."""

    def __init__(self, decoder: Decoder, request: Request) -> None:
        super().__init__(decoder, request)
        self.rows: list[Row] = []
        self.alive: list[Row] = []
        self.dice: list[Dice] = []
        self.why: dict[int, str] = {}

    def step(self) -> Progress:
        if self.state is None:
            logits = self._start()
        else:
            last = torch.tensor([[row.tokens[-1]] for row in self.alive], device=self.decoder.device)
            logits = self.decoder.step(last, self.state)[:, 0]
        tokens = self._choose(logits)
        progress, kept = Progress(), []
        for i, (row, token) in enumerate(zip(self.alive, tokens, strict=True)):
            row.tokens.append(token)
            if row.place == 0:
                progress.added[row.item] = [token]
            why = self.stops.why(row)
            if why is None:
                kept.append(i)
            else:
                self.why[id(row)] = why
        self._keep(kept)
        return progress

    def results(self) -> list[list[Written]]:
        found: list[list[Written]] = [[] for _ in self.request.prompts]
        for row in self.rows:
            why = self.why.get(id(row), "")
            written = Written(list(row.tokens), why, likelihood=row.likelihood, chances=list(row.chances))
            found[row.item].append(written)
        return found

    def _start(self) -> Tensor:
        logits, self.rows = self.begin(self.settings.num_return_sequences)
        for i, row in enumerate(self.rows):
            row.place = i % self.settings.num_return_sequences
        self.alive = list(self.rows)
        self.dice = [Dice(self.settings.seed, row.prompt, row.place) for row in self.rows]
        return logits

    def _choose(self, logits: Tensor) -> list[int]:
        history = History(self.alive, logits.device)
        scores = self.scored(logits.float(), history)
        chosen = draw(scores, self.dice) if self.settings.do_sample else scores.argmax(-1)
        logs = self.likelihoods(scores)
        if logs is not None:
            for row, log in zip(self.alive, logs.gather(1, chosen[:, None])[:, 0].tolist(), strict=True):
                row.likelihood += log
        if self.settings.output_scores:
            chances = scores.softmax(-1).gather(1, chosen[:, None])[:, 0].tolist()
            for row, chance in zip(self.alive, chances, strict=True):
                row.chances.append(chance)
        return chosen.tolist()

    def _keep(self, kept: list[int]) -> None:
        if not kept:
            self.finished, self.state = True, None
        elif len(kept) < len(self.alive):
            self.select(kept)
        self.alive = [self.alive[i] for i in kept]
        self.dice = [self.dice[i] for i in kept]
