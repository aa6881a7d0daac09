"""Where timestamps may stand in a text."""

from dataclasses import dataclass

from torch import Tensor

from nbpipes.generation.history import History, Row
from nbpipes.generation.logits import NEVER
from nbpipes.generation.whisper.settings import Tokens


@dataclass(frozen=True)
class Timestamps:
    """A text begins with a timestamp; they come in pairs, the end of a segment and the start of the next, or one before
    the end of the text; they never go back; and one is due where all of them together are likelier than any word."""

    tokens: Tokens

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        first, end = self.tokens.times, self.tokens.end
        scores = scores.clone()
        scores[:, self.tokens.bare] = NEVER
        for i, row in enumerate(history.rows):
            if not row.tokens:
                scores[i, :first] = NEVER
                if self.tokens.latest is not None:
                    scores[i, first + self.tokens.latest + 1 :] = NEVER
                continue
            if row.tokens[-1] >= first:
                if len(row.tokens) < 2 or row.tokens[-2] >= first:
                    scores[i, first:] = NEVER
                else:
                    scores[i, :end] = NEVER
            scores[i, first : self._earliest(row)] = NEVER
        due = scores[:, first:].logsumexp(-1) > scores[:, :first].amax(-1)
        scores[due, :first] = NEVER
        return scores

    def _earliest(self, row: Row) -> int:
        """The first timestamp that may follow: the last one may be repeated as the start of a segment, no later."""
        first, tokens = self.tokens.times, row.tokens
        last = next((token for token in reversed(tokens) if token >= first), None)
        if last is None:
            return first
        repeatable = tokens[-1] >= first and len(tokens) >= 2 and tokens[-2] < first
        return last if repeatable else last + 1
