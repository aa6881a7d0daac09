"""The heap is tidied up when it has grown, never at every forward."""

from collections.abc import Iterator
from itertools import accumulate

import pytest
import torch

from nbpipes.engine import memory

MIB = 1 << 20


def tidied(monkeypatch: pytest.MonkeyPatch, levels: list[int]) -> list[int]:
    """How often the heap had been tidied after each look, with so many MiB in use at each."""
    calls: list[int] = []
    looks: Iterator[int] = iter(levels)
    monkeypatch.setattr(memory, "_trim", lambda: calls.append)
    monkeypatch.setattr(memory, "in_use", lambda device: next(looks) * MIB)
    tidier, counts = memory.Tidier(2.0, slack=64 * MIB), []
    for _ in range(2 * len(levels)):
        tidier.worked(1.0)
        counts.append(len(calls))
    assert calls == [0] * len(calls)
    return counts[1::2]


def test_what_the_work_holds_by_itself_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tidied(monkeypatch, [900, 900, 964, 850, 960]) == [0, 0, 0, 0, 0]


def test_what_is_added_to_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tidied(monkeypatch, [900, 950, 965, 870, 934, 935, 1200, 1265]) == [0, 0, 1, 1, 1, 2, 2, 3]


def test_what_others_left_in_a_pause_is_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = [(0, 400, 0), (5, 465, 1), (0, 400, 1), (6, 900, 1), (5, 964, 1), (0, 965, 2)]
    clock, levels = iter([0.0, *accumulate(2.0 + pause for pause, _, _ in pauses)]), iter(pauses)
    calls: list[int] = []
    monkeypatch.setattr(memory, "_trim", lambda: calls.append)
    monkeypatch.setattr(memory, "in_use", lambda device: next(levels)[1] * MIB)
    monkeypatch.setattr(memory, "monotonic", lambda: next(clock))
    tidier = memory.Tidier(2.0, slack=64 * MIB, pause=5.0)
    for _, _, times in pauses:
        tidier.worked(2.0)
        assert len(calls) == times


def test_short_work_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_trim", lambda: pytest.fail)
    monkeypatch.setattr(memory, "in_use", pytest.fail)
    tidier = memory.Tidier(2.0)
    for _ in range(3):
        tidier.worked(0.5)


def test_nothing_happens_where_the_library_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_trim", lambda: None)
    for _ in range(3):
        memory.Tidier(0.0).worked(1.0)


def test_free_pages_between_what_is_in_use_are_given_back() -> None:
    if (trim := memory._trim()) is None:
        pytest.skip("this C library cannot give pages back")
    trim(0)  # what other tests left would be filled first
    cpu = torch.device("cpu")
    tidier = memory.Tidier(0.0)
    tidier.worked(1.0)
    blocks = [torch.ones(16_000) for _ in range(3_000)]  # 64 kB each, in the heap
    last = blocks.pop()  # the heap cannot end before it
    del blocks
    full = memory.in_use(cpu)
    tidier.worked(1.0)
    left = memory.in_use(cpu)
    assert full is not None
    assert left is not None
    assert full - left > 100 * MIB
    assert last.sum() == 16_000
