"""Words cut into letters, of which pairs were merged again; tokens say whether their word goes on ("hel@@ lo")."""

from collections.abc import Mapping, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

GOES_ON = "@@"
END = "</w>"
"""How merges write the end of a word, where tokens have nothing."""
NEWLINE = "__newln__"


def words(vocabulary: Mapping[str, int], unknown: str) -> Tokenizer:
    """Return a backend that knows tokens and ids, and joins tokens to text."""
    backend = Tokenizer(models.WordLevel(dict(vocabulary), unk_token=unknown))
    spaced = [decoders.Replace(Regex("$"), " "), decoders.Fuse(), decoders.Replace(Regex(" $"), "")]
    backend.decoder = decoders.Sequence([*spaced, decoders.Replace(f"{GOES_ON} ", "")])
    return backend


def cutter(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], unknown: str) -> Tokenizer:
    """Return a backend that cuts text into the `inner` names of tokens.

    It has ids of its own: merges may lead to what the vocabulary lacks.
    """
    parts = [*map(inner, vocabulary), *(part for pair in merges for part in (*pair, "".join(pair)))]
    names = {name: place for place, name in enumerate(dict.fromkeys([unknown, *parts]))}
    backend = Tokenizer(models.BPE(names, list(merges), unk_token=unknown, end_of_word_suffix=END))
    # A line that ends with a word leaves a mark, unless an apostrophe stands there.
    lines = normalizers.Replace(Regex(r"(?<=[^\s'])\n"), f" {NEWLINE} ")
    backend.normalizer = normalizers.Sequence([lines, normalizers.Lowercase()])
    marks = pre_tokenizers.Split(Regex("[.,!?()]"), "merged_with_next")
    quotes = pre_tokenizers.Split("'", "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marks, quotes])
    return backend


def inner(token: str) -> str:
    """The name that merges have for a token."""
    return token.removesuffix(GOES_ON) if token.endswith(GOES_ON) else token + END
