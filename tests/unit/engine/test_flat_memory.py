"""A job over an endless source takes no more memory after its millionth row than after its hundred-thousandth."""

import pytest
import torch

from nbpipes.engine.memory import in_use

ROWS, WARM = 1_000_000, 200_000
GROWTH = 24 * 2**20
"""Bytes that it may take more: measured 0 to 10 MB, as the allocator pleases."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("sink", [False, True])
def test_a_million_short_rows(doubling, tmp_path, sink):
    device = torch.device("cpu")
    if in_use(device) is None:
        pytest.skip("this system does not tell how much memory a process takes")
    # Kept on disk: the rows are not read here. Kept in memory: reading lets the job forget them.
    job = doubling().stream(iter(range(ROWS)), sink=tmp_path / "run" if sink else None)
    before = None
    if sink:
        while not job.wait(0.5):
            before = before or (in_use(device) if job.stats.done >= WARM else None)
    else:
        for number, _ in enumerate(job):
            if number == WARM:
                before = in_use(device)
    assert job.stats.done == ROWS
    grown = in_use(device) - before
    print(f"{grown / 2**20:.1f} MB more after {ROWS:,} rows than after {WARM:,}")
    assert grown < GROWTH
