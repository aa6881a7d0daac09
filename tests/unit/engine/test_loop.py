"""The loop: order, batches, laziness, errors. Its steps are plain functions: each test sees what they were asked."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.engine.events import Batched, Done, Failed, Started
from nbpipes.engine.loop import ChunkOutput, Limits, run
from nbpipes.engine.windows import WINDOW_BATCHES
from nbpipes.models.outputs import Logits
from nbpipes.processing.batch import Chunk


@dataclass
class Doubler:
    """Doubles numbers; an item is a list of them, one chunk each. Remembers the batches that it saw."""

    batches: list[list[float]] = field(default_factory=list)
    bad: float | None = None

    def preprocess(self, item: list[float], options: None) -> Iterator[Chunk]:
        for value in item:
            if value == "unreadable":
                raise ValueError("cannot be read")
            yield Chunk({"value": value}, size=max(1, int(abs(value))))

    def forward(self, chunks: list[Chunk], options: None) -> list[ChunkOutput]:
        values = [chunk.inputs["value"] for chunk in chunks]
        if self.bad in values:
            raise RuntimeError("cannot be computed")
        self.batches.append(values)
        return [ChunkOutput(chunk, Logits(torch.tensor(2 * chunk.inputs["value"]))) for chunk in chunks]

    def postprocess(self, outputs: list[ChunkOutput], options: None) -> list[float]:
        if any(out["logits"].item() == 26 for out in outputs):
            raise KeyError("unlucky")
        return [out["logits"].item() for out in outputs]


def settled_so_far(events):
    return (event.result for event in events if isinstance(event, Done))


def settled(events):
    return [event for event in events if isinstance(event, Done | Failed)]


@given(
    st.lists(st.lists(st.integers(14, 400), max_size=5), max_size=60),
    st.one_of(st.none(), st.integers(1, 7)),
    st.integers(1, 2000),
    st.booleans(),
)
def test_results_come_in_order_whatever_the_batches(items, batch_size, budget, sized):
    steps = Doubler()
    events = list(run(steps, items, None, Limits(batch_size, budget), sized=sized))
    done = settled(events)
    assert [event.index for event in done] == list(range(len(items)))
    assert [event.result for event in done] == [[2 * value for value in item] for item in items]
    assert [event.index for event in events if isinstance(event, Started)] == list(range(len(items)))
    for batch in steps.batches:
        assert batch_size is None or len(batch) <= batch_size
        assert len(batch) == 1 or sum(batch) <= budget
    assert sum(len(batch) for batch in steps.batches) == sum(
        event.chunks for event in events if isinstance(event, Batched)
    )


@given(st.lists(st.sampled_from([20, 30, "unreadable", 99, 13]), max_size=40), st.booleans())
def test_a_bad_item_costs_itself_only(values, sized):
    stages = {"unreadable": "preprocess", 99: "forward", 13: "postprocess"}
    events = settled(run(Doubler(bad=99), [[21, value] for value in values], None, Limits(None, 500), sized=sized))
    assert len(events) == len(values)
    for value, event in zip(values, events, strict=True):
        if value in stages:
            assert isinstance(event, Failed)
            assert event.stage == stages[value]
        else:
            assert event.result == [42, 2 * value]


def test_chunks_of_one_item_share_batches_with_other_items():
    steps = Doubler()
    list(run(steps, [[20, 20, 20], [20]], None, Limits(4, 10_000), sized=True))
    assert steps.batches == [[20, 20, 20, 20]]


def test_a_sized_source_is_read_sixteen_items_ahead_at_first():
    read = []
    items = ([read.append(i) or 20] for i in range(10_000))
    events = run(Doubler(), items, None, Limits(None, 10_000), sized=True)
    next(event for event in events if isinstance(event, Done))
    assert len(read) <= 17


def test_a_pipeline_may_read_further_ahead_at_first():
    steps = Doubler()
    list(run(steps, [[20]] * 40, None, Limits(None, 10_000, window=64), sized=True))
    assert [len(batch) for batch in steps.batches] == [40]


def test_an_endless_generator_gives_its_first_result_after_one_item():
    read = []
    events = run(Doubler(), ([read.append(i) or 20] for i in count()), None, Limits(None, 10_000), sized=False)
    results = (event for event in events if isinstance(event, Done))
    next(results)
    assert len(read) <= 2
    list(islice(results, 500))
    assert len(read) <= 500 + 1024 + 1


def test_a_quick_generator_is_batched():
    steps = Doubler()
    list(run(steps, ([20] for _ in range(600)), None, Limits(None, 10_000), sized=False))
    assert max(len(batch) for batch in steps.batches) >= 16


def test_a_source_that_waits_is_answered_item_by_item():
    answered = []

    def questions():
        for i in range(20):
            assert len(answered) == i, "the next question is asked only after the last answer"
            time.sleep(0.005)
            yield [20]

    for event in run(Doubler(), questions(), None, Limits(None, 10_000), sized=False):
        if isinstance(event, Done):
            answered.append(event.index)
    assert len(answered) == 20


def test_the_error_of_a_source_comes_after_what_it_gave():
    def broken():
        yield [20]
        yield [30]
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(settled_so_far(run(Doubler(), broken(), None, Limits(None, 100), sized=True)))
    assert found == [[40], [60]]


def test_an_item_of_very_many_chunks_does_not_wait_in_memory():
    produced, seen = [], []

    class Long(Doubler):
        def preprocess(self, item, options):
            for i in range(5000):
                produced.append(i)
                yield Chunk({"value": 20}, size=20)

        def forward(self, chunks, options):
            seen.append(len(produced))
            return super().forward(chunks, options)

    (done,) = settled(run(Long(), [[0]], None, Limits(8, 1000), sized=True))
    assert len(done.result) == 5000
    assert seen[0] <= 17


def test_large_items_make_small_windows():
    """What waits to be computed takes memory: a window ends after a number of full batches."""
    waiting, most = 0, 0
    for event in run(Doubler(), [[100]] * 500, None, Limits(None, 100), sized=True):
        waiting += isinstance(event, Started) - isinstance(event, Done)
        most = max(most, waiting)
    assert 16 < most <= WINDOW_BATCHES + 1


def test_the_first_of_results_that_are_read_as_they_come_does_not_wait():
    steps = Doubler()
    events = run(steps, [[20]] * 100, None, Limits(None, 10_000), sized=True, soon=True)
    next(event for event in events if isinstance(event, Done))
    assert [len(batch) for batch in steps.batches] == [1]
    list(events)
    assert [len(batch) for batch in steps.batches] == [1, 2, 4, 8, 16, 32, 37]
