"""Words of a text as BERT's own code cuts them, by the character tables of Python.

The tokenizers library has tables of another version of Unicode: for most texts both agree, and it is faster.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
SYMBOLS = frozenset(map(chr, (*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127))))


@dataclass(frozen=True, slots=True)
class WordRules:
    """lower: without upper case. accents: whether they stay, None for only where case stays. apart: ideographs are
    words of their own."""

    lower: bool = True
    accents: bool | None = None
    apart: bool = True

    def words(self, text: str) -> Iterator[str]:
        """The words and punctuation marks of a text."""
        if self.lower:
            text = "".join(map(str.lower, text))  # one by one: a sigma that ends a word stays a sigma
        text = "".join(self._shown(char) for char in text)
        for word in unicodedata.normalize("NFC", text).split():
            if not (not self.lower if self.accents is None else self.accents):
                letters = unicodedata.normalize("NFD", word)
                word = "".join(char for char in letters if unicodedata.category(char) != "Mn")
            yield from "".join(f" {char} " if _is_mark(char) else char for char in word).split()

    def _shown(self, char: str) -> str:
        if char in "\t\n\r":
            return " "
        if char == "\ufffd" or unicodedata.category(char).startswith("C"):
            return ""
        if self.apart and any(first <= ord(char) <= last for first, last in IDEOGRAPHS):
            return f" {char} "
        return char


def _is_mark(char: str) -> bool:
    return char in SYMBOLS or unicodedata.category(char).startswith("P")
