"""Question answering beyond the golden cases: logits made by hand, every call form, windows, errors."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes import pipeline
from nbpipes.engine.loop import ChunkOutput
from nbpipes.errors import InputError
from nbpipes.models.outputs import Spans
from nbpipes.processing.datasets import KeyDataset
from nbpipes.tasks.question_answering import QuestionAnsweringPipeline, SquadExample
from nbpipes.tasks.span_search import _narrow, _wide, likeliest_spans

GOLDEN = Path(__file__).parents[2] / "golden"
QUESTION, CONTEXT = "Who lives?", "Sarah lives in London."
ITEM = {"question": QUESTION, "context": CONTEXT}
OTHER = {"question": "Where is it?", "context": "Paris is the capital of France."}
LONG = " ".join(["Sarah lives in London, and Zoe ate in Paris."] * 12)


def load(family):
    return pipeline("question-answering", model=GOLDEN / family / "spans", tokenizer=GOLDEN / family / "tokenizer")


@pytest.fixture(scope="module")
def qa():
    return load("bert")


def answered(pipe, item, starts, ends, **options):
    """The result for logits made by hand. starts, ends: for each window the logits of tokens, by the token's place."""
    chosen = pipe.options.updated(options)
    outputs = []
    for chunk, start, end in zip(pipe.preprocess(item, chosen), starts, ends, strict=True):
        logits = torch.zeros(2, chunk.size)
        for row, places in zip(logits, (start, end), strict=True):
            for place, value in places.items():
                row[place] = value
        outputs.append(ChunkOutput(chunk, Spans(*logits)))
    return pipe.postprocess(outputs, chosen)


# tokens: 0 [CLS], 1-3 w ##h ##o, 4 lives, 5 ?, 6 [SEP], 7 sarah, 8 lives, 9 in, 10 london, 11 ., 12 [SEP]


def test_the_likeliest_part_of_the_context_answers(qa):
    found = answered(qa, ITEM, [{9: 30}], [{10: 30}])
    assert found == {"score": pytest.approx(1), "start": 12, "end": 21, "answer": "in London"}
    assert list(found) == ["score", "start", "end", "answer"]


def test_neither_question_nor_special_tokens_answer(qa):
    found = answered(qa, ITEM, [{2: 90, 6: 90, 7: 9}], [{3: 90, 12: 90, 7: 9}])
    assert (found["answer"], found["score"]) == ("Sarah", pytest.approx(1, abs=0.01))


def test_an_answer_does_not_end_before_it_begins(qa):
    found = answered(qa, ITEM, [{10: 9}], [{7: 9}], top_k=50, align_to_words=False)
    assert all(answer["score"] == 0 for answer in found if answer["start"] > answer["end"])
    assert found[0]["score"] > 0


def test_answers_are_not_longer_than_max_answer_len(qa):
    logits = [{7: 9, 10: 8}], [{10: 9}]
    assert answered(qa, ITEM, *logits)["answer"] == "Sarah lives in London"
    assert answered(qa, ITEM, *logits, max_answer_len=4)["answer"] == "Sarah lives in London"
    assert answered(qa, ITEM, *logits, max_answer_len=3)["answer"] == "London"


def test_answers_are_whole_words_unless_told_otherwise():
    pipe = load("roberta")  # tokens from 7: s ar ah live s i n l on don, all of them one word
    item = {"question": "Who?", "context": "sarahlivesinlondon now"}
    assert answered(pipe, item, [{10: 30}], [{11: 30}])["answer"] == "sarahlivesinlondon"
    found = answered(pipe, item, [{10: 30}], [{11: 30}], align_to_words=False)
    assert (found["answer"], found["start"], found["end"]) == ("lives", 5, 10)


