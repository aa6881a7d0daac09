"""Which part of a text answers best, by the scores of where an answer begins and where it ends."""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from nbpipes.tasks.scores import Floats, softmax

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


def chances(logits: Floats, allowed: Flags) -> Floats:
    """Probabilities over the tokens of a window, (almost) none for those that cannot be part of an answer."""
    return softmax(np.where(allowed, logits, np.float32(-10000.0)))


def likeliest_spans(
    start: Floats, end: Floats, allowed: Flags, count: int, longest: int
) -> Iterator[tuple[int, int, float]]:
    """First token, last token and score of the `count` best spans, best first, less those that are not allowed.

    start, end: `(tokens,)` probabilities; the score of a span is their product. longest: tokens of a span at most.
    """
    firsts, lasts = _narrow(start, end, count, longest) or _wide(start, end, count, longest)
    inside = allowed[firsts] & allowed[lasts]
    for first, last in zip(firsts[inside].tolist(), lasts[inside].tolist(), strict=True):
        score = float(start[first] * end[last]) if first <= last < first + longest else 0.0
        yield first, last, score


def _narrow(start: Floats, end: Floats, count: int, longest: int) -> tuple[Places, Places] | None:
    """The best spans, searched among the possible ones only; None where scores are equal, so that order is open."""
    width = min(longest, len(end))
    padded = np.concatenate([end, np.zeros(width - 1, end.dtype)])
    scores = (start[:, None] * sliding_window_view(padded, width)).ravel()
    if len(scores) <= count:
        return None
    some = np.argpartition(-scores, count)[: count + 1]
    some = some[np.argsort(-scores[some])]
    ranked = scores[some]
    if ranked[-1] <= 0 or (ranked[1:] == ranked[:-1]).any():
        return None
    firsts, lengths = np.divmod(some[:count], width)
    return firsts, firsts + lengths


def _wide(start: Floats, end: Floats, count: int, longest: int) -> tuple[Places, Places]:
    """The best spans among all pairs of tokens. Equal scores come in the order that transformers gives them."""
    scores = np.tril(np.triu(np.outer(start, end)), longest - 1).ravel()
    if count == 1:
        best = np.array([scores.argmax()])
    elif len(scores) <= count:
        best = np.argsort(-scores)
    else:
        best = np.argpartition(-scores, count)[:count]
        best = best[np.argsort(-scores[best])]
    firsts, lasts = np.divmod(best, len(end))
    return firsts, lasts
