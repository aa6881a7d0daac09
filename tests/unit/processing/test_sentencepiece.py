"""The reader of SentencePiece files: what it reads, and that nothing makes it fail otherwise than by TokenizerError."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.errors import TokenizerError
from nbpipes.processing.sentencepiece import LONGEST_PIECE, SentencePieces, read

GOLDEN = Path(__file__).parents[2] / "golden" / "tokenizers"
FILES = [GOLDEN / "llama" / "tokenizer.model", GOLDEN / "albert" / "spiece.model"]


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def piece(text: bytes, score: float = -1.5, kind: int | None = None) -> bytes:
    body = field(1, text) + varint(2 << 3 | 5) + struct.pack("<f", score)
    return field(1, body if kind is None else body + varint(3 << 3) + varint(kind))


def test_fields_and_their_defaults() -> None:
    model = read(piece("▁a".encode()) + piece(b"b", 2.0, 4))
    assert model.pieces == (("▁a", -1.5, 1), ("b", 2.0, 4))
    rest = (model.algorithm, model.unk_id, model.unk_piece, model.byte_fallback, model.charsmap)
    assert rest == ("unigram", 0, "<unk>", False, b"")


def test_trainer_and_normalizer() -> None:
    minus_one = varint((1 << 64) - 1)
    trainer = varint(3 << 3) + b"\x02" + varint(35 << 3) + b"\x01" + varint(40 << 3) + minus_one + field(45, b"UNK")
    model = read(
        piece(b"a") + field(2, trainer) + field(3, field(2, b"map")) + field(99, b"skipped") + varint(98 << 3) + b"\x05"
    )
    assert model == SentencePieces(model.pieces, "bpe", -1, "UNK", True, b"map")


def test_unknown_kinds_are_named_when_they_are_used() -> None:
    assert read(piece(b"a") + field(2, varint(3 << 3) + b"\x04")).algorithm == "char"
    assert read(piece(b"a") + field(2, varint(3 << 3) + b"\x63")).algorithm == "unknown"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x0a",
        b"IQ== 0\nIg== 1\n",
        b"version https://git-lfs.github.com/spec/v1\n",
        piece(b"\xff\xfe"),
        piece(b"a", float("nan")),
        piece(b"a", float("inf")),
        piece(b"a" * (LONGEST_PIECE + 1)),
        piece(b"a") + b"\x0b",
        piece(b"a") + b"\xff" * 11,
        piece(b"a") + varint(2 << 3 | 2) + varint(10**9),
        field(1, varint(1 << 3) + b"\x05"),
        field(1, field(2, b"abc")),
        piece(b"a") + varint(2 << 3) + b"\x05",
        piece(b"a") + field(2, field(40, b"x")),
    ],
)
def test_damage(data: bytes) -> None:
    with pytest.raises(TokenizerError, match="SentencePiece"):
        read(data)


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=None)
def test_any_bytes(data: bytes) -> None:
    read_or_refuse(data)


@given(
    st.sampled_from([path.read_bytes() for path in FILES]),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(max_size=4), st.integers(0, 4)), max_size=6),
    st.integers(0, 1 << 20),
)
@settings(max_examples=300, deadline=None)
def test_mutated_models(data: bytes, edits: list[tuple[int, bytes, int]], end: int) -> None:
    for place, put, removed in edits:
        place %= len(data) + 1
        data = data[:place] + put + data[place + removed :]
    read_or_refuse(data if end % 2 else data[: end % (len(data) + 1)])


def read_or_refuse(data: bytes) -> None:
    try:
        model = read(data)
    except TokenizerError:
        return
    assert model.pieces
