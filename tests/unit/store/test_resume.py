"""Going on with a run: what is there is skipped, what is new or changed is computed, what does not fit is refused."""

import logging
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpipes import Run
from nbpipes.errors import InputError, StoreError
from nbpipes.results.failures import Failure
from nbpipes.store import open as opening
from nbpipes.store import sqlite

TEXTS = [f"{'x' * (i * 7 % 23)}{i}" for i in range(700)]


def run(pipe, rows, folder, **options):
    job = pipe.stream(rows, sink=folder, **options)
    return job, job.result(30)


def texts(found):
    return [value["text"] for value in found]


@pytest.mark.parametrize("source", [list, iter])
def test_a_second_run_computes_nothing(lengths, tmp_path, kind, source, caplog):
    first = lengths()
    job, found = run(first, source(TEXTS), tmp_path, store=kind)
    assert texts(found) == TEXTS == texts(job)
    assert sorted(first.seen) == sorted(TEXTS)
    again = lengths()
    with caplog.at_level(logging.WARNING):
        job, found = run(again, source(TEXTS), tmp_path)
    assert "holds 700 rows, which are skipped" in caplog.text
    assert again.seen == []
    assert texts(found) == TEXTS
    assert job.snapshot()["skipped"] == job.snapshot()["done"] == 700
    assert "700 were there already" in repr(job)


def test_new_rows_are_added(lengths, tmp_path, kind):
    run(lengths(), TEXTS[:300], tmp_path, store=kind)
    pipe = lengths()
    assert texts(run(pipe, TEXTS, tmp_path)[1]) == TEXTS
    assert sorted(pipe.seen) == sorted(TEXTS[300:])


def test_changed_rows_are_computed_again(lengths, tmp_path, kind):
    run(lengths(), TEXTS, tmp_path, store=kind)
    changed = [*TEXTS]
    changed[5], changed[600] = "new", "newer"
    pipe = lengths()
    assert texts(run(pipe, changed, tmp_path)[1]) == changed
    assert sorted(pipe.seen) == ["new", "newer"]
    assert texts(Run(tmp_path)) == changed


def test_another_input_is_refused(lengths, tmp_path, kind):
    run(lengths(), TEXTS, tmp_path, store=kind)
    job = lengths().stream([text[::-1] + "!" for text in TEXTS], sink=tmp_path)
    with pytest.raises(StoreError, match="64 of the first 64 rows are not those"):
        job.result(30)
    assert texts(Run(tmp_path)) == TEXTS


def test_resume_false_and_restart(lengths, tmp_path, kind):
    run(lengths(), TEXTS[:10], tmp_path, store=kind, resume=False)
    with pytest.raises(StoreError, match="holds 10 rows"):
        lengths().stream(TEXTS[:10], sink=tmp_path, resume=False)
    pipe = lengths()
    assert texts(run(pipe, ["a", "b"], tmp_path, resume="restart")[1]) == ["a", "b"]
    assert Run(tmp_path).counts == {"done": 2, "failed": 0}
    with pytest.raises(InputError, match="resume must be"):
        lengths().stream([], sink=tmp_path, resume="no")
    with pytest.raises(InputError, match="did you mean 'shards'"):
        lengths().stream([], sink=tmp_path, store="shard")


def test_another_pipeline_is_refused(lengths, tmp_path):
    class Longer(lengths):
        pass

    run(lengths(), TEXTS[:10], tmp_path)
    with pytest.raises(StoreError, match=r"another pipeline \(class was .*Lengths.*Longer"):
        Longer().stream(TEXTS[:10], sink=tmp_path)
    with pytest.raises(StoreError, match="key was '', is 'id'"):
        lengths().stream([{"id": 1, "text": "a"}], sink=tmp_path, key="id")


@pytest.mark.parametrize("key", ["id", lambda item: item["id"]])
def test_keys_know_rows_wherever_they_stand(lengths, tmp_path, kind, key):
    rows = [{"id": i, "text": text} for i, text in enumerate(TEXTS[:200])]
    run(lengths(), rows[:150], tmp_path, key=key, store=kind)
    pipe = lengths()
    _, found = run(pipe, [*reversed(rows), rows[3]], tmp_path, key=key)
    assert sorted(pipe.seen) == sorted(TEXTS[150:200])
    assert sorted(texts(found)) == sorted(TEXTS[:200])
    frame = Run(tmp_path).to_df()
    assert frame["key"].nunique() == 200
    assert all(TEXTS[int(key)] == text for key, text in zip(frame["key"], frame["text"], strict=True))
    assert all(one.source is None for one in found)
    with pytest.raises(InputError, match="no 'id', which is the key"):
        run(lengths(), [{"text": "a"}], tmp_path / "more", key="id")