def test_scores_of_the_same_words_add_up(qa):
    item = {"question": QUESTION, "context": "Paris paris london"}
    logits = {7: 3, 8: 2, 9: 1}
    found = answered(qa, item, [logits], [logits], top_k=2, max_answer_len=1)
    assert [answer["answer"] for answer in found] == ["Paris", "london"]
    assert (found[0]["start"], found[0]["end"]) == (0, 5)
    first, second, third = np.exp([3, 2, 1]) / np.exp([0, 3, 2, 1]).sum()  # the 0 is [CLS]
    assert [answer["score"] for answer in found] == pytest.approx([first**2 + second**2, third**2], rel=1e-5)


def test_no_answer_may_win(qa):
    logits = [{0: 9, 7: 2}], [{0: 9, 7: 2}]
    assert answered(qa, ITEM, *logits)["answer"] == "Sarah"
    found = answered(qa, ITEM, *logits, handle_impossible_answer=True)
    assert found == {"score": pytest.approx(1, abs=0.01), "start": 0, "end": 0, "answer": ""}


def test_no_answer_has_its_lowest_score_of_all_windows(qa):
    item = {"question": QUESTION, "context": LONG}
    options = {"max_seq_len": 40, "doc_stride": 8, "handle_impossible_answer": True, "top_k": 999}
    count = len(list(qa.preprocess(item, qa.options.updated(options))))
    assert count > 3
    logits = [{0: 9, 8: 3}] * (count - 1) + [{0: 0, 8: 9}]
    nothing = [found["score"] for found in answered(qa, item, logits, logits, **options) if not found["end"]]
    assert max(nothing) < 1e-6


def test_huge_logits_stay_finite(qa):
    found = answered(qa, ITEM, [{7: 3e6, 8: 2e6}], [{7: 3e6}], top_k=5)
    assert found[0]["score"] == 1
    assert np.isfinite([answer["score"] for answer in found]).all()


def test_with_padding_on_the_left_only_the_context_answers():
    pipe = load("bert")
    pipe.tokenizer.padding_side = "left"  # context first: 0 [CLS], 1 sarah … 5 ., 6 [SEP], 7-11 the question, 12 [SEP]
    found = answered(pipe, ITEM, [{1: 5, 7: 90}], [{1: 5, 11: 90}], top_k=3)
    assert found[0] == {"score": pytest.approx(1, abs=0.1), "start": 0, "end": 5, "answer": "Sarah"}
    assert pipe({"question": QUESTION, "context": LONG}, max_seq_len=40, doc_stride=8)["answer"] in LONG


chances = st.lists(st.sampled_from([0.0, 0.1, 0.25]) | st.floats(0, 1, width=32), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.data(), chances, st.integers(1, 60), st.integers(1, 40))
def test_the_quick_search_finds_what_the_full_one_does(data, start, count, longest):
    end = data.draw(st.lists(st.floats(0, 1, width=32), min_size=len(start), max_size=len(start)))
    first, last = np.array(start, np.float32), np.array(end, np.float32)
    quick, full = _narrow(first, last, count, longest), _wide(first, last, count, longest)
    if quick is not None:
        assert [side.tolist() for side in quick] == [side.tolist() for side in full]
    found = list(likeliest_spans(first, last, np.ones(len(first), bool), count, longest))
    assert len(found) == min(count, len(first) ** 2)
    scores = [score for _, _, score in found]
    assert scores == sorted(scores, reverse=True)
    best = max(first[i] * last[j] for i in range(len(first)) for j in range(i, min(i + longest, len(last))))
    assert scores[0] == best


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("args", "named"),
    [
        ([], ITEM),
        ([ITEM], {}),
        ([[ITEM]], {}),
        ([(ITEM,)], {}),
        ([QUESTION, CONTEXT], {}),
        ([SquadExample(QUESTION, CONTEXT)], {}),
        ([ITEM | {"id": "7", "answers": ["Sarah"]}], {}),
        ([], {"question": [QUESTION], "context": CONTEXT}),
        ([], {"question": [QUESTION], "context": (CONTEXT,)}),
        ([], {"X": ITEM}),
        ([], {"data": [SquadExample(QUESTION, CONTEXT)]}),
        ([], {"inputs": ITEM}),
    ],
)
def test_one_question_in_every_form(qa, args, named):
    found = qa(*args, **named)
    assert found == qa(ITEM)
    assert isinstance(found, dict)
    assert found["answer"] == CONTEXT[found["start"] : found["end"]]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ([[ITEM, OTHER]], {}),
        ([ITEM, OTHER], {}),
        ([[ITEM, SquadExample(**{f"{name}_text": text for name, text in OTHER.items()})]], {}),
        ([], {name: [ITEM[name], OTHER[name]] for name in ITEM}),
        ([], {name: np.array([ITEM[name], OTHER[name]]) for name in ITEM}),
        ([QuestionAnsweringPipeline.create_sample(*([ITEM[n], OTHER[n]] for n in ("question", "context")))], {}),
        ([KeyDataset([{"row": ITEM}, {"row": OTHER}], "row")], {}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"top_k": 2}])
