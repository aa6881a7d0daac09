"""The panel of a job: all it tells stands in text, and what comes from users is escaped."""

import re

from nbpipes.display.jobs import draw, duration, sparkline

JOB = {
    "id": 3,
    "task": "ner",
    "model": "a/b",
    "state": "running",
    "message": "",
    "sink": "",
    "done": 1200,
    "total": 5000,
    "skipped": 200,
    "failed": 1,
    "seconds": 65.0,
    "left": 30.0,
    "rate": 126.0,
    "history": [1.0, 2.0, 4.0],
    "latency": {"p50": 0.05, "p95": 0.2},
    "chunks": 32,
    "size": 1500,
    "batch_size": None,
    "budget": 1536,
    "tuned": [{"size": 1536, "why": "1.20 × the speed of 1,024"}],
    "queue": 12,
    "memory": 2**30,
    "last": [{"row": 1199, "input": "<b>Ann</b>", "output": "[]"}],
    "errors": [{"index": 7, "stage": "forward", "type": "ValueError", "message": "<script>"}],
}


def text(html):
    return re.sub(r"<[^>]*>", " ", html)


def test_everything_is_told_in_words():
    shown = text(draw(JOB))
    for words in ("running", "1,200 of 5,000 rows", "200 were there already", "1 failed", "1:05", "30 s left"):
        assert words in shown
    for words in ("126 rows/s", "▃▅█", "32 inputs", "1.20 × the speed", "50 ms (p95 200 ms)", "12 rows", "1,024 MB"):
        assert words in shown
    assert "&lt;b&gt;Ann" in shown
    assert "<script>" not in draw(JOB)


def test_little_is_told_before_anything_is_done():
    bare = JOB | {"total": None, "left": None, "chunks": 0, "last": [], "errors": [], "history": [], "tuned": []}
    shown = draw(bare)
    assert "none yet" in shown
    assert "<details>" not in shown
    assert "<progress  style" in shown
    assert "the disk is &lt;full&gt;" in draw(JOB | {"state": "failed", "message": "the disk is <full>"})
    assert "at most 8" in draw(JOB | {"batch_size": 8})


def test_small_parts():
    assert [duration(s) for s in (0.84, 9.96, 59.6, 7385)] == ["0.8 s", "10 s", "1:00", "2:03:05"]
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert len(sparkline([1.0] * 500)) == 40
