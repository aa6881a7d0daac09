"""What the tasks that read text share."""

import reprlib
from typing import Any

from tokenizers import Encoding

from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.processing.datasets import of_row
from nbpipes.processing.text import Tokenizer


def longest(tokenizer: Tokenizer, model: Any) -> int | None:
    """The most tokens that both the tokenizer and the model allow, None where neither has a limit."""
    limits = [limit for limit in (tokenizer.model_max_length, model.limit) if limit is not None]
    return min(limits, default=None)


def told(item: Any) -> str:
    """An item that cannot be read, as its error shows it: its type and its beginning."""
    return f"{type(item).__name__} {reprlib.repr(item)}{of_row(item)}"


def text_chunk(
    encoding: Encoding,
    tokenizer: Tokenizer,
    limit: int | None,
    note: Any = None,
    rows: tuple[int, ...] | None = None,
) -> Chunk:
    """A chunk of encoded text. limit: tokens that the model can read; the InputError for more says how to cut."""
    size = len(encoding.ids)
    if not size:
        raise InputError("the text is empty, and this tokenizer adds nothing to it: there is nothing to read")
    if limit is not None and size > limit:
        raise InputError(
            f"the text has {size:,} tokens, but the model reads at most {limit:,}. "
            "Pass truncation=True where the task has it to read only the beginning, or split the text"
        )
    inputs = {"input_ids": encoding.ids}
    if "token_type_ids" in tokenizer.model_input_names:
        inputs["token_type_ids"] = encoding.type_ids
    return Chunk(inputs, note, size, rows)
