"""Jobs in a notebook: the cell returns at once, its panel follows the job, and what it showed last stays."""

import re
import time
from collections.abc import Iterator
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import nbpipes
from nbpipes.engine.jobs import Job
from nbpipes.notebook import panel


def run(shell: Any, text: str) -> Any:
    result = shell.run_cell(text)
    result.raise_error()
    return result.result


@pytest.fixture
def endless(shell: Any) -> Iterator[None]:
    shell.push({"texts": lambda: (f"text {i}" for i in count())})
    yield
    for job in nbpipes.jobs():
        job.stop()
        while not job.wait(1):
            pass


def test_a_cell_starts_a_job(shell: Any, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    shell.push({"rows": ["good", "bad day", "fine"] * 10})
    ask = f"%%pipe sentiment model={classifier}"
    assert run(shell, f"{ask} --stream -o job\n= rows") is None
    job = shell.user_ns["job"]
    assert isinstance(job, Job)
    assert f"<Job {job.id} text-classification" in capsys.readouterr().out
    run(shell, f"{ask} --quiet -o plain\n= rows")
    # A stream begins with small batches, so that last digits differ.
    for streamed, plain in zip(job.result(30), shell.user_ns["plain"], strict=True):
        assert streamed == {"label": plain["label"], "score": pytest.approx(plain["score"], abs=1e-6)}
    run(shell, f"{ask} --stream --limit 4 --batch 2 top_k=1 on_error=skip -o job\n= rows")
    assert len(shell.user_ns["job"].result(30)) == 4
    assert shell.user_ns["job"].snapshot()["batch_size"] == 2


def test_the_model_stays_while_the_job_runs(shell: Any, classifier: str, endless: None) -> None:
    run(shell, f"%%pipe sentiment model={classifier} --stream --quiet -o job\n= texts()")
    models = shell.meta["nbpipes"][0].models
    assert [one.busy for one in models.loaded()] == [1]
    job = shell.user_ns["job"]
    run(shell, "%pipe stop")
    job.result(30)
    assert job.state == "stopped"
    assert [one.busy for one in models.loaded()] == [0]


def test_running_the_cell_again_stops_its_job(shell: Any, classifier: str, endless: None) -> None:
    cell = f"%%pipe sentiment model={classifier} --stream --quiet -o job\n= texts()"
    run(shell, cell)
    first = shell.user_ns["job"]
    run(shell, cell)
    first.result(30)
    assert first.state == "stopped"
    assert shell.user_ns["job"] is not first
    assert shell.user_ns["job"].state in ("running", "waiting")


def test_a_sink_goes_on(shell: Any, classifier: str, tmp_path: Any) -> None:
    shell.push({"rows": ["good", "bad day", "fine"] * 10})
    cell = f"%%pipe sentiment model={classifier} sink={tmp_path}/run --stream --quiet -o job\n= rows"
    run(shell, cell)
    assert len(shell.user_ns["job"].result(30)) == 30
    run(shell, cell)
    shell.user_ns["job"].result(30)
    assert shell.user_ns["job"].snapshot()["skipped"] == 30
    with pytest.raises(Exception, match="add --stream"):
        run(shell, cell.replace("--stream", ""))


def test_commands(shell: Any, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, f"%%pipe sentiment model={classifier} --stream --quiet -o job\ngood")
    job = shell.user_ns["job"]
    job.result(30)
    run(shell, "%pipe jobs")
    assert f"<Job {job.id} " in capsys.readouterr().out
    run(shell, f"%pipe stop {job.id}")
    assert "done, 1 of 1 rows" in capsys.readouterr().out
    with pytest.raises(Exception, match="there is no job 0"):
        run(shell, "%pipe stop 0")


def test_updates_are_few_and_the_last_one_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        id, version, over = 1, 0, False

        def wait(self, timeout: float) -> bool:
            self.version += 1000  # a busy job changes all the time
            self.over = self.version >= 5000
            return self.over

    job = Busy()
    views: list[tuple[float, int]] = []
    twins: list[int] = []
    view = SimpleNamespace(refresh=lambda: views.append((time.monotonic(), job.version)))
    monkeypatch.setattr(panel, "update_twin", lambda view: twins.append(job.version))
    panel._follow(job, view)
    assert all(later - earlier > 0.09 for (earlier, _), (later, _) in pairwise(views))
    assert views[-1][1] == twins[-1] == 5000
    assert len(twins) < len(views)


@pytest.mark.kernel
def test_in_a_kernel(classifier: str) -> None:
    cells = [
        "%load_ext nbpipes\nimport time\nrows = ['good', 'bad day'] * 400",
        f"%%pipe sentiment model={classifier} --stream --batch 1 -o job\n= rows",
        "busy = time.time() + 0.5\nwhile time.time() < busy: pass\nprint('from the cell')\nlen(job.result(60))",
        "time.sleep(0.5)",
        "job",
        f"from nbpipes import pipeline\npipe = pipeline('sentiment-analysis', '{classifier}')\n"
        "found = pipe(rows, progress=True)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    started, busy, _, again, bar = (one.outputs for one in notebook.cells[1:])
    final, live = started
    assert "application/vnd.jupyter.widget-view+json" in live["data"]
    html = final["data"]["text/html"]
    assert "800 of 800 rows" in html, "the panel in the saved notebook tells the end"
    assert re.search(r"✔ <b>Job \d+</b>", html)
    assert "at most 1" in html
    assert [one.get("text") or one["data"]["text/plain"] for one in busy] == ["from the cell\n", "800"]
    assert "800 of 800 rows" in again[0]["data"]["text/html"]
    assert "800 of 800 rows" in bar[0]["data"]["text/html"]
    assert "done" in bar[0]["data"]["text/html"]
