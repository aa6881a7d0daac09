"""Models that see a page and write their answer answer as transformers lets them, alone and in batches."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbpipes import pipeline
from nbpipes.engine.events import Partial
from nbpipes.errors import InputError, TaskError
from nbpipes.processing.media import read_image

GOLDEN = Path(__file__).parents[2] / "golden"
MODELS, PICTURES = GOLDEN / "vision-encoder-decoder", GOLDEN / "pictures"
CASES = json.loads((MODELS / "documents.json").read_text(encoding="utf-8"))
ASKED = "Who lives in London?"


def build(name="vision2seq", **options):
    files = {"model": MODELS / name, "tokenizer": MODELS / "tokenizer"}
    return pipeline("document-question-answering", **files, device="cpu", **options)


@pytest.fixture(scope="module")
def pipe():
    return build()


def picture(name):
    return str(PICTURES / f"{name}.png")


def opened(value):
    """What a case was called with, with the paths of its pictures."""
    if isinstance(value, dict):
        return {name: part if name == "question" else opened(part) for name, part in value.items()}
    if isinstance(value, list):
        return [opened(part) for part in value]
    return picture(value) if isinstance(value, str) and Path(picture(value)).is_file() else value


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['model']}-{CASES.index(case)}")
def test_answers_equal_those_of_transformers(case, batch_size):
    pipe = build(case["model"], batch_size=batch_size)
    assert pipe(*opened(case["args"]), **opened(case["call"])) == case["result"]


def test_a_page_is_seen_once_for_several_questions(monkeypatch):
    pipe = build(max_new_tokens=4)
    see, seen = pipe.model.see, []
    monkeypatch.setattr(pipe.model, "see", lambda pixels: seen.append(len(pixels)) or see(pixels))
    items = [{"image": picture(name), "question": f"{ASKED} {i}"} for i, name in enumerate(("tall", "wide", "tall"))]
    together = pipe(items)
    assert seen == [2]
    assert together == [pipe(**item) for item in items]
    assert seen == [2, 1, 1, 1]
    assert pipe(picture("tall"), [item["question"] for item in items])[2] == together[2]
    assert seen == [2, 1, 1, 1]  # the last page is remembered


def test_pages_of_several_sizes_need_not_fit_one_batch():
    pipe = build()
    pipe.image_processor = pipe.image_processor.changed({"do_pad": False})
    items = [{"image": picture(name), "question": ASKED} for name in ("tall", "wide", "large")]
    assert pipe(items, max_new_tokens=5) == [pipe(**item, max_new_tokens=5) for item in items]


def test_an_image_in_any_form_gives_the_same_answer(pipe):
    path = Path(picture("tall"))
    forms = (path, path.read_bytes(), Image.open(path), np.asarray(read_image(path)))
    assert all(pipe(form, ASKED) == pipe(str(path), ASKED) for form in forms)


def test_several_texts_are_several_answers(pipe):
    found = pipe(picture("tall"), ASKED, num_beams=3, num_return_sequences=3, top_k=2, max_new_tokens=6)
    assert len(found) == 2
    (told,) = pipe(picture("tall"), ASKED, max_new_tokens=3, output_scores=True)
    assert len(told["tokens"]) == 3
    assert all(0 < token["score"] <= 1 for token in told["tokens"])


def test_the_answer_is_told_while_it_is_written(pipe):
    events = list(pipe.events([{"image": picture("tall"), "question": ASKED}], max_new_tokens=5))
    assert sum(isinstance(event, Partial) for event in events) == 5


def test_results_know_their_question_and_can_be_drawn(pipe):
    found = pipe(picture("tall"), ASKED)
    assert found[0].source["question"] == ASKED
    assert "img" in found.to_html()
    table = pipe([{"image": picture("tall"), "question": ASKED}, {"image": picture("wide"), "question": ASKED}]).to_df()
    assert table["answer"].notna().all()
    assert table["score"].isna().all()


def test_a_pipeline_that_is_saved_answers_the_same(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = pipeline(model=tmp_path, device="cpu")
    assert again(picture("tall"), ASKED) == pipe(picture("tall"), ASKED)


def test_the_task_is_not_guessed():
    with pytest.raises(TaskError, match="name it"):
        pipeline(model=MODELS / "vision2seq")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"question": ASKED}, "looks at the page"),
        ({"question": ASKED, "word_boxes": [("London", [1, 2, 3, 4])]}, "looks at the page"),
        ({"question": "", "image": "tall"}, "question must be a text"),
        ({"question": ASKED * 20, "image": "tall"}, "reads at most 72"),
    ],
)
def test_errors_say_what_is_wrong(pipe, given, message):
    with pytest.raises(InputError, match=message):
        pipe(**opened(given))
