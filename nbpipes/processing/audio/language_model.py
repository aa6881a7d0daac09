"""Which words go together: n-grams as KenLM computes them (https://kheafield.com/papers/avenue/kenlm.pdf)."""

import math
from bisect import bisect_left
from collections.abc import Collection
from typing import Any, Protocol

from nbpipes.errors import TokenizerError, need
from nbpipes.hub.repo import Repo

FOLDER, ENDINGS = "language_model", (".arpa", ".bin", ".binary")
USUAL_LENGTH = 6
"""Letters of a word; longer parts that begin no known word are ever more unlikely."""


class LanguageModel:
    """Scores words by those before them, as a natural logarithm.

    kenlm: the module of that name. path: of its file, .arpa or binary. words: that are known, None where that is not
    said. alpha: weight of its scores. beta: what each word adds. unk_score_offset: what an unknown word adds.
    score_boundary: whether texts begin and end like sentences.
    """

    def __init__(
        self,
        kenlm: Any,
        path: str,
        words: Collection[str] | None = None,
        *,
        alpha: float = 0.5,
        beta: float = 1.5,
        unk_score_offset: float = -10.0,
        score_boundary: bool = True,
    ) -> None:
        self._kenlm, self._model = kenlm, kenlm.Model(path)
        self.words = None if words is None else sorted(word for word in set(words) if word in self._model)
        self._known = frozenset(self.words or ())
        self.alpha, self.beta, self.unk_score_offset = alpha, beta, unk_score_offset
        self.score_boundary = score_boundary

    @property
    def order(self) -> int:
        """How many words go into a score."""
        return self._model.order

    def start(self) -> Any:
        """The state before the first word."""
        state = self._kenlm.State()
        if self.score_boundary:
            self._model.BeginSentenceWrite(state)
        else:
            self._model.NullContextWrite(state)
        return state

    def score(self, before: Any, word: str, *, last: bool) -> tuple[float, Any]:
        """The score of a word after the state `before`, and the state after it. last: whether the text ends with it."""
        state = self._kenlm.State()
        score = self._model.BaseScore(before, word, state)
        if (self._known and word not in self._known) or word not in self._model:
            score += self.unk_score_offset
        if last and self.score_boundary:
            score += self._model.BaseScore(state, "</s>", self._kenlm.State())
        return self.alpha * score * math.log(10) + self.beta, state

    def part(self, letters: str) -> float:
        """The score of a part of a word: nothing, unless no known word begins like that."""
        if self.words is not None:
            place = bisect_left(self.words, letters)
            if place < len(self.words) and self.words[place].startswith(letters):
                return 0.0
        return self.unk_score_offset * max(1.0, len(letters) / USUAL_LENGTH)


class Preferred(Protocol):
    """Words that are to be preferred."""

    def score(self, text: str) -> float: ...
    def begun(self, part: str) -> float | None: ...


class Scorer:
    """What words add to the scores of letters, each computed once for a text. model: None for preferred words alone."""

    def __init__(self, model: LanguageModel | None, preferred: Preferred) -> None:
        self.model, self.preferred = model, preferred
        start = None if model is None else model.start()
        self._texts: dict[tuple[str, bool], tuple[float, float, Any]] = {("", False): (0.0, 0.0, start)}
        self._parts: dict[str, float] = {}

    def words(self, before: str, word: str, whole: str, *, last: bool) -> float:
        """The score of the text `whole`: `before`, which has been scored, and the word after it."""
        key = whole, last
        if key not in self._texts:
            raw, state = 0.0, None
            if self.model is not None:
                _, earlier, start = self._texts[before, False]
                score, state = self.model.score(start, word, last=last)
                raw = earlier + score
            self._texts[key] = raw + self.preferred.score(whole), raw, state
        return self._texts[key][0]

    def part(self, letters: str) -> float:
        """The score of a part of a word."""
        if not letters:
            return 0.0
        if letters not in self._parts:
            found = self.preferred.begun(letters)
            if found is None:
                found = 0.0 if self.model is None else self.model.part(letters)
            self._parts[letters] = found
        return self._parts[letters]

    def state(self, text: str) -> Any:
        """The language model's state at the end of a text that was scored as a last one."""
        return self._texts.get((text, True), (0.0, 0.0, None))[2]


def load_language_model(repo: Repo) -> LanguageModel | None:
    """The language model in a repository's folder `language_model`, None where there is none.

    NbpipesError where kenlm is missing, TokenizerError where a file is damaged.
    """
    files = [name for name in repo.names() if name.startswith(f"{FOLDER}/") and name.endswith(ENDINGS)]
    if not files:
        return None
    kenlm = need("kenlm", "lm")
    raw = repo.json_or_empty(f"{FOLDER}/attrs.json")
    words = None
    if repo.has(f"{FOLDER}/unigrams.txt"):
        words = repo.path(f"{FOLDER}/unigrams.txt").read_text(encoding="utf-8").splitlines()
    named = {name: raw[name] for name in ("alpha", "beta", "unk_score_offset", "score_boundary") if name in raw}
    try:
        return LanguageModel(kenlm, str(repo.path(files[0])), words, **named)
    except OSError as error:
        raise TokenizerError(f"{files[0]} of {repo.name} cannot be used: {error}") from error
