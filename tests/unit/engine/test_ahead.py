"""Items that threads cut ahead of the forward: same results, batches as soon as they are full, a bounded way ahead."""

import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.engine.events import Done, Failed
from nbpipes.engine.loop import ChunkOutput, run
from nbpipes.engine.tuning import Limits
from nbpipes.engine.windows import AHEAD
from nbpipes.models.outputs import Logits
from nbpipes.processing.batch import Chunk
from nbpipes.processing.media import quiet


@dataclass
class Squares:
    """Squares numbers, in batches of numbers with the same last digit; a text is no number."""

    readers: int = 2
    cut: list[int] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def preprocess(self, item: int, options: None) -> Iterator[Chunk]:
        self.threads.add(threading.current_thread().name)
        self.cut.append(item)
        yield Chunk({"value": item + 0}, size=10, group=item % 10)

    def forward(self, chunks: list[Chunk], options: None) -> list[ChunkOutput]:
        self.batches.append([chunk.inputs["value"] for chunk in chunks])
        return [ChunkOutput(chunk, Logits(torch.tensor(chunk.inputs["value"] ** 2))) for chunk in chunks]

    def postprocess(self, outputs: list[ChunkOutput], options: None) -> int:
        return int(outputs[0]["logits"])


@given(
    st.lists(st.integers(0, 99) | st.just("text"), max_size=70),
    st.none() | st.integers(1, 5),
    st.integers(1, 60),
    st.integers(1, 3),
    st.booleans(),
)
def test_results_are_those_that_come_without_threads(values, batch_size, budget, readers, sized):
    steps = Squares(readers)
    events = list(run(steps, values, None, Limits(batch_size, budget), sized=sized))
    settled = [event for event in events if isinstance(event, Done | Failed)]
    assert [event.index for event in settled] == list(range(len(values)))
    for value, event in zip(values, settled, strict=True):
        if value == "text":
            assert isinstance(event, Failed)
            assert event.stage == "preprocess"
        else:
            assert event.result == value**2
    for batch in steps.batches:
        assert len({value % 10 for value in batch}) == 1
        assert len(batch) <= (batch_size or 99)
        assert len(batch) == 1 or 10 * len(batch) <= budget


def test_a_batch_is_computed_as_soon_as_it_is_full():
    steps = Squares(readers=1)
    events = run(steps, [7] * 200, None, Limits(None, 40), sized=True)
    done = next(event for event in events if isinstance(event, Done))
    assert done.index == 0
    assert [len(batch) for batch in steps.batches] == [4]
    assert len(steps.cut) <= AHEAD + 5
    events.close()
    assert len(steps.cut) <= AHEAD + 6  # what a thread had begun


def test_a_single_item_needs_no_thread():
    steps = Squares()
    assert [event.result for event in run(steps, [3], None, Limits(None, 40), sized=True) if isinstance(event, Done)]
    assert steps.threads == {threading.current_thread().name}


def test_a_generator_is_not_read_further_than_without_threads():
    steps, given_ = Squares(), count(1)
    events = run(steps, given_, None, Limits(None, 10), sized=False)
    results = [event.result for event in islice((e for e in events if isinstance(e, Done)), 3)]
    assert results == [1, 4, 9]
    assert next(given_) <= 5


def test_threads_that_come_and_go_keep_the_filters_of_warnings():
    before = list(warnings.filters)
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet:
            entered.set()
            leave.wait(5)

    thread = threading.Thread(target=other)
    with quiet:
        thread.start()
        entered.wait(5)
    warnings.warn("not heard", stacklevel=1)
    leave.set()
    thread.join()
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)
