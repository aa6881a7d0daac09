"""Batches are filled up to a few totals of tokens, and nobody sees the filling."""

from hypothesis import given
from hypothesis import strategies as st

from nbpipes.processing.batch import COARSE, FINE, FREE, Chunk, even


def chunks(lengths, rows=None):
    return [Chunk({"input_ids": [7] * n, "token_type_ids": [1] * n}, size=n, rows=rows) for n in lengths]


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_there_are_few_totals(lengths):
    given = chunks(lengths)
    filled = even(given)
    total = sum(len(chunk.inputs["input_ids"]) for chunk in filled)
    assert filled[: len(given)] == given
    assert total <= FREE or total % (FINE if total <= 8 * FREE else COARSE) == 0
    assert total - sum(lengths) < (FINE if total <= 8 * FREE else COARSE)
    assert all(len(chunk.inputs["input_ids"]) <= max(lengths) for chunk in filled)
    assert all(len(set(map(len, chunk.inputs.values()))) == 1 for chunk in filled)


def test_the_number_of_totals_is_bounded():
    totals = {sum(chunk.size for chunk in even(chunks([40] * (n // 40) + [n % 40 or 1]))) for n in range(1, 1600)}
    assert len(totals) < 120


def test_filling_asks_for_no_rows():
    assert {chunk.rows for chunk in even(chunks([100], rows=(3,)))} == {(3,), ()}
    assert {chunk.rows for chunk in even(chunks([100]))} == {None}
