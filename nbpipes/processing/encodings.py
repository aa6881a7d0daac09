"""Encodings as the inputs of a model, and what is wrong with a text that has none."""

import re
import reprlib
import unicodedata
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from tokenizers import Encoding

from nbpipes.errors import InputError, NbpipesError, TokenizerError, nearest, need
from nbpipes.processing.truncation import TOO_SHORT, TooShortError

PADDING = ("longest", "max_length", "do_not_pad")
CODE = "\ufdd0"
"""Stands for the code of a language in what a backend reads; Unicode keeps this character for such uses."""
SURROGATE = re.compile("[\ud800-\udfff]")

# Where the parts of an encoding are found, by the name of the model's input.
SOURCES = {
    "input_ids": "ids",
    "token_type_ids": "type_ids",
    "attention_mask": "attention_mask",
    "special_tokens_mask": "special_tokens_mask",
    "offset_mapping": "offsets",
}


def complaint(text: Any, words: bool = False) -> str:
    """Return why `text` is no text that can be encoded, "" where it is one. words: it must be a list of texts."""
    if words and isinstance(text, list | tuple):
        return next((said for word in text if (said := complaint(word))), "")
    if words or not isinstance(text, str):
        wanted = "a list of words" if words else "a str"
        return f"a text must be {wanted}, not {type(text).__name__}: {reprlib.repr(text)}"
    found = SURROGATE.search(text)
    if found is None:
        return ""
    return (
        f"character {found.start()} of the text is the lone surrogate {found[0]!r}, which stands for nothing; "
        "text.encode('utf-8', 'replace').decode() replaces such characters"
    )


def complaint_of(items: Sequence[Any]) -> str:
    """Return why the first text of a batch that cannot be encoded cannot, and which it is."""
    for place, item in enumerate(items):
        for text in (item,) if isinstance(item, str) else item:
            if said := complaint(text):
                return f"item {place}: {said}"
    return ""


class Explained:
    """Around a call of the tokenizers library: what it raises becomes an error that says what is wrong.

    complain: returns what is wrong with the texts, "" where nothing is.
    """

    __slots__ = ("complain",)

    def __init__(self, complain: Callable[[], str]) -> None:
        self.complain = complain

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, NbpipesError):
            return
        if isinstance(error, TypeError):
            raise InputError(self.complain() or str(error)) from error
        if isinstance(error, Exception):
            if "too short" in str(error):
                raise TooShortError(TOO_SHORT) from error
            raise InputError(f"this text cannot be encoded: {error}") from error
        if type(error).__name__ == "PanicException":  # of a damaged file; no Exception, and under no public name
            raise TokenizerError(f"the files of this tokenizer are damaged: {error}") from error


def as_pair(item: Any, place: int) -> str | tuple[Any, Any]:
    """Return a batch item that is no plain text as a pair, or as its first text where the second one is empty."""
    if isinstance(item, tuple | list) and len(item) == 2:
        return (item[0], item[1]) if item[1] or not isinstance(item[1], str) else item[0]
    raise InputError(f"item {place}: a text or a pair of texts is wanted. {complaint(item)}")


def as_items(text: Any, text_pair: Any, words: bool) -> tuple[list[tuple[Any, Any]], bool]:
    """Return pairs of texts, and whether they were given as a list of several. words: a text is a list of words.

    As upstream, an empty second text counts only in a list.
    """
    several = isinstance(text, list | tuple) and not (words and all(isinstance(word, str) for word in text))
    if not several:
        return [(text, text_pair or None)], False
    pairs = [None] * len(text) if text_pair is None else list(text_pair)
    if len(pairs) != len(text) or isinstance(text_pair, str):
        raise InputError(f"{len(text)} texts want as many second texts, not {reprlib.repr(text_pair)}")
    return list(zip(text, pairs, strict=True)), True


def numbers(ids: Any) -> list[int]:
    """Return token ids, given as a number, a sequence, an array or a tensor, as a list."""
    listed = ids.tolist() if hasattr(ids, "tolist") else ids
    return [listed] if isinstance(listed, int) else list(listed)


