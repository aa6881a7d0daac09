"""The reader of ONNX weights: what it reads, and that a damaged file is a ValueError and nothing else."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def number(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value)


def block(tag: int, data: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(data)) + data


def tensor(name: str, kind: int, shape: list[int], data: bytes) -> bytes:
    return b"".join(number(1, size) for size in shape) + number(2, kind) + block(8, name.encode()) + data


def model(*fields: bytes) -> bytes:
    return number(1, 8) + block(7, b"".join(fields))


HALVES = np.array([0.5, -2.0], "<f4")
TENSORS = [
    tensor("raw", 1, [2, 1], block(9, HALVES.tobytes())),
    tensor("packed floats", 1, [2], block(4, HALVES.tobytes())),
    tensor("loose floats", 1, [2], b"".join(varint(4 << 3 | 5) + h.tobytes() for h in HALVES)),
    tensor("scalar", 1, [], block(4, HALVES[:1].tobytes())),
    tensor("packed integers", 2, [3], block(5, varint(0) + varint(7) + varint(200))),
    tensor("a text", 8, [1], block(6, b"no weights")),
]
ATTRIBUTES = [block(1, b"K") + number(3, 384), block(1, b"axis name") + block(4, b"left out")]
NODE = block(1, b"x") + block(1, b"raw") + block(3, b"/dense/MatMul") + block(4, b"MatMulNBits")
FILE = model(block(1, NODE + b"".join(block(5, a) for a in ATTRIBUTES)), *(block(5, t) for t in TENSORS))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def test_weights_are_read_however_they_are_stored(path: Path) -> None:
    from onnx_weights import read_onnx

    path.write_bytes(FILE)
    tensors = read_onnx(path).tensors
    assert {name: values.tolist() for name, values in tensors.items()} == {
        "raw": [[0.5], [-2.0]],
        "packed floats": [0.5, -2.0],
        "loose floats": [0.5, -2.0],
        "scalar": 0.5,
        "packed integers": [0, 7, 200],
    }


def test_nodes_keep_their_inputs_and_integer_attributes(path: Path) -> None:
    from onnx_weights import Node, read_onnx

    path.write_bytes(FILE)
    assert read_onnx(path).nodes == [Node("MatMulNBits", "/dense/MatMul", ["x", "raw"], {"K": 384})]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no weights"),
        (model(), "holds no weights"),
        (b"<!DOCTYPE html>", "ONNX file"),
        (FILE[:-3], "cut short"),
        (b"\xff" * 20, "more than 64 bits"),
        (number(7, 1), "bytes are expected"),
        (model(block(5, tensor("w", 1, [3], block(9, HALVES.tobytes())))), "reshape"),
        (model(block(5, tensor("w", 1, [1 << 63], block(9, HALVES.tobytes())))), "dimension|wrong number"),
        (model(block(5, tensor("w", 2, [1], number(5, 256)))), "wrong number"),
    ],
)
def test_what_is_wrong_is_said(path: Path, content: bytes, complaint: str) -> None:
    from onnx_weights import read_onnx

    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        read_onnx(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(FILE) - 1), st.binary(min_size=1, max_size=4))
def test_damage_is_a_value_error_at_worst(path: Path, at: int, damage: bytes) -> None:
    from onnx_weights import read_onnx

    path.write_bytes(FILE[:at] + damage + FILE[at + len(damage) :])
    with contextlib.suppress(ValueError):
        read_onnx(path)