def test_many_questions_in_every_form(qa, args, named, options):
    found = qa(*args, **named, **options)
    assert isinstance(found, list) == (type(args[0] if args else []) in (list, dict))
    assert list(found) == [qa(ITEM, **options), qa(OTHER, **options)]


def test_many_questions_about_one_context(qa):
    questions = [QUESTION, "Where?"]
    assert qa(question=questions, context=CONTEXT) == [qa(question, CONTEXT) for question in questions]


def test_a_stream_of_one_is_not_unwrapped(qa):
    assert list(qa(iter([ITEM]))) == [qa(ITEM)]
    assert list(qa(KeyDataset([{"row": ITEM}], "row"), top_k=2)) == [qa(ITEM, top_k=2)]


def test_a_generator_is_read_as_it_is_asked(qa):
    read = []

    def items():
        for number in range(1000):
            read.append(number)
            yield ITEM

    assert next(qa(items())) == qa(ITEM)
    assert len(read) < 50


@pytest.mark.parametrize("name", ["X", "data"])
def test_old_names_of_the_input_warn(qa, name):
    with pytest.warns(FutureWarning, match=f"{name}= is deprecated"):
        assert qa(**{name: [ITEM, OTHER]}) == qa([ITEM, OTHER])


def test_topk_is_the_old_name_of_top_k(qa):
    with pytest.warns(UserWarning, match="topk is deprecated"):
        assert qa(ITEM, topk=3) == qa(ITEM, top_k=3)
    with pytest.warns(UserWarning, match="topk is deprecated"):
        options = qa.options.updated({"topk": 3, "top_k": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert options.updated({"max_answer_len": 4, "top_k": None}).top_k == 5


def test_as_many_answers_as_asked_for(qa):
    found = qa(question=QUESTION, context=LONG, top_k=20)
    assert len(found) == 20
    assert [answer["score"] for answer in found] == sorted((answer["score"] for answer in found), reverse=True)
    assert all(type(answer["score"]) is float for answer in found)
    json.dumps(found)


@pytest.mark.parametrize("size", [1, 2, 8])
def test_batches_change_nothing(qa, size):
    items = [ITEM, {"question": QUESTION, "context": LONG}, OTHER] * 2
    options = {"top_k": 4, "max_seq_len": 40, "doc_stride": 8}
    for one, other in zip([qa(item, **options) for item in items], qa(items, batch_size=size, **options), strict=True):
        assert [answer["answer"] for answer in one] == [answer["answer"] for answer in other]
        assert np.allclose([a["score"] for a in one], [a["score"] for a in other], atol=1e-5)


def test_padding_and_max_question_len_change_nothing(qa):
    assert qa(ITEM, padding="max_length", max_question_len=2) == qa(ITEM)


@pytest.mark.parametrize("context", ["w", " ", "\u200b", "🙂", "w x", "a\n\tb " * 5])
@pytest.mark.parametrize("options", [{}, {"top_k": 20}, {"top_k": 13, "handle_impossible_answer": True}])
def test_the_smallest_contexts_have_answers(qa, context, options):
    found = qa(question=QUESTION, context=context, **options)
    for answer in [found] if isinstance(found, dict) else found:
        assert answer["answer"] == context[answer["start"] : answer["end"]]


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ([], {}, "needs question= and context="),
        ([], {"question": QUESTION}, "needs question= and context="),
        ([None], {}, "must be question= and context="),
        (["one text"], {}, "must be question= and context="),
        ([5], {}, "must be question= and context="),
        ([["x", "y"]], {}, "question must be a text that is not empty, not None"),
        ([{"question": None, "context": "x"}], {}, "question must be a text"),
        ([{"question": "x", "context": ""}], {}, "context must be a text that is not empty, not ''"),
        ([{"question": ["x"], "context": ["y"]}], {}, "question must be a text"),
        ([], {"question": "x", "context": ["a", "b"]}, "one context for all questions"),
        ([], {"question": ["x"], "context": ["a", "b"]}, "1 questions, but 2 contexts"),
        ([ITEM], {"top_k": 0}, "top_k must be a number from 1 on, not 0"),
        ([ITEM], {"max_answer_len": 0}, "max_answer_len must be a number from 1 on"),
        ([ITEM], {"max_seq_len": 0}, "max_seq_len must be a number from 1 on"),
        ([ITEM], {"doc_stride": -1}, "doc_stride must be a number from 0 on"),
        ([ITEM], {"doc_stride": 41, "max_seq_len": 40}, r"doc_stride \(41\) is larger than max_seq_len \(40\)"),
        (
            [ITEM],
            {"doc_stride": 4, "max_seq_len": 12},
            "the question takes 5 and leaves 4 for the context: doc_stride=4",
        ),
        ([ITEM], {"max_seq_len": 8}, "the question takes 5 and leaves 0 for the context"),
        ([{"question": LONG, "context": LONG}], {}, "leaves 0 for the context"),
        ([{"question": QUESTION, "context": "lone \udc00"}], {}, "surrogate"),
        ([{"question": QUESTION, "context": LONG}], {"max_seq_len": 60}, "the model reads at most 48"),
    ],
)
def test_what_cannot_be_done_is_told(qa, args, options, message):
    with pytest.raises(InputError, match=message):
        qa(*args, **options)