def padded_length(padding: Any, max_length: int | None, encodings: Sequence[Encoding]) -> int | None:
    """Return the length that `padding` asks for, None where it asks for none. InputError where it is unknown."""
    value = getattr(padding, "value", padding)
    if value in (False, None, "do_not_pad"):
        return None
    if value is not True and value not in PADDING:
        hint = nearest(str(value), PADDING)
        raise InputError(f"padding must be a bool or one of {', '.join(PADDING)}, not {value!r}{hint}")
    if value == "max_length":
        return max_length
    return max((len(encoding) for encoding in encodings), default=None)


def as_inputs(
    encodings: Sequence[Encoding], names: Sequence[str], tensors: str | None, several: bool
) -> dict[str, Any]:
    """Return the parts of `encodings` that `names` lists, by name.

    tensors: "pt" for torch tensors, "np" for arrays, both (batch, tokens); None for lists.
    several: whether lists are nested; otherwise they are those of the one encoding.
    """
    columns = {name: [getattr(encoding, SOURCES[name]) for encoding in encodings] for name in names}
    if tensors is None:
        return columns if several else {name: column[0] for name, column in columns.items()}
    if tensors not in ("pt", "np"):
        raise InputError(f"return_tensors must be 'pt' or 'np', not {tensors!r}")
    lengths = {len(encoding) for encoding in encodings}
    if len(lengths) > 1:
        raise InputError(
            "texts of unequal length do not make one tensor: pass padding=True, and truncation=True if need be"
        )
    make = np.asarray if tensors == "np" else need("torch").tensor
    return {name: make(column) for name, column in columns.items()}


class LookedUp:
    """An encoding whose tokens have other ids than the backend that cut them would give them.

    look_up: gives the ids of tokens. unknown: the token of what the backend does not know; the texts show what it is,
    and `written` how the backend sees that. Where the backend saw CODE, the texts have the code of a language.
    """

    def __init__(
        self,
        encoding: Encoding,
        look_up: Callable[[list[str]], list[int]],
        texts: Sequence[Any],
        unknown: str | None,
        written: Callable[[str], str] = str,
    ) -> None:
        self.encoding, self._texts = encoding, texts
        tokens = self.tokens
        for i, (start, end) in enumerate(encoding.offsets if unknown in tokens else ()):
            text = texts[encoding.sequence_ids[i] or 0]
            if tokens[i] == unknown and isinstance(text, str):
                tokens[i] = written(text[start : _whole(text, end)].strip())
        self.ids = look_up(tokens)
        self.overflowing = [LookedUp(more, look_up, texts, unknown, written) for more in encoding.overflowing]

    @property
    def tokens(self) -> list[str]:
        """The tokens as the backend calls them, and the codes of languages."""
        return [code or token for token, code in zip(self.encoding.tokens, self._codes(), strict=True)]

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """From which character of its text to which each token goes."""
        places = zip(self.encoding.offsets, self._codes(), strict=True)
        return [(start, start + len(code) if code else end) for (start, end), code in places]

    def _codes(self) -> list[str]:
        """For each token the code of a language that it stands for, or ""."""
        encoding = self.encoding
        places = zip(encoding.tokens, encoding.offsets, encoding.sequence_ids, strict=True)
        return [language_code(self._texts[i or 0][start:]) if token == CODE else "" for token, (start, _), i in places]

    def __len__(self) -> int:
        return len(self.ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.encoding, name)

    def pad(self, length: int, *, direction: str, pad_id: int, pad_token: str) -> None:
        """Fills up to `length` tokens."""
        self.encoding.pad(length, direction=direction, pad_id=pad_id, pad_token=pad_token)
        more = [pad_id] * (length - len(self.ids))
        self.ids = self.ids + more if direction == "right" else more + self.ids


def _whole(text: str, end: int) -> int:
    """Where the character that stands before `end` is complete: offsets leave out marks that joined it."""
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return end


def language_code(text: str) -> str:
    """The code of a language that a text begins with (">>fr<< How are you?"), or ""."""
    return text[: text.find("<<") + 2] if text.startswith(">>") and "<<" in text else ""


def without_codes(text: str, marks: re.Pattern[str]) -> str:
    """A text with CODE for each code of a language. Codes count at the beginning and behind special tokens alone.

    marks: finds the special tokens, as its one group. The spaces beside CODE keep offsets as they are; backends drop
    spaces in these places.
    """
    if ">>" not in text:
        return text
    parts = marks.split(text)
    codes = [language_code(part) for part in parts]
    return "".join(
        CODE + " " * (len(code) - 1) + part[len(code) :] if code else part
        for part, code in zip(parts, codes, strict=True)
    )
