"""Runs in which items fail in every stage and memory runs short: each costs itself only."""

import gc
import weakref

import pytest
import torch

from nbpipes.engine.memory import is_shortage, release
from nbpipes.errors import InputError
from nbpipes.results.failures import Failure

STAGES = {0: "preprocess", 1: "forward", 2: "postprocess"}


def poison(item):
    """One item of a hundred is bad, each in another stage than the one before."""
    return STAGES[item // 100 % 3] if item % 100 == 37 else ""


@pytest.mark.parametrize("background", [False, True])
def test_a_poisoned_run_loses_exactly_the_bad_items(doubling, background):
    pipe = doubling(bad=poison, short_every=50)
    rows = list(range(12_000))
    found = pipe.stream(rows).result(60) if background else pipe(rows, on_error="record")
    bad = {row for row in rows if poison(row)}
    assert {row for row, value in enumerate(found) if isinstance(value, Failure)} == bad
    assert len(found) == len(rows)
    for row, value in enumerate(found):
        if row in bad:
            assert (value["index"], value["stage"]) == (row, poison(row))
        else:
            assert value == {"double": 2 * row}
    assert pipe.forwards > 500


def test_batches_that_do_not_fit_become_smaller_and_stay_so(doubling):
    pipe = doubling(room=5)
    events = list(pipe.events(range(2000)))
    assert [event.result["double"] for event in events if hasattr(event, "result")] == [2 * i for i in range(2000)]
    assert pipe.largest in (4, 5)
    assert any("memory was short" in event.why for event in events if hasattr(event, "why"))
    before = pipe.forwards
    pipe(list(range(100)))
    assert pipe.forwards - before < 60, "the size that works is remembered"


def test_an_item_that_alone_does_not_fit_is_an_error(doubling):
    found = doubling(room=0)([1, 2, 3], on_error="record")
    assert [value["type"] for value in found] == ["OutOfMemoryError"] * 3


def test_a_failed_batch_keeps_no_memory():
    class Big:
        pass

    held = []

    def fail():
        big = Big()
        held.append(weakref.ref(big))
        raise MemoryError

    try:
        fail()
    except MemoryError as raised:
        error = raised
    release(error)
    gc.collect()
    assert held[0]() is None


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_are_shortages(error, short):
    assert is_shortage(error) is short


def test_raise_record_skip(doubling):
    pipe = doubling(bad=poison)
    with pytest.raises(ValueError, match="37 cannot be read") as caught:
        pipe(list(range(100)), batch_size=4)
    assert caught.value.partial == [{"double": 2 * i} for i in range(37)]
    assert any("item 37" in note for note in caught.value.__notes__)
    assert any("37 of 100" in note for note in caught.value.__notes__)
    assert len(pipe(list(range(100)), on_error="skip")) == 99
    (failure,) = [one for one in pipe(list(range(100)), on_error="record") if isinstance(one, Failure)]
    assert failure == {"index": 37, "stage": "preprocess", "type": "ValueError", "message": "37 cannot be read"}
    assert failure.source == 37
    assert pipe(37, on_error="record") == failure | {"index": 0}
    assert pipe(37, on_error="skip") is None
    with pytest.raises(InputError, match="on_error must be 'raise', 'record', 'skip'"):
        pipe([1], on_error="ignore")


def test_a_generator_gives_what_precedes_a_bad_item(doubling):
    found = []
    with pytest.raises(ValueError, match="37 cannot be read"):
        found.extend(doubling(bad=poison)(i for i in range(100)))
    assert len(found) == 37


def test_an_interrupt_of_a_list_keeps_what_is_done(doubling):
    def interrupt(item):
        if item == 60:
            raise KeyboardInterrupt
        return ""

    with pytest.raises(KeyboardInterrupt) as caught:
        doubling(bad=interrupt)(list(range(100)), batch_size=4)
    assert caught.value.partial
    assert list(caught.value.partial) == [{"double": 2 * i} for i in range(len(caught.value.partial))]
    assert any("of 100 items were done" in note for note in caught.value.__notes__)


def test_failures_in_tables(doubling):
    frame = doubling(bad=poison)(list(range(30, 40)), on_error="record").to_df()
    assert frame["error"].dropna().to_dict() == {7: "ValueError: 37 cannot be read"}
    assert "error" not in doubling()([1, 2]).to_df()
