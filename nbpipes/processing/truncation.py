"""Cutting sequences to a length, by backends that share a vocabulary and never change."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from tokenizers import Tokenizer as Backend

from nbpipes.errors import InputError, nearest

STRATEGIES = ("longest_first", "only_first", "only_second", "do_not_truncate")

# Each is a few kilobytes beside the shared vocabulary; callers that ask for ever new lengths must not pile them up.
KEPT = 32

TOO_SHORT = "the part that may be cut has fewer tokens than must go: a greater max_length is needed"


class TooShortError(InputError):
    """The part that may be cut has fewer tokens than must go."""


def strategy(truncation: Any) -> str | None:
    """Return the name of the strategy that `truncation` means, None where nothing is cut.

    truncation: one of STRATEGIES, an enum with such a value, True ("longest_first"), False or None.
    """
    value = getattr(truncation, "value", truncation)
    if value is None or value is False or value == "do_not_truncate":
        return None
    if value is True:
        return "longest_first"
    if value not in STRATEGIES:
        hint = nearest(str(value), STRATEGIES)
        raise InputError(f"truncation must be a bool or one of {', '.join(STRATEGIES)}, not {value!r}{hint}")
    return value


class Cutters:
    """Copies of a backend that truncate; one for each way to cut, made when it is first asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._made: OrderedDict[tuple[int, int, str, str], Backend] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Callable[[Backend], "Cutters"], tuple[Backend]]:
        return Cutters, (self._backend,)

    def get(self, length: int, stride: int, strategy: str, side: str) -> Backend:
        """Return a backend that cuts to `length` tokens on `side`, with windows that overlap by `stride` tokens."""
        key = (length, stride, strategy, side)
        with self._lock:
            found = self._made.get(key)
            if found is None:
                found = self._made[key] = _cutter(self._backend, length, stride, strategy, side)
                if len(self._made) > KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(key)
            return found


def _cutter(backend: Backend, length: int, stride: int, strategy: str, side: str) -> Backend:
    # The parts are shared by reference: only the added tokens are copied.
    copy = Backend(backend.model)
    copy.normalizer = backend.normalizer
    copy.pre_tokenizer = backend.pre_tokenizer
    copy.post_processor = backend.post_processor
    copy.encode_special_tokens = backend.encode_special_tokens
    copy.add_tokens([token for _, token in sorted(backend.get_added_tokens_decoder().items())])
    try:
        copy.enable_truncation(length, stride=stride, strategy=strategy, direction=side)
    except ValueError as error:
        raise InputError(f"max_length={length} and stride={stride} leave no room: {error}") from error
    return copy


def room(backend: Backend, length: Any, stride: int | None, pair: bool, special: bool) -> int:
    """Return how many tokens of text fit into `length`. InputError where windows of that length could not move on.

    special: whether special tokens take their part of it. pair: whether there are two texts.
    """
    taken = backend.num_special_tokens_to_add(pair) if special else 0
    if isinstance(length, bool) or not isinstance(length, int) or length < max(taken, 1):
        raise InputError(f"max_length must be a number of tokens with room for {taken} special ones, not {length!r}")
    if stride is not None and not 0 <= stride < length - taken:
        raise InputError(
            f"stride must be at least 0 and less than the {length - taken} tokens of text that fit into "
            f"max_length={length} beside {taken} special ones, not {stride}"
        )
    return length - taken


def check_parts(backend: Backend, parts: tuple[Any, Any], left: int, stride: int, how: str, words: bool) -> None:
    """Raise InputError where windows of a pair could not move on, because one part leaves too little to the other.

    left: tokens of both parts that fit together. The backend itself would panic, which no caller expects.
    """
    first = len(backend.encode(parts[0], None, words, False))
    if how == "only_second" and left - first > stride:
        return
    second = len(backend.encode(parts[1], None, words, False))
    for count, fits in zip((first, second), shares(left, how, (first, second)), strict=True):
        if fits < count and fits <= 0:
            raise TooShortError(TOO_SHORT)
        if fits < count and fits <= stride:
            raise InputError(f"of the {count} tokens of one part {fits} fit: too few for windows with stride={stride}")


def shares(length: int, strategy: str, counts: tuple[int, int]) -> tuple[int, int]:
    """Return how many tokens of each part of a pair fit, by the rules of the backend.

    length: tokens of both together, without the special ones. counts: tokens of the first and the second part.
    """
    first, second = counts
    excess = first + second - length
    if excess <= 0:
        return counts
    if strategy == "only_first":
        return first - excess, second
    if strategy == "only_second":
        return first, second - excess
    short = min(first, second)
    long = short if short > length else max(short, length - short)
    if short + long > length:
        short = length // 2
        long = short + length % 2
    return (long, short) if first > second else (short, long)
