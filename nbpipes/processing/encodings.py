"""Encodings as the inputs of a model, and what is wrong with a text that has none."""

import re
import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Encoding

from nbpipes.errors import InputError, nearest, need

PADDING = ("longest", "max_length", "do_not_pad")
SURROGATE = re.compile("[\ud800-\udfff]")

# Where the parts of an encoding are found, by the name of the model's input.
SOURCES = {
    "input_ids": "ids",
    "token_type_ids": "type_ids",
    "attention_mask": "attention_mask",
    "special_tokens_mask": "special_tokens_mask",
    "offset_mapping": "offsets",
}


def complaint(text: Any) -> str:
    """Return why `text` is no text that can be encoded, "" where it is one; lists are taken as words."""
    if isinstance(text, list | tuple):
        return next((said for word in text if (said := complaint(word))), "")
    if not isinstance(text, str):
        return f"a text must be a str, not {type(text).__name__}: {reprlib.repr(text)}"
    found = SURROGATE.search(text)
    if found is None:
        return ""
    return (
        f"character {found.start()} of the text is the lone surrogate {found[0]!r}, which stands for nothing; "
        "text.encode('utf-8', 'replace').decode() replaces such characters"
    )


def as_pair(item: Any, place: int) -> str | tuple[Any, Any]:
    """Return a batch item that is no plain text as a pair, or as its first text where the second one is empty."""
    if isinstance(item, tuple | list) and len(item) == 2:
        return (item[0], item[1]) if item[1] or not isinstance(item[1], str) else item[0]
    raise InputError(f"item {place}: a text or a pair of texts is wanted. {complaint(item)}")


def as_items(text: Any, text_pair: Any, words: bool) -> tuple[list[tuple[Any, Any]], bool]:
    """Return pairs of texts, and whether they were given as a list of several. words: a text is a list of words."""
    several = isinstance(text, list | tuple) and not (words and all(isinstance(word, str) for word in text))
    if not several:
        return [(text, text_pair)], False
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
