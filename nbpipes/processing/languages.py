"""The languages of tokenizers that mark each text with one."""

from collections.abc import Sequence

from nbpipes.errors import InputError, nearest
from nbpipes.processing.text import Tokenizer


class Languages:
    """The languages that a tokenizer knows by tokens of their own ("fr_XX", "fra_Latn", "__fr__" for "fr")."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @property
    def marked(self) -> bool:
        """Whether the tokenizer marks texts with their language."""
        return self.tokenizer.src_lang is not None

    def id(self, code: str) -> int:
        """The id of a language's token; InputError names the nearest for one that is unknown."""
        known = self.tokenizer.additional_special_tokens
        for token in (code, f"__{code}__"):
            if token in known:
                return self.tokenizer.convert_tokens_to_ids(token)
        codes = [token.strip("_") for token in known]
        raise InputError(f"this tokenizer knows no language {code!r}{nearest(code, codes)}. Languages: {codes}")

    def said(self, ids: Sequence[int], code: str) -> list[int]:
        """The ids of a text that is in another language than the tokenizer takes for granted."""
        usual, wanted = self.id(self.tokenizer.src_lang or code), self.id(code)
        marks = (0, len(ids) - 1)  # the mark stands first or last; within the text it is a word
        return [wanted if place in marks and number == usual else number for place, number in enumerate(ids)]