def test_failures_are_kept_and_retried(lengths, tmp_path, kind):
    rows = [*TEXTS[:40], "bad", *TEXTS[40:80]]
    run(lengths(bad=lambda text: text == "bad"), rows, tmp_path, store=kind)
    record = Run(tmp_path)
    assert record.counts == {"done": 80, "failed": 1}
    assert record.errors == [{"index": 40, "stage": "preprocess", "type": "ValueError", "message": "'bad' is bad"}]
    assert isinstance(list(record)[40], Failure)
    assert record.to_df().loc[40, "error"] == "ValueError: 'bad' is bad"
    pipe = lengths()
    job, found = run(pipe, iter(rows), tmp_path)
    assert pipe.seen == [], "what has failed is not run again unasked"
    assert isinstance(found[40], Failure)
    assert job.retry_failed() == 1
    assert texts(job.result(30)) == rows
    assert pipe.seen == ["bad"]
    assert (Run(tmp_path).counts, list(Run(tmp_path).errors)) == ({"done": 81, "failed": 0}, [])


def test_a_stopped_job_goes_on(lengths, tmp_path, kind):
    job = lengths().stream(TEXTS, sink=tmp_path, store=kind, batch_size=1)
    head = list(islice(job, 3)) if kind == "sqlite" else []
    assert texts(head) == TEXTS[: len(head)]
    job.stop()
    done = len(job.result(30))
    pipe = lengths()
    assert texts(run(pipe, TEXTS, tmp_path)[1]) == TEXTS
    assert len(pipe.seen) == 700 - done


def test_running_the_cell_again_stops_the_job_before(lengths, tmp_path):
    endless = (f"{i}" for i in range(10**9))
    first = lengths().stream(endless, sink=tmp_path)
    next(iter(first))
    second = lengths().stream([str(i) for i in range(5)], sink=tmp_path)
    assert first.state == "stopped"
    second.result(30)
    assert second.state == "done"


def test_a_run_is_written_by_one_and_read_by_many(lengths, tmp_path, kind):
    about = lengths().spec.about()
    first = opening.open_store(tmp_path, about, kind=kind)
    first.open()
    with pytest.raises(StoreError, match=r"is being written to by process \d+ on .*nbpipes.Run"):
        opening.open_store(tmp_path, about).open()
    assert Run(tmp_path).counts == {"done": 0, "failed": 0}
    first.close()
    opening.open_store(tmp_path, about).open()


def test_a_process_killed_at_once_leaves_nothing_in_the_way(lengths, tmp_path):
    (tmp_path / "run.db").touch()
    with pytest.raises(StoreError, match="holds no run"):
        Run(tmp_path)
    assert texts(run(lengths(), TEXTS[:3], tmp_path)[1]) == TEXTS[:3]


def test_folders_that_hold_no_run(lengths, tmp_path):
    with pytest.raises(StoreError, match="holds no run"):
        Run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        lengths().stream([], sink=tmp_path / "file")


def test_results_that_cannot_be_written_end_the_job(lengths, tmp_path):
    class Odd(lengths):
        def postprocess(self, outputs, options=None):
            return {"object": object()}

    with pytest.raises(InputError, match="holds a object"):
        run(Odd(), TEXTS[:3], tmp_path)
    run(lengths(), TEXTS[:3], tmp_path / "other")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_however_a_run_is_interrupted(lengths, kind, tmp_path_factory, monkeypatch, data):
    """Attempts that stop anywhere, on an input that grows and changes, end with exactly what one run would give."""
    monkeypatch.setattr(sqlite, "SEAL_ROWS", data.draw(st.integers(1, 60)))
    folder = tmp_path_factory.mktemp("run")
    rows = data.draw(st.lists(st.text("ab", max_size=6), min_size=80, max_size=160))
    for _ in range(data.draw(st.integers(1, 3))):
        end = data.draw(st.integers(0, len(rows)))
        bad = data.draw(st.sampled_from(["a", "", "never"]))

        def source(end=end):
            yield from rows[:end]
            raise OSError("gone")

        job = lengths(bad=lambda text, bad=bad: text == bad).stream(source(), sink=folder, store=kind, batch_size=7)
        with pytest.raises(OSError, match="gone"):
            job.result(30)
        for place in data.draw(st.lists(st.integers(70, len(rows) - 1), max_size=3)):
            rows[place] = data.draw(st.text("cd", max_size=3))
    job, _ = run(lengths(), rows, folder)
    job.retry_failed()
    assert texts(job.result(30)) == rows == texts(Run(folder)) == texts(job)
    assert list(Run(folder).to_df()["row"]) == list(range(len(rows)))
