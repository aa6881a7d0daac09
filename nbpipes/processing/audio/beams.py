"""Beam search over the letters of frames: the text that is best as a whole, with the times of its words.

Scores, pruning and results are those of pyctcdecode, whose decoders can be used in place of this one.
"""

import heapq
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbpipes.errors import InputError, TokenizerError
from nbpipes.hub.repo import Repo
from nbpipes.processing.audio.language_model import LanguageModel, Scorer, load_language_model

LEAST = math.log(1e-15)
"""Below it all letters are equally unlikely."""

Span = tuple[int, int]
Result = tuple[str, Any, list[tuple[str, Span]], float, float]
"""Text, state of the language model, words with their first frame and the one after their last, score of the letters,
and that with the language model's."""


class Beam(NamedTuple):
    """A text so far. word: what has been spelled since the last space. ended: a word that is not in `text` yet.

    last: the letter of the last frame. spans: of the words in `text` and of `ended`. span: of `word`, None before its
    first letter. score: logarithm of the probability of the letters. total: the same with that of the words.
    """

    text: str = ""
    ended: str = ""
    word: str = ""
    last: str | None = None
    spans: tuple[Span, ...] = ()
    span: Span | None = None
    score: float = 0.0
    total: float = 0.0

    @property
    def whole(self) -> str:
        """The text with the word that has just ended."""
        return f"{self.text} {self.ended}" if self.text and self.ended else self.text or self.ended

    def grown(self, letter: str, frame: int, score: float) -> "Beam":
        """The beam one frame later. letter: "" for none."""
        text, ended, word, last, spans, span, before, _ = self
        score += before
        if letter == "":
            return Beam(text, ended, word, letter, spans, span, score)
        if letter == last:  # a space has no span
            return Beam(text, ended, word, letter, spans, span and (span[0], frame + 1), score)
        if letter == " ":
            return self.finished()._replace(last=letter, score=score)
        return Beam(text, ended, word + letter, letter, spans, (span[0] if span else frame, frame + 1), score)

    def finished(self) -> "Beam":
        """The beam whose word has ended."""
        spans = (*self.spans, self.span) if self.word and self.span else self.spans
        return self._replace(ended=self.word, word="", last=None, spans=spans, span=None)


class HotWords:
    """Words that are to be preferred. weight: by how much each adds to the score."""

    def __init__(self, words: Iterable[str], weight: float) -> None:
        self.words = sorted({part for word in words for part in word.split()}, key=len)
        self.weight = weight
        ends = "|".join(rf"(?<!\S){re.escape(word)}(?!\S)" for word in reversed(self.words))
        self.pattern = re.compile(ends or r"^\b$")

    def score(self, text: str) -> float:
        """What whole words add."""
        return self.weight * len(self.pattern.findall(text)) if self.words else 0.0

    def begun(self, part: str) -> float | None:
        """What a part of a word adds, by how much of the shortest possible word it is; None if it begins none."""
        found = next((word for word in self.words if word.startswith(part)), None)
        return None if found is None else self.weight * len(part) / len(found)


class BeamDecoder:
    """Finds texts. labels: the letter of each column of the logits, "" for none and " " between words.

    model: what says which words go together.
    """

    def __init__(self, labels: Sequence[str], model: LanguageModel | None = None) -> None:
        self.labels, self.model = list(labels), model
        if "" not in self.labels:
            raise TokenizerError("the letters of a decoder need one that stands for none, ''")

    def decode_beams(
        self,
        logits: NDArray[np.floating],
        beam_width: int = 100,
        beam_prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        prune_history: bool = False,
        hotwords: Iterable[str] | None = None,
        hotword_weight: float = 10.0,
    ) -> list[Result]:
        """The best texts of logits, `(frames, letters)`, the best first.

        beam_width: texts that are followed at once. beam_prune_logp: how much worse than the best one they may be.
        token_min_logp: letters less likely than that are left out. prune_history: whether texts that differ only in
        words that matter no more are taken for one. hotwords: words to prefer, each by hotword_weight.
        """
        if logits.ndim != 2 or logits.shape[1] != len(self.labels):
            raise InputError(f"the decoder knows {len(self.labels)} letters; the logits are {logits.shape}")
        if beam_width < 1:
            raise InputError(f"beam_width must be a number from 1 on, not {beam_width!r}")
        scorer = Scorer(self.model, HotWords(hotwords or (), hotword_weight))
        beams = [Beam()]
        for frame, column in enumerate(_log_softmax(logits)):
            letters = np.flatnonzero(column >= token_min_logp).tolist() or [int(column.argmax())]
            grown = [beam.grown(self.labels[i], frame, float(column[i])) for i in letters for beam in beams]
            beams = _best(_totalled(_merged(grown), scorer), beam_width, beam_prune_logp)
            if prune_history:
                beams = _different(beams, 1 if self.model is None else self.model.order)
        ended = _totalled(_merged([beam.finished() for beam in beams]), scorer, last=True)
        return [
            (
                " ".join(beam.text.split()),
                scorer.state(beam.text),
                list(zip(beam.text.split(), beam.spans, strict=False)),
                beam.score,
                beam.total,
            )
            for beam in _best(ended, beam_width, beam_prune_logp)
        ]


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    return np.clip(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), LEAST, 0)


def _merged(beams: Sequence[Beam]) -> list[Beam]:
    """Beams that say the same become one, with the sum of their probabilities and the times of the last one."""
    found: dict[tuple[str, str, str | None], Beam] = {}
    for beam in beams:
        key = beam.whole, beam.word, beam.last
        other = found.get(key)
        found[key] = beam if other is None else beam._replace(score=_sum(other.score, beam.score))
    return list(found.values())


def _sum(one: float, other: float) -> float:
    """The logarithm of the sum of what two logarithms stand for."""
    return max(one, other) + math.log1p(math.exp(-abs(one - other)))


def _totalled(beams: Sequence[Beam], scorer: Scorer, *, last: bool = False) -> list[Beam]:
    """The beams with what their words add. last: nothing follows."""
    found = []
    for beam in beams:
        text, whole = beam.text, beam.whole
        total = beam.score + scorer.words(text, beam.ended, whole, last=last) + scorer.part(beam.word)
        found.append(Beam(whole, "", beam.word, beam.last, beam.spans, beam.span, beam.score, total))
    return found


def _best(beams: Sequence[Beam], count: int, worse: float) -> list[Beam]:
    bound = max(beam.total for beam in beams) + worse
    return heapq.nlargest(count, (beam for beam in beams if beam.total >= bound), key=lambda beam: beam.total)


def _different(beams: Sequence[Beam], order: int) -> list[Beam]:
    """Of beams that differ only in words farther back than the model looks, the best one."""
    found: dict[tuple[tuple[str, ...], str, str | None], Beam] = {}
    for beam in beams:
        found.setdefault((tuple(beam.text.split()[-max(1, order - 1) :]), beam.word, beam.last), beam)
    return list(found.values())


def load_decoder(repo: Repo) -> BeamDecoder:
    """The decoder of a repository: alphabet.json and, if it is there, the folder language_model.

    RepoError without its files, TokenizerError where they are damaged, NbpipesError where kenlm is missing.
    """
    raw = repo.json("alphabet.json")
    labels = raw.get("labels") if isinstance(raw, dict) else None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TokenizerError(f'alphabet.json of {repo.name} must hold a list of texts as "labels"')
    if raw.get("is_bpe"):
        raise TokenizerError(f"alphabet.json of {repo.name} holds parts of words, which the beam search does not know")
    return BeamDecoder(labels, load_language_model(repo))
