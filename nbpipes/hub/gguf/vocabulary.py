"""The tokenizer of a GGUF file as the files that it was converted from."""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from nbpipes.errors import TokenizerError, nearest

NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
"""Kinds of tokens; SentencePiece has the same numbers."""
ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding", "sep": "seperator", "mask": "mask"}
"""Special tokens, and how the keys of their ids begin; the misspelling is the format's."""

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{UPPER}]*[{LOWER}]+|[^\r\n\p{{L}}\p{{N}}]?[{UPPER}]+[{LOWER}]*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def _split(pattern: str) -> list[dict[str, Any]]:
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [cut, BYTES | {"use_regex": False}]


DIGITS = [{"type": "Digits", "individual_digits": True}, BYTES]
CUTS = {
    "gpt-2": [BYTES],
    "smollm": DIGITS,
    "starcoder": DIGITS,
    "llama-bpe": _split(LLAMA3),
    "llama3": _split(LLAMA3),
    "llama-v3": _split(LLAMA3),
    "qwen2": _split(QWEN2),
    "deepseek-r1-qwen": _split(QWEN2),
    "tekken": _split(TEKKEN),
}
"""How a text is cut before bytes are merged, by the name that `tokenizer.ggml.pre` has for it."""
WHOLE_FIRST = ("llama-bpe", "llama3", "llama-v3", "tekken")
"""Those that take a part of a text which is a token as it is, whatever merges would make of it."""
COMPOSED = ("qwen2", "deepseek-r1-qwen")
"""Those that read composed characters."""


def documents(meta: Mapping[str, Any], limit: Any) -> dict[str, Any]:
    """The tokenizer's files by name: texts, bytes or JSON objects. limit: the longest text that the model reads.

    TokenizerError for a kind of tokenizer that cannot be read.
    """
    kind = meta.get("tokenizer.ggml.model")
    names = _column(meta, "tokens", str)
    kinds = _column(meta, "token_type", int, NORMAL, len(names))
    config = {"model_max_length": limit, "clean_up_tokenization_spaces": False} | _roles(meta, names)
    templates = _templates(meta)
    if templates:
        config["chat_template"] = templates
    if kind == "llama":
        scores = _column(meta, "scores", float, 0.0, len(names))
        config |= {"tokenizer_class": "LlamaTokenizer", "legacy": True}
        config |= {name: meta[f"tokenizer.ggml.{name}"] for name in _FLAGS if f"tokenizer.ggml.{name}" in meta}
        if "tokenizer.ggml.add_space_prefix" in meta:
            config["add_prefix_space"] = bool(meta["tokenizer.ggml.add_space_prefix"])
        return {"tokenizer_config.json": config, "tokenizer.model": _sentencepiece(names, scores, kinds)}
    if kind != "gpt2":
        raise TokenizerError(f"a GGUF file with a tokenizer of kind {kind!r} cannot be read; known: gpt2, llama")
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask"]}
    return {"tokenizer_config.json": config, "tokenizer.json": _bytes(meta, names, kinds)}


_FLAGS = ("add_bos_token", "add_eos_token")


def _column(meta: Mapping[str, Any], name: str, kind: type, default: Any = None, count: int | None = None) -> list[Any]:
    """One value for each token."""
    found = meta.get(f"tokenizer.ggml.{name}", None if default is None else [default] * (count or 0))
    if not isinstance(found, list) or not found or not all(isinstance(one, kind) for one in found):
        raise TokenizerError(f"the GGUF file has no tokenizer.ggml.{name}, or a damaged one")
    if count is not None and len(found) != count:
        raise TokenizerError(f"tokenizer.ggml.{name} tells of {len(found):,} tokens; there are {count:,}")
    return found


