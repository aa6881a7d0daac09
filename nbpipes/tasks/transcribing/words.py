"""From the ids of a text to its words, and when each was said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbpipes.generation.whisper.languages import WITHOUT_SPACES
from nbpipes.processing.text import Tokenizer
from nbpipes.tasks.transcribing.overlap import Span, Words

HALF = "\ufffd"
"""What stands for a character that is not complete."""
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
OPENING = "\"'“¡¿([{-"
"""Belongs to the word after it."""
CLOSING = "\"'.。,，!！?？:：”)]}、"
"""Belongs to the word before it."""


@dataclass(slots=True)
class Word:
    """places: of its ids in the text."""

    text: str
    places: list[int]

    def __add__(self, other: "Word") -> "Word":
        return Word(self.text + other.text, self.places + other.places)


def words_of(tokenizer: Tokenizer, words: Words, language: str) -> list[tuple[str, Span]]:
    """The words of a text, each with when it begins and ends. language: its English name."""
    if words.times is None:
        raise ValueError("these ids have no times")
    found = list(_characters(tokenizer, words.tokens))
    if language not in WITHOUT_SPACES:
        found = _spaced(found, words.tokens, tokenizer.eos_token_id)
    times = words.times
    return [(word.text, (times[word.places[0]][0], times[word.places[-1]][1])) for word in _punctuated(found)]


def _characters(tokenizer: Tokenizer, tokens: Sequence[int]) -> Iterator[Word]:
    """The shortest runs of ids that make whole characters."""
    whole, done, places = tokenizer.decode(tokens), 0, list[int]()
    for place in range(len(tokens)):
        places.append(place)
        text = tokenizer.decode([tokens[one] for one in places])
        if HALF not in text or whole[done + text.index(HALF)] == HALF:
            yield Word(text, places)
            done, places = done + len(text), []


def _spaced(characters: Sequence[Word], tokens: Sequence[int], end: int | None) -> list[Word]:
    """Words begin with a space, or are punctuation or special ids."""
    words: list[Word] = []
    for one in characters:
        special = end is not None and tokens[one.places[0]] >= end
        if not words or special or one.text.startswith(" ") or one.text.strip() in PUNCTUATION:
            words.append(one)
        else:
            words[-1] = words[-1] + one
    return words


def _punctuated(words: Sequence[Word]) -> list[Word]:
    """With punctuation added to the words that it belongs to."""
    found: list[Word] = []
    for word in reversed(words):
        if found and word.text.startswith(" ") and word.text.strip() in OPENING:
            found[-1] = word + found[-1]
        else:
            found.append(word)
    words, found = found[::-1], []
    for word in words:
        if found and not found[-1].text.endswith(" ") and word.text in CLOSING:
            found[-1] = found[-1] + word
        else:
            found.append(word)
    return [word for word in found if word.text]
