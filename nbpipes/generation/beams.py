"""Beam search: the most likely texts, found by going on with several at a time (rules of transformers 4.57)."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from nbpipes.generation.history import History, Row
from nbpipes.generation.loop import Progress, Request, Writer, Written
from nbpipes.generation.sampling import Dice
from nbpipes.generation.settings import Settings
from nbpipes.generation.stopping import Stops
from nbpipes.models.decoding import Decoder

LOST = np.float32(-1e9)
"""The score of texts that must not win."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A beam with one more token, and the sum of its log-probabilities."""

    score: np.float32
    beam: int
    row: Row
    why: str | None


@dataclass(slots=True)
class Search:
    """The search for one prompt. beams: texts that go on, the best first. bank: complete texts by their scores."""

    beams: list[Row]
    scores: list[np.float32]
    dice: Dice
    bank: list[tuple[np.float32, Row, str]] = field(default_factory=list)
    open: bool = True
    done: bool = False

    def go_on(self, candidates: list[Candidate], settings: Settings) -> list[int]:
        """Banks what is complete, goes on with the rest. Returns the beams that the new ones come from."""
        count, never = settings.num_beams, settings.early_stopping == "never"
        greedy = settings.early_stopping is True
        if self.open and not (greedy and len(self.bank) == count):
            self._collect(candidates[:count], settings)
        alive = sorted((one for one in candidates if one.why is None), key=lambda one: -one.score)
        lost = [one for one in candidates if one.why is not None]
        following = (alive + lost)[:count]
        self.beams = [one.row for one in following]
        self.scores = [one.score if one.why is None else one.score + LOST for one in following]
        row = self.beams[0]
        length = row.longest - len(row.prompt) if never and settings.length_penalty > 0 else len(row.tokens)
        best = self.scores[0] / np.float32(length**settings.length_penalty)
        full = len(self.bank) == count
        self.open = self.open and bool(best > (self.bank[-1][0] if full else LOST))
        self.done = not self.open or (greedy and full) or not alive
        return [one.beam for one in following]

    def _collect(self, candidates: list[Candidate], settings: Settings) -> None:
        for one in candidates:
            if one.why is not None:
                score = one.score / np.float32(len(one.row.tokens) ** settings.length_penalty)
                self.bank.append((score, one.row, one.why))
        self.bank.sort(key=lambda entry: -entry[0])
        del self.bank[settings.num_beams :]

    def written(self, count: int) -> list[Written]:
        """The best texts, the complete ones first."""
        found = [
            Written(list(row.tokens), why, float(score), row.likelihood, list(row.chances))
            for score, row, why in self.bank
        ]
        rest = [Written(list(row.tokens), "", None, row.likelihood, list(row.chances)) for row in self.beams]
        return (found if self.done else found + rest)[:count]


class BeamWriter(Writer):
    """Goes on with the `num_beams` best texts of each prompt. Prompts that are done leave the batch."""

    def __init__(self, decoder: Decoder, request: Request) -> None:
        super().__init__(decoder, request)
        self.searches: list[Search] = []
        self.alive: list[Search] = []
        self.width = request.settings.num_beams
        self.ahead = max(2, 1 + len(request.settings.ends)) * self.width

    def step(self) -> Progress:
        if self.state is None:
            logits = self._start()
        else:
            last = torch.tensor([[row.tokens[-1]] for row in self._rows()], device=self.decoder.device)
            logits = self.decoder.step(last, self.state)[:, 0]
        scores = self.scored(logits.float().log_softmax(-1), History(self._rows(), logits.device))
        logs = self.likelihoods(scores)
        origins = []
        for i, (search, candidates) in enumerate(zip(self.alive, self._candidates(scores), strict=True)):
            for one in candidates:
                place = i * self.width + one.beam, one.row.tokens[-1]
                if logs is not None:
                    one.row.likelihood += float(logs[place])
                if self.settings.output_scores:
                    one.row.chances.append(float(scores[place].exp()))
            beams = search.go_on(candidates, self.settings)
            if not search.done:
                origins += [i * self.width + beam for beam in beams]
        self.alive = [search for search in self.alive if not search.done]
        if not self.alive:
            self.finished, self.state = True, None
        elif origins != list(range(len(logits))):
            self.select(origins)
        leading = [search.beams[0] for search in self.searches]
        return Progress({row.item: row.tokens for row in leading}, anew=True)

    def results(self) -> list[list[Written]]:
        return [search.written(self.settings.num_return_sequences) for search in self.searches]

    def _rows(self) -> list[Row]:
        return [row for search in self.alive for row in search.beams]

    def _start(self) -> Tensor:
        logits, rows = self.begin(self.width)
        # All beams are equal at first: only one of them may be continued.
        scores = [np.float32(0), *[LOST] * (self.width - 1)]
        for i in range(0, len(rows), self.width):
            beams = rows[i : i + self.width]
            self.searches.append(Search(beams, list(scores), Dice(self.settings.seed, beams[0].prompt)))
        self.alive = list(self.searches)
        return logits

    def _candidates(self, scores: Tensor) -> list[list[Candidate]]:
        """The next candidates of each search, in the order in which they were found."""
        vocabulary = scores.shape[-1]
        before = torch.tensor(np.array([search.scores for search in self.alive]), device=scores.device)
        sums = (scores.view(len(self.alive), self.width, -1) + before[..., None]).flatten(1)
        if self.settings.do_sample:
            picked = torch.stack(
                [
                    search.dice.several(chances, self.ahead)
                    for search, chances in zip(self.alive, sums.softmax(-1), strict=True)
                ]
            )
            values = sums.gather(1, picked)
        else:
            values, picked = sums.topk(self.ahead)
        found = []
        for search, numbers, places in zip(self.alive, values.cpu().numpy(), picked.tolist(), strict=True):
            found.append(
                [
                    candidate(search, score, place // vocabulary, place % vocabulary, self.stops)
                    for score, place in zip(numbers, places, strict=True)
                ]
            )
        return found


def candidate(search: Search, score: np.float32, beam: int, token: int, stops: Stops) -> Candidate:
    """A beam with one more token."""
    row = search.beams[beam].copy()
    row.tokens.append(token)
    return Candidate(score, beam, row, stops.why(row))