def _roles(meta: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    found = {}
    for role, word in ROLES.items():
        number = meta.get(f"tokenizer.ggml.{word}_token_id")
        if number is None:
            continue
        if not isinstance(number, int) or not 0 <= number < len(names):
            raise TokenizerError(f"tokenizer.ggml.{word}_token_id is {number!r}; there are {len(names):,} tokens")
        found[f"{role}_token"] = names[number]
    return found


def _templates(meta: Mapping[str, Any]) -> Any:
    """The template of chats, or all of them with names."""
    usual = meta.get("tokenizer.chat_template")
    more = meta.get("tokenizer.chat_templates")
    named = {name: meta.get(f"tokenizer.chat_template.{name}") for name in (more if isinstance(more, list) else ())}
    named = {name: text for name, text in named.items() if isinstance(text, str)}
    if not named:
        return usual if isinstance(usual, str) else None
    return [{"name": name, "template": text} for name, text in ({"default": usual} | named).items() if text]


def _bytes(meta: Mapping[str, Any], names: Sequence[str], kinds: Sequence[int]) -> dict[str, Any]:
    """tokenizer.json of a vocabulary of bytes that are merged."""
    how = str(meta.get("tokenizer.ggml.pre", "gpt-2"))
    if how not in CUTS:
        raise TokenizerError(
            f"the tokenizer of this GGUF file cuts texts in a way called {how!r}, which is not known here"
            f"{nearest(how, CUTS)}; known: {', '.join(CUTS)}. Pass tokenizer=, the folder or Hub id of the original"
        )
    ids = {name: i for i, name in enumerate(names)}
    if len(ids) != len(names):
        raise TokenizerError("tokenizer.ggml.tokens has a token twice")
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": i, "content": names[i], "special": kind == CONTROL} | plain
        for i, kind in enumerate(kinds)
        if kind in (CONTROL, USER_DEFINED)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFC"} if how in COMPOSED else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": CUTS[how]},
        "post_processor": _framed(meta, names),
        "decoder": BYTES | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": how in WHOLE_FIRST,
            "vocab": ids,
            "merges": _column(meta, "merges", str),
        },
    }


def _framed(meta: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any] | None:
    """The tokens that a text is put between, where the file asks for them."""
    asked = {role: meta.get(f"tokenizer.ggml.add_{role}_token") for role in ("bos", "eos")}
    ids = {role: meta.get(f"tokenizer.ggml.{role}_token_id") for role, wanted in asked.items() if wanted}
    used = {role: number for role, number in ids.items() if isinstance(number, int) and 0 <= number < len(names)}
    if not used:
        return None

    def frame(*sequences: tuple[str, int]) -> list[dict[str, Any]]:
        parts = []
        for name, kind in sequences:
            start = [{"SpecialToken": {"id": names[used["bos"]], "type_id": kind}}] if "bos" in used else []
            end = [{"SpecialToken": {"id": names[used["eos"]], "type_id": kind}}] if "eos" in used else []
            parts += [*start, {"Sequence": {"id": name, "type_id": kind}}, *end]
        return parts

    special = {
        names[number]: {"id": names[number], "ids": [number], "tokens": [names[number]]} for number in used.values()
    }
    return {
        "type": "TemplateProcessing",
        "single": frame(("A", 0)),
        "pair": frame(("A", 0), ("B", 1)),
        "special_tokens": special,
    }


def _sentencepiece(names: Sequence[str], scores: Sequence[float], kinds: Sequence[int]) -> bytes:
    """The same as a SentencePiece model (sentencepiece_model.proto): pieces that merge by score, with bytes below."""
    if not all(math.isfinite(score) and abs(score) < 3e38 for score in scores):
        raise TokenizerError("tokenizer.ggml.scores holds what is no number")
    pieces = (
        _field(1, _field(1, name.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + _varint(kind))
        for name, score, kind in zip(names, scores, kinds, strict=True)
    )
    merged_by_score, bytes_below = b"\x18\x02", b"\x98\x02\x01"  # model_type: BPE; byte_fallback: true
    return b"".join(pieces) + _field(2, merged_by_score + bytes_below)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
