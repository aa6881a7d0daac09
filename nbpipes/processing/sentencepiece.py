"""Reader of SentencePiece model files (`spiece.model`, `sentencepiece.bpe.model`, `tokenizer.model`, ...)."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nbpipes.errors import TokenizerError

# Numbers of the protobuf fields that are read here (sentencepiece_model.proto).
PIECES, TRAINER, NORMALIZER = 1, 2, 3
TEXT, SCORE, KIND = 1, 2, 3
MODEL_TYPE, BYTE_FALLBACK, UNK_ID, UNK_PIECE = 3, 35, 40, 45
CHARSMAP = 2

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
UNIGRAM, BPE = 1, 2
CONTROL, USER_DEFINED = 3, 4
MODEL_TYPES = {UNIGRAM: "unigram", BPE: "bpe", 3: "word", 4: "char"}

# Every real vocabulary stays far below; without a limit a damaged length makes the merge search quadratic.
LONGEST_PIECE = 4096


class Piece(NamedTuple):
    """One entry of the vocabulary; `kind` is 1 for a normal piece, CONTROL, USER_DEFINED or another of the format."""

    text: str
    score: float
    kind: int


@dataclass(frozen=True, slots=True)
class SentencePieces:
    """The parts of a SentencePiece model that encoding needs.

    algorithm: "unigram", "bpe", "word" or "char".
    charsmap: compiled rules of text normalization, as `tokenizers.normalizers.Precompiled` takes them;
        empty where the model has none.
    """

    pieces: tuple[Piece, ...]
    algorithm: str
    unk_id: int
    unk_piece: str
    byte_fallback: bool
    charsmap: bytes


def read(data: bytes) -> SentencePieces:
    """Read the bytes of a SentencePiece model file.

    Raises TokenizerError where they are something else, or damaged.
    """
    pieces: list[Piece] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    try:
        for number, value in _fields(data):
            if number == PIECES:
                pieces.append(_piece(_as_bytes(value)))
            elif number == TRAINER:
                trainer |= dict(_fields(_as_bytes(value)))
            elif number == NORMALIZER:
                normalizer |= dict(_fields(_as_bytes(value)))
        model = SentencePieces(
            pieces=tuple(pieces),
            algorithm=MODEL_TYPES.get(_as_int(trainer.get(MODEL_TYPE, UNIGRAM)), "unknown"),
            unk_id=_as_int(trainer.get(UNK_ID, 0)),
            unk_piece=_as_bytes(trainer.get(UNK_PIECE, b"<unk>")).decode(),
            byte_fallback=bool(_as_int(trainer.get(BYTE_FALLBACK, 0))),
            charsmap=_as_bytes(normalizer.get(CHARSMAP, b"")),
        )
    except (ValueError, IndexError, struct.error) as error:
        raise TokenizerError(f"not a SentencePiece model, or a damaged one: {error}") from error
    if not pieces:
        raise TokenizerError("not a SentencePiece model: it holds no pieces")
    return model


def _piece(message: bytes) -> Piece:
    text, score, kind = "", 0.0, 1
    for number, value in _fields(message):
        if number == TEXT:
            text = _as_bytes(value).decode()
        elif number == SCORE:
            score = struct.unpack("<f", _as_bytes(value))[0]
        elif number == KIND:
            kind = _as_int(value)
    if len(text) > LONGEST_PIECE or not math.isfinite(score):
        raise ValueError(f"piece {text[:40]!r} of {len(text)} characters has score {score}")
    return Piece(text, score, kind)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field: an int for a varint, the bytes of any other kind."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        wire = key & 7
        if wire == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == BYTES:
            size, at = _varint(message, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"field kind {wire} at byte {at}")
        if size > end - at:
            raise ValueError(f"{size} bytes announced at byte {at}, {end - at} left")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at byte `at`, and the place after it. A number is 64 bits, so ten bytes at most."""
    first = message[at]
    if first < 0x80:
        return first, at + 1
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + place + 1
    raise ValueError(f"number without end at byte {at}")


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("a number where bytes belong")


def _as_int(value: int | bytes) -> int:
    if isinstance(value, int):
        return value - (1 << 64) if value >> 63 else value
    raise ValueError("bytes where a number belongs")
