"""Reading ahead: in order, within bounds, errors at their place."""

import threading
import time
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.engine.lookahead import Lookahead


@given(st.lists(st.integers(), max_size=300), st.integers(1, 50))
@settings(deadline=None, max_examples=50)
def test_everything_in_order(items, ahead):
    assert list(Lookahead(iter(items), ahead)) == items


def test_no_further_than_allowed():
    taken = []
    reader = Lookahead((taken.append(i) or i for i in count()), 10)
    time.sleep(0.05)
    assert len(taken) <= 11
    next(reader)
    time.sleep(0.05)
    assert len(taken) <= 22
    reader.close()


def test_errors_come_after_what_was_read():
    def source():
        yield 1
        raise OSError("gone")

    reader = Lookahead(source())
    assert next(reader) == 1
    with pytest.raises(OSError, match="gone"):
        next(reader)


def test_ready_and_close():
    gate = threading.Event()

    def source():
        yield 1
        gate.wait(10)
        yield 2

    reader = Lookahead(source())
    assert next(reader) == 1
    assert not reader.ready()
    assert reader.depth == 0
    closer = threading.Timer(0.02, reader.close)
    closer.start()
    assert list(reader) == []
    assert reader.ready()
    gate.set()
