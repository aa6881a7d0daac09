"""The bounded repr: equal to the builtin where nothing is left out, small always."""

import time
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.results.short import LINE, rounded, short

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=9)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_equals_the_builtin_where_it_fits_a_line(value: Any) -> None:
    text = short(value)
    if len(repr(value)) <= LINE and "…" not in text:
        assert text == repr(value)
    assert text.replace("\n", "") == repr(value) or "…" in text or isinstance(value, list)


@given(VALUES, st.integers(0, 300))
def test_length_is_bounded(value: Any, limit: int) -> None:
    assert len(short(value, limit)) <= 2 * limit + 600


def test_long_lists_take_a_line_an_entry() -> None:
    value = [{"entity_group": "PER", "score": 0.5, "word": "Ann", "start": 0, "end": 3}] * 3
    assert short(value) == "[" + ",\n ".join(map(repr, value)) + "]"


def test_what_is_left_out_is_counted() -> None:
    assert short("x" * 1_000).endswith("… 600 more characters")
    assert short(b"x" * 1_000).endswith("… 600 more bytes")
    assert short(list(range(1_000)), 100_000).endswith("… 940 more]")
    assert short({"a": list(range(1_000))}, 100_000).endswith("… 940 more]}")


def test_cost_does_not_grow_with_the_value() -> None:
    value = [[[0.1] * 1_000] * 1_000]
    start = time.perf_counter()
    assert len(short(value)) < 5_000
    assert time.perf_counter() - start < 0.05


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Broken(), "<Broken: repr failed with RuntimeError>"),
        (OrderedDict(a=1), repr(OrderedDict(a=1))),
        ((), "()"),
        ((1,), "(1,)"),
        (10**5_000, "<int: repr failed with ValueError>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_odd_values(value: Any, text: str) -> None:
    assert short(value) == text


def test_deep_values_end() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    assert short(value) == "[[[[[[…]]]]]]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (9.999, "10"),
        (866.4, "866"),
        (999.9, "1,000"),
        (6554.2, "6,550"),
        (1.5e7, "15,000,000"),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert rounded(value) == text
