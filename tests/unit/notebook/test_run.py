"""A run for a cell: answers as a call does, ends early on interrupts and errors, keeps what is done."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.models.outputs import Logits
from nbpipes.notebook.magic import ended
from nbpipes.notebook.run import Outcome, run
from nbpipes.processing.batch import Batch, Chunk


class Lengths(Pipeline[Options]):
    """The length of each text; breaks on "bad"."""

    kind = "lengths"

    def __init__(self) -> None:
        super().__init__(nn.Linear(1, 1), device="cpu")

    def preprocess(self, item: str, options: Options | None = None) -> Iterator[Chunk]:
        if item == "bad":
            raise InputError("this text is bad")
        yield Chunk({}, note=len(item))

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        return Batch({"lengths": torch.tensor([[c.note] for c in chunks])}, (1,) * len(chunks))

    def _forward(self, inputs: Any, options: Options) -> Logits:
        return Logits(inputs["lengths"])

    def postprocess(self, outputs: Sequence[ChunkOutput], options: Options | None = None) -> dict[str, int]:
        return {"length": int(outputs[0].output.logits[0])}


def interrupted(texts: Iterable[str]) -> Iterator[str]:
    yield from texts
    raise KeyboardInterrupt


def broken(texts: Iterable[str]) -> Iterator[str]:
    yield from texts
    raise OSError("the source is gone")


def test_one_and_many_answer_as_a_call() -> None:
    pipe = Lengths()
    for value in ("abc", ["a", "bc"], ["a"], ()):
        outcome = run(pipe, value, {})
        assert outcome.value == pipe(value)
        assert (outcome.error, outcome.stopped) == (None, False)
        assert outcome.done == outcome.total == (1 if isinstance(value, str) else len(value))
    assert run(pipe, "abc", {}).value.meta["seconds"] > 0


def test_a_source_of_unknown_length_becomes_a_list() -> None:
    outcome = run(Lengths(), (text for text in ("a", "bc")), {})
    assert outcome.value == [{"length": 1}, {"length": 2}]
    assert (outcome.done, outcome.total) == (2, None)
    assert outcome.value.source == ["a", "bc"]


def test_limit_reads_only_so_many() -> None:
    taken: list[str] = []

    def source() -> Iterator[str]:
        for text in "abcdef":
            taken.append(text)
            yield text

    assert run(Lengths(), source(), {}, limit=2).done == 2
    assert taken == ["a", "b"]
    outcome = run(Lengths(), list("abc"), {}, limit=2)
    assert (outcome.done, outcome.total) == (2, 2)
    assert run(Lengths(), "abc", {}, limit=2).value == {"length": 3}


@pytest.mark.parametrize(
    ("value", "stopped", "error"),
    [
        (lambda: interrupted("abc"), True, None),
        (lambda: broken("abc"), False, OSError),
    ],
)
def test_ends_early_and_keeps_what_is_done(
    value: Callable[[], Any], stopped: bool, error: type[Exception] | None
) -> None:
    outcome = run(Lengths(), value(), {}, batch=1)
    assert outcome.stopped == stopped
    assert isinstance(outcome.error, error) if error else outcome.error is None
    assert 1 <= outcome.done <= 3
    assert outcome.value == [{"length": 1}] * outcome.done
    assert outcome.value.meta.get("stopped", False) is stopped
    assert outcome.value.to_html().count(" · stopped") == stopped


def test_an_item_that_fails_costs_itself_only() -> None:
    outcome = run(Lengths(), ["a", "bad", "bc", "bad"], {})
    assert (outcome.done, outcome.failed, outcome.total) == (2, 2, 4)
    assert [outcome.value[i] for i in (0, 2)] == [{"length": 1}, {"length": 2}]
    assert [outcome.value[i]["index"] for i in (1, 3)] == [1, 3]
    assert outcome.value[3].text == "InputError: this text is bad"
    assert isinstance(outcome.error, InputError)
    assert outcome.error.__notes__ == ["This is item 1 of the input; it failed in preprocess."]


@pytest.mark.parametrize("value", ["bad", ["bad"], interrupted([])])
def test_nothing_done_is_no_answer(value: Any) -> None:
    outcome = run(Lengths(), value, {})
    assert (outcome.value, outcome.done) == (None, 0)
    assert outcome.stopped or outcome.error is not None


def test_unknown_options_and_inputs_are_errors_at_once() -> None:
    with pytest.raises(TypeError, match="no option 'topk'"):
        run(Lengths(), "abc", {"topk": 1})
    with pytest.raises(InputError, match="must be a text"):
        run(Lengths(), 3, {})


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (3, None, "stopped after 3 of ?"),
        (3, 10, "stopped after 3 of 10"),
        (3, 3, "stopped before the end"),
    ],
)
def test_a_run_says_where_it_was_stopped(done: int, total: int | None, said: str) -> None:
    assert ended(Outcome([], done, total, 1.0, stopped=True)) == said
