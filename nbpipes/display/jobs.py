"""How far a background job is, as HTML that is replaced while it runs and stays when it is over."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbpipes.display import kit
from nbpipes.results.short import rounded

BLOCKS = "▁▂▃▄▅▆▇█"
POINTS = 40
"""Points of the history that are drawn."""
FAILURES = 10
"""Failures that are listed."""
PATHS = {"running": "▶", "paused": "⏸", "waiting": "⏳", "stopping": "◼", "stopped": "◼", "done": "✔", "failed": "✘"}


def draw(job: Mapping[str, Any]) -> str:
    """Return the HTML of a job's snapshot (see `Job.snapshot`), which reads without styles too."""
    rows = [("speed", _speed(job)), ("batches", _batches(job))]
    if job["queue"]:
        rows.append(("read ahead", f"{job['queue']:,} rows"))
    if job["memory"]:
        rows.append(("memory", f"{job['memory'] / 2**20:,.0f} MB"))
    if job["sink"]:
        rows.append(("results in", kit.escape(job["sink"])))
    if job["message"]:
        rows.append(("", f"<b>{kit.escape(job['message'], 500)}</b>"))
    body = "".join(f"<tr>{kit.cell(name, f'{kit.CELL};{kit.MUTED}')}{kit.cell(html)}</tr>" for name, html in rows)
    table = f'<table style="{kit.TABLE}">{body}</table>'
    return f'<div class="nbp-static nbp-job">{_head(job)}{table}{_last(job["last"])}{_errors(job)}</div>'


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.8 s, 45 s, 3:05, 2:03:05."""
    if seconds < 59.5:
        return f"{seconds:.{int(seconds < 9.95)}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sparkline(values: Sequence[float]) -> str:
    """Return a curve of the last values as characters."""
    shown = values[-POINTS:]
    top = max(shown, default=0.0)
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * kit.share(value / top))] if top else BLOCKS[0] for value in shown)


def _head(job: Mapping[str, Any]) -> str:
    state, done, total = job["state"], job["done"], job["total"]
    name = f"{PATHS.get(state, '')} <b>Job {job['id']}</b> {kit.escape(job['task'])} {kit.escape(job['model'])}"
    words = [state, f"{done:,} of {total:,} rows" if total is not None else f"{done:,} rows"]
    if job["skipped"]:
        words.append(f"{job['skipped']:,} were there already")
    if job["failed"]:
        words.append(f"{job['failed']:,} failed")
    words.append(duration(job["seconds"]))
    if job["left"] is not None and state == "running":
        words.append(f"{duration(job['left'])} left")
    size = f'value="{done}" max="{total or 1}"' if total or state in ("done", "stopped", "failed") else ""
    bar = f'<progress {size} style="width:16em;vertical-align:middle"></progress>'
    return f"<div>{name} <br>{bar} {' · '.join(words)}</div>"


def _speed(job: Mapping[str, Any]) -> str:
    curve = f' <span style="font-family:monospace">{sparkline(job["history"])}</span>' if job["history"] else ""
    return f"{rounded(job['rate'])} rows/s{curve}"


def _batches(job: Mapping[str, Any]) -> str:
    if not job["chunks"]:
        return "none yet"
    chosen = "chosen automatically" if job["batch_size"] is None else f"at most {job['batch_size']}"
    typical, slow = (rounded(1000 * job["latency"][name]) for name in ("p50", "p95"))
    latency = f"{typical} ms (p95 {slow} ms)"
    why = f"; {kit.escape(job['tuned'][-1]['why'])}" if job["tuned"] else ""
    return f"{job['chunks']:,} inputs ({chosen}{why}) in {latency}"


def _last(last: Sequence[Mapping[str, Any]]) -> str:
    if not last:
        return ""
    rows = [
        kit.cell(f"{one['row']:,}", kit.NUMBER)
        + kit.cell(kit.escape(one["input"]))
        + kit.cell(kit.escape(one["output"]))
        for one in reversed(last)
    ]
    return _table(kit.heads(">row", "input", "result"), rows)


def _errors(job: Mapping[str, Any]) -> str:
    if not job["errors"]:
        return ""
    rows = [
        kit.cell(f"{one['index']:,}", kit.NUMBER)
        + kit.cell(kit.escape(one["stage"]))
        + kit.cell(kit.escape(f"{one['type']}: {one['message']}"))
        for one in reversed(job["errors"][-FAILURES:])
    ]
    table = _table(kit.heads(">row", "stage", "error"), rows)
    return f"<details><summary>{job['failed']:,} failed</summary>{table}</details>"


def _table(head: str, rows: Sequence[str]) -> str:
    body = "".join(f'<tr style="background:none">{row}</tr>' for row in (head, *rows))
    return f'<table style="{kit.TABLE}">{body}</table>'
