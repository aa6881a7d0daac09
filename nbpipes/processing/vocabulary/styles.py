"""What the tokenizer classes that checkpoints name take for granted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROLES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")

PLAIN = ("input_ids", "attention_mask")
TYPED = ("input_ids", "token_type_ids", "attention_mask")


@dataclass(frozen=True, slots=True)
class Pieces:
    """How the pieces of a SentencePiece model become the vocabulary of a class.

    head: tokens that replace the first `skip` pieces. tail: tokens that follow the last one. In both, "{pad}" is
        the token of that role, "{same}" the pieces replaced, "{languages}" the language codes, "{sentinels}" the
        <extra_id_N> of T5 and "{reserved}" the entries that Pegasus keeps for pretraining.
    unk: id of the unknown token; None is the one that the file names, moved by what the head adds.
    rules: normalization and splitting of text: "plain", "alone" (the library's own, for classes that only it served),
        "albert", "deberta", "pegasus", "siglip", "llama" or "gemma".
    byte_fallback: characters without a piece become bytes.
    """

    head: tuple[str, ...] = ()
    skip: int = 0
    tail: tuple[str, ...] = ()
    unk: int | None = None
    rules: str = "plain"
    byte_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Style:
    """The defaults of one tokenizer class.

    name: the class, without "Fast".
    reads: what it is built from where tokenizer.json is missing: "wordpiece", "bytes", "pieces", "looked up" (pieces
        whose ids stand in a vocab.json) or "letters"; "" is nothing.
    tokens: the token of each role. additional: special tokens without a role.
    mask: "l" where the mask takes the space before it, "n" where it is looked for in the normalized text.
    loose: roles whose token is looked for in the normalized text, where it is built from older files.
    settings: further defaults, under the names of tokenizer_config.json.
    single, pair: a sequence with its special tokens by role, and their type ids; "" adds none. Where the settings
        have add_bos_token and add_eos_token, "bos" and "eos" appear only where these allow.
    rewrites: `single` and `pair` replace what a tokenizer.json says.
    spaced: text given in words needs add_prefix_space.
    older: whether the older files go before a tokenizer.json, which upstream does not read for this class.
    """

    name: str
    reads: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    additional: tuple[str, ...] = ()
    mask: str = ""
    loose: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    single: str = ""
    pair: str = ""
    rewrites: bool = False
    spaced: bool = False
    older: bool = False
    inputs: tuple[str, ...] = PLAIN
    padding_side: str = "right"
    pieces: Pieces = Pieces()
