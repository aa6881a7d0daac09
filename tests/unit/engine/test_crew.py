"""How many threads compute: all while the machine is ours, fewer beside others, all again when they have gone."""

import random

import pytest
import torch

from nbpipes.engine.crew import LONGEST_PAUSE, Crew


def play(crew, seconds, rate, share, noise=0.0, seed=0, main=0.0):
    """Computes batches of 100 for so long. rate: their size a second, and share: that of the leading thread, both by
    the number of threads; main: that of the main thread. Gives the numbers of threads used."""
    chance, used, clock = random.Random(seed), [], 0.0
    while clock < seconds:
        threads = crew.size
        taken = 100 / rate(threads) * (1 + noise * chance.random())
        crew.ran(taken, taken * share(threads), taken * main)
        crew.worked(100, taken)
        used.append(threads)
        clock += taken
    return used


def free(threads):
    return 1000.0 * threads**0.85


def test_a_machine_of_our_own_is_used_whole():
    crew = Crew(4)
    used = play(crew, 60, free, lambda _: 0.98, noise=0.1)
    assert set(used) == {4}


@pytest.mark.parametrize("most", [2, 4, 8])
def test_one_less_beside_another_program_and_all_when_it_is_over(most):
    crew = Crew(most)

    def beside(threads):
        return free(threads) if threads < most else free(most) / 2

    used = play(crew, 20, beside, lambda threads: 0.98 if threads < most else 0.6, noise=0.05)
    assert crew.now == most - 1
    assert used[-1] == most - 1
    used = play(crew, LONGEST_PAUSE, free, lambda _: 0.98, noise=0.02)
    assert crew.now == most


@pytest.mark.parametrize("most", [1, 2, 16])
def test_a_busy_cell_has_a_core_at_once_and_gives_it_back_at_once(most):
    crew = Crew(most)
    used = play(crew, 10, free, lambda _: 0.7, main=0.9)
    assert set(used[20:]) == {max(1, most - 1)}
    used = play(crew, 10, free, lambda _: 0.98, main=0.02)
    assert set(used[20:]) == {most}


def test_a_crowded_machine_is_left_to_ever_fewer():
    crew = Crew(16)
    play(crew, 60, lambda threads: 1000.0 / threads, lambda threads: 0.98 if threads == 1 else 0.5)
    assert crew.now == 1


def test_tries_become_rare_where_they_change_nothing():
    crew = Crew(2)
    play(crew, 10, lambda threads: 1000.0 / threads, lambda threads: 1 / threads)
    assert crew.now == 1
    used = play(crew, 300, lambda threads: 1000.0 / threads, lambda threads: 1 / threads)
    assert used.count(2) < 0.02 * len(used)


def test_waiting_that_has_another_cause_keeps_all_threads():
    """A leading thread that waits for a disk or a GPU: fewer threads make it slower."""
    crew = Crew(8)
    used = play(crew, 300, free, lambda _: 0.5)
    assert crew.now == 8
    assert used.count(7) < 0.05 * len(used)


def test_speeds_of_different_kinds_are_not_compared():
    """Tokens and pixels in turns, on a machine that is crowded now and then: one is a thousand times the other."""
    crew = Crew(4)
    used = []
    for turn in range(2000):
        pixels = turn % 4 > 1
        seconds = 0.05 / crew.size**0.85
        crew.ran(seconds, 0.5 * seconds, 0.0)
        used.append(crew.size)
        crew.worked(100_000 if pixels else 100, seconds, kind=pixels)
    assert crew.now == 4
    assert used.count(3) < 0.1 * len(used)


def test_a_single_thread_stays():
    crew = Crew(1)
    used = play(crew, 10, free, lambda _: 0.3)
    assert set(used) == {1}


def test_the_number_holds_inside_only():
    before = torch.get_num_threads()
    crew = Crew(before + 2)
    crew.now = 1
    torch.set_num_threads(before + 2)
    try:
        with crew.at_work():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == before + 2
    finally:
        torch.set_num_threads(before)