@pytest.mark.parametrize("item", [{"question": "x"}, {"context": "x"}, {"text": "x"}])
def test_an_item_without_question_or_context_is_also_a_key_error(qa, item):
    with pytest.raises(KeyError, match='must have "question" and "context"'):
        qa(item)
    with pytest.raises(InputError):
        qa([ITEM, item])


def test_an_unknown_keyword_names_the_nearest(qa):
    with pytest.raises(TypeError, match="did you mean 'max_seq_len'"):
        qa(ITEM, max_seq_length=100)


def test_the_usual_stride_gives_way_to_a_long_question(qa):
    item = {"question": "Who lives in London and Paris and ate in the film? " * 2, "context": LONG}
    found = qa(item, top_k=3)
    assert all(answer["answer"] in LONG for answer in found)


def test_the_callers_items_stay_as_they_are(qa):
    items = [dict(ITEM), dict(OTHER)]
    qa(items)
    assert items == [ITEM, OTHER]


def test_results_know_their_item(qa):
    assert qa(ITEM).source == ITEM
    assert qa(question=QUESTION, context=CONTEXT).task == "question-answering"


def test_samples_are_made_of_texts_or_lists():
    assert QuestionAnsweringPipeline.create_sample("q", "c") == SquadExample("q", "c")
    assert QuestionAnsweringPipeline.create_sample(["q"], ["c"]) == [SquadExample("q", "c")]


@pytest.mark.parametrize(
    ("start", "end", "answer"),
    [
        (0, 0, {"answer": "Sarah", "start": 0, "end": 5}),
        (1, 2, {"answer": "lives in", "start": 6, "end": 14}),
        (3, 4, {"answer": "London.", "start": 15, "end": 0}),  # the last token lies inside a word
    ],
)
def test_tokens_lead_back_to_words(qa, start, end, answer):
    assert qa.span_to_answer(CONTEXT, start, end) == answer
