"""Assisted writing: a small model suggests several tokens, the large one reads them at once and keeps those it agrees
with (https://arxiv.org/abs/2211.17192). The texts are those that the large model writes alone, only sooner."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nbpipes.errors import InputError
from nbpipes.generation.history import History, Row
from nbpipes.generation.loop import Progress, Request, Writer, Written
from nbpipes.generation.sampling import Dice, draw
from nbpipes.generation.tongues import Tongues
from nbpipes.models.decoding import Decoder, State, packed

UP, DOWN = 2, 1
"""The heuristic schedule asks for two tokens more after full agreement, else for one less."""


@dataclass(slots=True)
class Guess:
    """A suggested token, and the chances that it was drawn by (None without sampling)."""

    token: int
    chances: Tensor | None


class AssistedWriter(Writer):
    """Writes one text with the help of an assistant."""

    def __init__(self, decoder: Decoder, request: Request) -> None:
        super().__init__(decoder, request)
        if request.assistant is None:
            raise ValueError("assisted writing needs an assistant")
        if len(request.prompts) > 1 or request.settings.num_return_sequences > 1:
            raise InputError("an assistant helps with one text at a time: num_return_sequences must be 1")
        if self.guidance is not None:
            raise InputError("guidance_scale does not go with an assistant")
        self.assistant: Decoder = request.assistant
        self.count = request.settings.num_assistant_tokens
        self.row: Row | None = None
        self.helper: State | None = None
        self.heard: list[int] = []
        """The ids that the assistant has read."""
        self.why = ""

    def step(self) -> Progress:
        if self.row is None:
            return self._first()
        guesses = self._guesses(self.row)
        tokens = [self.row.ids[-1], *(guess.token for guess in guesses)]
        logits = self.decoder.step(torch.tensor([tokens], device=self.decoder.device), self._state)[0]
        added = self._judged(self.row, guesses, logits)
        # The last token that was added has not been read; of the guesses, only those before it count.
        self._state.rewind(len(guesses) + 1 - len(added))
        self._adjust(len(added) - 1, len(guesses))
        return Progress({0: added})

    def results(self) -> list[list[Written]]:
        return [[] if self.row is None else [Written(list(self.row.tokens), self.why, chances=list(self.row.chances))]]

    @property
    def _state(self) -> State:
        if self.state is None:
            raise RuntimeError("nothing has been read yet")
        return self.state

    def _first(self) -> Progress:
        logits, (self.row,) = self.begin(1)
        self.dice = Dice(self.settings.seed, self.row.prompt)
        token, scores = self._chosen(self.row, logits)
        self._add(self.row, token, scores)
        return Progress({0: [token]})

    def _chosen(self, row: Row, logits: Tensor) -> tuple[int, Tensor]:
        """The next token by `(1, vocabulary)` logits, and the scores that it was chosen by."""
        scores = self.scored(logits.float(), History([row], logits.device))
        token = draw(scores, [self.dice]) if self.settings.do_sample else scores.argmax(-1)
        return int(token), scores[0]

    def _guesses(self, row: Row) -> list[Guess]:
        """What the assistant would write, up to a token of which it is not sure."""
        if self.request.tongues is not None:
            return self._translated(row, self.request.tongues)
        ahead = row.copy()
        found: list[Guess] = []
        for _ in range(self._room(row, row.length)):
            token, scores = self._chosen(ahead, self._after(ahead.ids, row.longest - row.length))
            chances = scores.softmax(-1)
            ahead.tokens.append(token)
            found.append(Guess(token, chances if self.settings.do_sample else None))
            unsure = float(chances[token]) < self.settings.assistant_confidence_threshold
            if unsure or token in self.stops.ends:
                break
        return found

    def _translated(self, row: Row, tongues: Tongues) -> list[Guess]:
        """The same by an assistant with ids of its own; it takes the likeliest token each time."""
        read, written = tongues.to_helper(row.ids), list[int]()
        room = self._room(row, len(read)) if read else 0
        for _ in range(room):
            scores = self._after([*read, *written], 2 * (row.longest - row.length))[0].float()
            written.append(int(scores.argmax()))
            if float(scores.softmax(-1).max()) < self.settings.assistant_confidence_threshold:
                break
        found = tongues.to_own(row.ids, read, written) if written else []
        return [Guess(token, None) for token in found[:room]]

    def _room(self, row: Row, read: int) -> int:
        """How many guesses are asked for: the model adds a token of its own after them, and the assistant may take no
        more than these after those that it reads."""
        limit = self.assistant.limit
        able = self.count if limit is None else min(self.count, limit - read)
        return max(0, min(able, row.longest - row.length - 1))

    def _after(self, ids: list[int], room: int) -> Tensor:
        """The assistant's logits after these ids, `(1, vocabulary)`; what it has read otherwise is forgotten."""
        device = self.assistant.device
        pairs = zip(self.heard, ids[:-1], strict=False)
        known = next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(self.heard), len(ids) - 1))
        if self.helper is None or not known:
            logits, self.helper = self.assistant.begin(packed([ids], device), room)
        else:
            self.helper.rewind(len(self.heard) - known)
            logits = self.assistant.step(torch.tensor([ids[known:]], device=device), self.helper)[:, -1]
        self.heard = ids
        return logits.to(self.decoder.device)

    def _judged(self, row: Row, guesses: list[Guess], logits: Tensor) -> list[int]:
        """Adds the guesses that the model agrees with, and the token it says itself after them."""
        added: list[int] = []
        for i in range(len(guesses) + 1):
            scores = self.scored(logits[i : i + 1].float(), History([row], logits.device))
            guess = guesses[i] if i < len(guesses) else None
            token, agreed = self._verdict(scores, guess)
            added.append(token)
            self._add(row, token, scores[0])
            if self.finished or not agreed:
                break
        return added

    def _verdict(self, scores: Tensor, guess: Guess | None) -> tuple[int, bool]:
        """The next token, and whether it is the guessed one; drawn so that the chances are the model's."""
        if not self.settings.do_sample:
            token = int(scores.argmax(-1))
            return token, guess is not None and token == guess.token
        if guess is None or guess.chances is None:
            token = int(draw(scores, [self.dice]))
            return token, guess is not None and token == guess.token
        own = scores.softmax(-1)[0]
        if self.dice.fraction() * float(guess.chances[guess.token]) <= float(own[guess.token]):
            return guess.token, True
        rest = (own - guess.chances).clamp(min=0)
        return int(draw(rest.log()[None], [self.dice])), False

    def _add(self, row: Row, token: int, scores: Tensor) -> None:
        row.tokens.append(token)
        if self.settings.output_scores:
            row.chances.append(float(scores.softmax(-1)[token]))
        self.why = self.stops.why(row) or ""
        self.finished = bool(self.why)
        if self.finished:
            self.helper = None

    def _adjust(self, agreed: int, guessed: int) -> None:
        if self.settings.num_assistant_tokens_schedule != "constant" and guessed:
            self.count = self.count + UP if agreed == guessed else max(1, self.count - DOWN)
