"""The heap is tidied up once in a while, never at every forward."""

from nbpipes.engine import memory


def test_tidied_after_seconds_of_computing(monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "_trim", lambda: calls.append)
    tidier = memory.Tidier(2.0)
    for _ in range(9):
        tidier.worked(0.5)
    assert calls == [0, 0]


def test_nothing_happens_where_the_library_cannot(monkeypatch):
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.Tidier(0.0).worked(1.0)
