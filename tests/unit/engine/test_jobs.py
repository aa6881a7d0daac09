"""Jobs: they go on in the background, answer while they run, and heed what they are asked."""

import asyncio
import gc
import subprocess
import sys
import threading
import time
from itertools import count

import pytest
import torch

import nbpipes
from nbpipes.engine import compute
from nbpipes.engine.registry import find
from nbpipes.errors import InputError
from nbpipes.results.failures import Failure


def doubles(found):
    return [value["double"] for value in found]


def test_a_job_gives_what_a_call_gives(doubling):
    pipe = doubling()
    rows = list(range(3000))
    job = pipe.stream(rows)
    assert job.result(30) == pipe(rows)
    assert (job.state, job.errors, len(job.to_df())) == ("done", [], 3000)
    assert job.result().sources == rows
    assert doubles(job) == [2 * row for row in rows]


@pytest.mark.parametrize("rows", [[], [7], range(50), (i for i in range(50))])
def test_any_input(doubling, rows):
    job = doubling().stream(rows)
    assert doubles(job.result(30)) == [2 * i for i in (range(50) if not isinstance(rows, list) else rows)]


def test_results_come_while_it_runs(doubling):
    job = doubling(seconds=0.01).stream(list(range(2000)), batch_size=8)
    first = next(iter(job))
    assert first == {"double": 0}
    assert job.state == "running"
    assert 0 < len(job.to_df()) < 2000
    job.stop()
    found = job.result(30)
    assert job.state == "stopped"
    assert 0 < len(found) < 2000
    assert doubles(found) == [2 * row for row in range(len(found))]


def test_pause_and_resume(doubling, eventually):
    pipe = doubling(seconds=0.002)
    job = pipe.stream(list(range(4000)), batch_size=4)
    eventually(lambda: job.snapshot()["done"])
    job.command("pause")
    assert job.state == "paused"
    time.sleep(0.02)
    done = pipe.forwards
    time.sleep(0.05)
    assert pipe.forwards == done
    assert pipe([1]) == [{"double": 2}], "the pipeline can be called meanwhile"
    job.resume()
    eventually(lambda: pipe.forwards > done + 1)
    job.pause()
    job.stop()
    assert job.wait(10) or job.wait(10)
    assert job.state == "stopped"


def test_the_batch_size_can_be_changed(doubling, eventually):
    pipe = doubling(seconds=0.002)
    job = pipe.stream(list(range(100_000)), batch_size=2)
    eventually(lambda: job.snapshot()["chunks"] == 2)
    job.command("set_batch_size", 5)
    eventually(lambda: job.snapshot()["chunks"] == 5)
    job.command("set_batch_size", "auto")
    eventually(lambda: job.snapshot()["chunks"] > 5)
    assert job.snapshot()["batch_size"] is None
    for wrong in (0, "many", True, 1.5):
        with pytest.raises(InputError, match="batch_size must be"):
            job.set_batch_size(wrong)
    with pytest.raises(InputError, match="did you mean 'pause'"):
        job.command("pausee")
    job.stop()


def test_await(doubling):
    async def main():
        return await doubling().stream([1, 2]), await doubling(bad=lambda i: "forward").stream([1], on_error="skip")

    assert asyncio.run(main()) == ([{"double": 2}, {"double": 4}], [])


def test_errors_are_told_and_can_be_retried(doubling):
    pipe = doubling(bad=lambda item: "forward" if item % 10 == 3 else "")
    job = pipe.stream(list(range(100)))
    found = job.result(30)
    assert [one["index"] for one in job.errors] == list(range(3, 100, 10))
    assert [i for i, one in enumerate(found) if isinstance(one, Failure)] == list(range(3, 100, 10))
    assert job.snapshot()["failed"] == 10
    assert "RuntimeError: a device error" in set(job.to_df()["error"].dropna())
    pipe.bad = lambda item: "forward" if item == 13 else ""
    assert job.retry_failed() == 10
    assert doubles(one for one in job.result(30) if not isinstance(one, Failure)) == [
        2 * i for i in range(100) if i != 13
    ]
    assert [(one["index"], one.source) for one in job.errors] == [(13, 13)]
    pipe.bad = lambda item: ""
    job.command("retry_failed")
    assert doubles(job.result(30)) == [2 * i for i in range(100)]
    assert job.retry_failed() == 0


def test_skip_leaves_errors_out_and_raise_ends_the_job(doubling):
    pipe = doubling(bad=lambda item: "preprocess" if item == 30 else "")
    job = pipe.stream(list(range(40)), on_error="skip")
    assert len(job.result(30)) == len(list(job)) == 39
    assert [one["index"] for one in job.errors] == [30]
    job = pipe.stream(list(range(40)), on_error="raise")
    with pytest.raises(ValueError, match="30 cannot be read"):
        job.result(30)
    assert job.state == "failed"
    assert job.snapshot()["message"] == "ValueError: 30 cannot be read"
    with pytest.raises(ValueError, match="30 cannot be read"):
        list(job)


