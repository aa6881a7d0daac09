"""Read the weights of an ONNX file without the onnx package.

An ONNX file is one protobuf message; only the fields that hold weights, the names of nodes and their integer
attributes are read. Numbers of fields are those of onnx.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float32]

WIRE_SIZES = {1: 8, 5: 4}  # bytes of a field by its wire type
# numpy's name of a TensorProto.DataType
DTYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}


@dataclass
class Node:
    """One operation of the graph."""

    kind: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)  # its integer attributes


@dataclass
class Graph:
    """The weights of an ONNX model and the nodes that use them."""

    tensors: dict[str, Array] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The integer that starts at ``at`` and the position after it."""
    value = 0
    for shift in range(0, 70, 7):  # 64 bits take ten bytes at most
        if at >= len(data):
            raise ValueError("the ONNX file is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("the ONNX file holds an integer of more than 64 bits")


def messages(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of a protobuf message: an int, or the bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = varint(data, at)
        elif wire in WIRE_SIZES:
            size = WIRE_SIZES[wire]
        else:
            raise ValueError(f"the ONNX file holds a field of wire type {wire}")
        if at + size > len(data):
            raise ValueError("the ONNX file is cut short")
        yield number, data[at : at + size]
        at += size


def parts(data: memoryview, number: int) -> Iterator[memoryview]:
    """The values of one length-delimited field of a message."""
    for found, value in messages(data):
        if found == number:
            if isinstance(value, int):
                raise ValueError(f"field {number} of the ONNX file is a number where bytes are expected")
            yield value


def text(data: memoryview, number: int) -> str:
    """A string field of a message, empty when it is not there."""
    return bytes(next(parts(data, number), memoryview(b""))).decode("utf-8")


def integers(data: memoryview, number: int) -> list[int]:
    """A repeated integer field of a message, packed or not."""
    result = []
    for found, value in messages(data):
        if found != number:
            continue
        at = 0
        if isinstance(value, int):
            result.append(value)
            continue
        while at < len(value):
            item, at = varint(value, at)
            result.append(item)
    return result


def read_onnx(path: Path) -> Graph:
    """The weights and nodes of an ONNX file; ValueError if it is none."""
    graph = Graph()
    for body in parts(memoryview(path.read_bytes()), 7):
        for data in parts(body, 1):
            graph.nodes.append(read_node(data))
        for data in parts(body, 5):
            values = read_tensor(data)
            if values is not None:
                graph.tensors[text(data, 8)] = values
    if not graph.tensors:
        raise ValueError(f"{path.name} holds no weights")
    return graph


def read_node(data: memoryview) -> Node:
    """A NodeProto."""
    numbers = {text(a, 1): value for a in parts(data, 5) for value in integers(a, 3)[:1]}
    inputs = [bytes(name).decode("utf-8") for name in parts(data, 1)]
    return Node(kind=text(data, 4), name=text(data, 3), inputs=inputs, numbers=numbers)


def read_tensor(data: memoryview) -> Array | None:
    """A TensorProto; None for the constants of other types, which are no weights."""
    dtype = DTYPES.get(next(iter(integers(data, 2)), 0))
    if dtype is None:
        return None
    # raw_data, or what small tensors use instead: float_data, whose bytes are the same, or int32_data.
    raw = b"".join([*parts(data, 9), *parts(data, 4)])
    try:
        values = np.frombuffer(raw, dtype) if raw else np.array(integers(data, 5), dtype)
        return values.reshape(integers(data, 1)) if values.size else None
    except OverflowError as error:  # a size of 2**63, or 256 as a byte
        raise ValueError(f"the ONNX file holds a wrong number: {error}") from error
