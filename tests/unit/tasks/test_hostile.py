"""What a user may feed a pipeline by accident or on purpose: an answer, or an error that says what is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nbpipes import pipeline
from nbpipes.engine.events import Done, Failed
from nbpipes.errors import InputError, NbpipesError

GOLDEN = Path(__file__).parents[2] / "golden"
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "text-classification": ("sequence", {}),
    "token-classification": ("tokens", {}),
    "question-answering": ("spans", {}),
    "fill-mask": ("masked", {}),
    "feature-extraction": ("base", {}),
    "zero-shot-classification": ("sequence", {"candidate_labels": ["cat", "dog"]}),
}
HOSTILE = [
    "",
    "the " * 25_000,
    None,
    "a\ud800b",
    7,
    float("nan"),
    b"bytes",
    "\x00\x00",
    "🙂" * 50,
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.filterwarnings("ignore")
def test_every_item_gets_an_answer_or_a_clear_error(tiny, task):
    head, options = TASKS[task]
    pipe = pipeline(task, model=tiny(head), **options)
    items: list[Any] = [*HOSTILE, "the cat [MASK]"]
    if task == "question-answering":
        items = [{"question": "the", "context": item} for item in items]
    events = [event for event in pipe.events(items) if isinstance(event, Done | Failed)]
    assert [event.index for event in events] == list(range(len(items)))
    for event in events:
        if isinstance(event, Failed):
            assert isinstance(event.error, NbpipesError | TypeError | ValueError), (event.item, event.error)
            assert str(event.error)
    assert isinstance(events[-1], Done)


@pytest.mark.parametrize(("task", "head"), [("text-classification", "sequence"), ("ner", "tokens")])
def test_a_label_that_is_code_stays_text(tiny, tmp_path, task, head):
    shutil.copytree(tiny(head), tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["id2label"] = dict.fromkeys(config["id2label"], "B-<script>alert(1)</script>")
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    answer = pipeline(task, model=tmp_path / "model")("<script>alert(2)</script> the cat")
    assert "<script>" in json.dumps(answer)
    assert "<script" not in answer.to_html()
    assert "alert" in answer.to_html()


@pytest.mark.parametrize(
    ("item", "says"),
    [(None, "not NoneType None"), (float("nan"), "not float nan"), ({"txt": "a"}, r"not dict \{'txt': 'a'\}")],
)
def test_an_item_that_is_no_text_is_shown_with_its_type(tiny, item, says):
    pipe = pipeline("text-classification", model=tiny("sequence"))
    with pytest.raises(InputError, match=says):
        pipe(["a", item])


def test_a_text_that_leaves_no_token_is_told_so():
    folder = GOLDEN / "gpt2"
    pipe = pipeline("text-classification", model=folder / "sequence", tokenizer=folder / "tokenizer")
    with pytest.raises(InputError, match="the text is empty"):
        pipe("")
    assert len(pipe(["a", "", "b"], on_error="skip")) == 2


def test_options_of_a_wrong_type_are_told(tiny):
    pipe = pipeline("text-classification", model=tiny("sequence"))
    with pytest.raises(InputError, match="top_k must be a number"):
        pipe("a", top_k="2")
    with pytest.raises(InputError, match="function_to_apply must be"):
        pipe("a", function_to_apply=len)
    with pytest.raises(TypeError, match=r"takes one input: .*; text= is none of its keywords"):
        pipe(text="a")