def test_a_source_that_breaks(doubling):
    def source():
        yield from range(10)
        raise OSError("the disk is gone")

    job = doubling().stream(source())
    with pytest.raises(OSError, match="the disk is gone"):
        job.result(30)
    assert len(job.to_df()) == 10


def test_timeout_and_a_running_job_cannot_be_retried(doubling):
    job = doubling().stream(i for i in count())
    with pytest.raises(TimeoutError):
        job.result(0.01)
    with pytest.raises(InputError, match="still running"):
        job.retry_failed()
    job.stop()
    job.result(30)


def test_a_source_that_waits_is_computed_as_it_comes(doubling, eventually):
    more = threading.Semaphore(3)

    def source():
        for i in range(100):
            more.acquire()
            yield i

    job = doubling().stream(source())
    eventually(lambda: job.snapshot()["done"] == 3)
    more.release()
    eventually(lambda: job.snapshot()["done"] == 4)
    job.stop()
    assert doubles(job.result(10)) == [0, 2, 4, 6], "a stop need not wait for the source"


def test_endless_input_is_held_within_bounds(doubling, eventually, monkeypatch):
    monkeypatch.setattr("nbpipes.engine.streaming.HELD", 500)
    job = doubling().stream(i for i in count())
    eventually(lambda: job.state == "waiting")
    assert "sink" in job.snapshot()["message"]
    assert len(job.shelf._entries) < 500 + 1024 + 200
    for number, value in enumerate(job):
        assert value == {"double": 2 * number}
        if number == 20_000:
            break
    assert len(job.shelf._entries) < 500 + 1024 + 200
    job.stop()
    assert job.wait(10) or job.wait(10)


def test_the_registry(doubling):
    job = doubling().stream([1])
    job.result(10)
    assert nbpipes.jobs()[-1] is job
    assert find() is find(job.id) is find(str(job.id)) is job
    assert f"<Job {job.id} doubling: done, 1 of 1 rows" in repr(nbpipes.jobs())
    with pytest.raises(InputError, match="there is no job 0; known"):
        find(0)
    for _ in range(30):
        doubling().stream([1]).result(10)
    assert len(nbpipes.jobs()) <= 22


def test_the_snapshot_is_plain(doubling):
    import json

    job = doubling(bad=lambda item: "forward" if item == 2 else "").stream([1, 2, 3])
    job.result(10)
    now = json.loads(json.dumps(job.snapshot()))
    assert (now["done"], now["total"], now["failed"], now["state"], now["task"]) == (3, 3, 1, "done", "doubling")
    assert [one["output"] for one in now["last"]] == ["{'double': 2}", "{'double': 6}"]
    assert now["errors"][0]["type"] == "RuntimeError"
    assert now["latency"]["p95"] >= now["latency"]["p50"] > 0


def test_threads_take_turns_more_often_while_jobs_run(doubling):
    before = sys.getswitchinterval()
    jobs = [doubling(seconds=0.002).stream(i for i in count()) for _ in range(2)]
    next(iter(jobs[0])), next(iter(jobs[1]))
    assert sys.getswitchinterval() < 1e-3
    jobs[0].stop()
    jobs[0].result(10)
    assert sys.getswitchinterval() < 1e-3
    jobs[1].stop()
    jobs[1].result(10)
    assert sys.getswitchinterval() == before


def test_all_forwards_are_on_one_thread(doubling):
    seen = set()

    class Noting(doubling):
        def _forward(self, inputs, options):
            seen.add(threading.current_thread().name)
            assert torch.is_inference_mode_enabled()
            return super()._forward(inputs, options)

    pipe = Noting()
    jobs = [pipe.stream(list(range(100))) for _ in range(3)]
    pipe([1])
    for job in jobs:
        job.result(10)
    assert len(seen) == 1
    assert next(iter(seen)).startswith("nbpipes-compute")


def test_an_error_keeps_no_frames(doubling):
    job = doubling(bad=lambda item: "forward").stream([1, 2])
    job.result(10)
    gc.collect()
    assert all(not hasattr(one, "__traceback__") for one in job.errors)


def test_work_after_shutdown_is_no_ones_fault(monkeypatch):
    class Closed:
        def submit(self, work):
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(compute, "_executor", Closed())
    with pytest.raises(compute.ShuttingDown):
        compute.run(lambda: 1)


def test_a_process_ends_though_a_job_runs(tiny):
    code = (
        "from itertools import repeat\n"
        "from nbpipes import pipeline\n"
        f"job = pipeline('sentiment-analysis', {str(tiny('sequence'))!r}).stream(repeat('ok'))\n"
        "next(iter(job))\n"
        "print('so far')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "so far\n"
    assert "Traceback" not in done.stderr
