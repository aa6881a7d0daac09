"""Sizes of batches: climbing to where a machine is fast, staying there, coping with too little memory."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.engine.tuning import GAIN, LONGEST_PAUSE, STEP, Limits, Sizes, percentile


def speed(size, best, width=1.2):
    """Units per second of a machine that is fastest at `best`, and falls off on both sides."""
    return 1000 * math.exp(-((math.log(size / best) / width) ** 2))


def feed(limits, batches, rate, noise=0.0, seed=0):
    """Runs full batches on a machine; gives what was tuned."""
    chance = random.Random(seed)
    found = []
    for _ in range(batches):
        size = limits.budget
        tuned = limits.worked(size, size / rate(size) * (1 + noise * chance.random()))
        found += [tuned] if tuned else []
    return found


@pytest.mark.parametrize("best", [250, 500, 1000, 3000, 9000])
def test_the_budget_climbs_to_where_the_machine_is_fast(best):
    limits = Limits(None, 1000, tuned=True)
    found = feed(limits, 600, lambda size: speed(size, best))
    assert speed(limits.sizes.budget, best) > 0.93 * speed(best, best)
    assert all("× the speed of" in one.why for one in found)


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_noise_does_not_drive_it_about(seed):
    limits = Limits(None, 1000, tuned=True)
    found = feed(limits, 1500, lambda size: 1000.0, noise=0.05, seed=seed)
    assert len(found) <= 2, "a machine that does not care about the size gives no reason to move"


def test_tries_become_rare():
    limits = Limits(None, 1000, tuned=True)
    feed(limits, 3000, lambda size: speed(size, 1000))
    sizes = []
    for _ in range(LONGEST_PAUSE):
        sizes.append(limits.budget)
        limits.worked(limits.budget, limits.budget / speed(limits.budget, 1000))
    assert sum(size != limits.sizes.budget for size in sizes) < 0.03 * len(sizes)


def test_input_that_does_not_fill_batches_changes_nothing():
    limits = Limits(None, 1000, tuned=True)
    for _ in range(500):
        assert limits.worked(100, 0.1) is None
    assert limits.budget == 1000


def test_a_batch_size_that_was_given_is_kept():
    limits = Limits(8, 1000, tuned=True)
    assert feed(limits, 300, lambda size: speed(size, 5000)) == []
    assert (limits.batch_size, limits.budget) == (8, 1000)


def test_what_was_learnt_stays_for_the_next_run():
    sizes = Sizes(1000)
    feed(Limits(None, 1000, tuned=True, sizes=sizes), 300, lambda size: speed(size, 4000))
    assert Limits(None, 1000, tuned=True, sizes=sizes).budget > 2000


def test_a_shortage_lowers_the_ceiling_which_rises_again_with_care():
    limits = Limits(None, 1000)
    assert limits.ran_out(1000, 500).size == 500
    assert limits.ran_out(500, 250).size == 250
    seen = []
    for _ in range(2000):
        seen.append(limits.budget)
        limits.worked(limits.budget, 0.1)
    assert seen == sorted(seen)
    assert all(later <= STEP * earlier + 1 for earlier, later in pairwise(seen))
    assert seen.index(1000) > 100


def test_memory_that_stays_short_is_tried_ever_less_often():
    limits, fits, shortages = Limits(None, 1024), 300, []
    for batch in range(20_000):
        if (size := limits.budget) > fits:
            shortages.append(batch)
            limits.ran_out(size, size // 2 if size // 2 <= fits else size // 4)
        else:
            limits.worked(size, 0.1)
    assert len(shortages) < 25
    assert limits.budget <= fits


def test_one_shortage_at_a_size_that_has_worked_is_not_believed():
    limits = Limits(None, 1000)
    for _ in range(50):
        limits.worked(1000, 0.1)
    assert "once" in limits.ran_out(1000, 500).why
    assert limits.budget == 1000
    assert limits.ran_out(1000, 500).size == 500


def test_an_item_that_does_not_fit_alone_leaves_the_others_their_size():
    limits = Limits(None, 1000)
    limits.worked(1000, 0.1)
    assert limits.ran_out(20, 0) is None
    assert limits.budget == 1000


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10_000), st.floats(0, 1)), max_size=200))
@settings(deadline=None)
def test_whatever_happens_there_is_always_room_for_something(happenings):
    limits = Limits(None, 1000, tuned=True)
    for short, size, share in happenings:
        if short:
            limits.ran_out(size, int(size * share))
        else:
            limits.worked(size, share)
        assert 1 <= limits.budget <= 16_000 * GAIN


def test_percentiles():
    assert percentile([], 0.5) == 0
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(range(100), 0.95) == 95
