"""Token classification beyond the golden cases: aggregation on scores made by hand, windows, call forms, errors."""

import json
import logging
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes import pipeline
from nbpipes.errors import InputError
from nbpipes.tasks.entities import without_overlaps
from nbpipes.tasks.token_classification import TokenClassificationPipeline

BERT = Path(__file__).parents[2] / "golden" / "bert"
LABELS = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
TEXT = "Sarah lives in London, and Zoe ate in Paris."
LONG = " ".join([TEXT] * 12)
STRATEGIES = ("none", "simple", "first", "average", "max")


@pytest.fixture(scope="module")
def ner():
    return pipeline("ner", model=BERT / "tokens", tokenizer=BERT / "tokenizer", device="cpu")


@pytest.fixture
def labelled(ner):
    """A pipeline whose labels are LABELS, to aggregate scores with; its model does not fit them."""
    config = ner.model.config
    ner.model.config = replace(config, id2label={str(number): label for number, label in enumerate(LABELS)})
    yield ner
    ner.model.config = config


def token(word, start, index, inside, **scores):
    row = np.zeros(len(LABELS), np.float32)
    for label, score in scores.items():
        row[LABELS.index(label.replace("_", "-"))] = score
    return {
        "word": word,
        "scores": row,
        "start": start,
        "end": start + len(word.removeprefix("##")),
        "index": index,
        "is_subword": inside,
    }


ENZO = [
    token("En", 0, 1, False, I_PER=0.9968),
    token("##zo", 2, 2, True, I_PER=0.9958),
    token("UN", 13, 7, False, B_ORG=0.9986),
]
RAMAZOTTI = [
    token("Ra", 0, 1, False, B_MISC=0.55, B_PER=0.45),
    token("##ma", 2, 2, True, B_PER=0.2, B_LOC=0.8),
    token("##zotti", 4, 3, True, B_PER=0.4, I_ORG=0.6),
]


def short(entities):
    rows = [entity | {"score": round(entity["score"], 4)} for entity in entities]
    return [
        (row.get("entity_group", row.get("entity")), row["score"], row["word"], row["start"], row["end"])
        for row in rows
    ]


def test_tokens_get_their_label(labelled):
    entities = labelled.aggregate(ENZO, "none")
    assert short(entities) == [
        ("I-PER", 0.9968, "En", 0, 2),
        ("I-PER", 0.9958, "##zo", 2, 4),
        ("B-ORG", 0.9986, "UN", 13, 15),
    ]
    assert [entity["index"] for entity in entities] == [1, 2, 7]


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_neighbours_of_one_kind_are_joined(labelled, strategy):
    score = {"first": 0.9968, "max": 0.9968}.get(strategy, 0.9963)
    assert short(labelled.aggregate(ENZO, strategy)) == [
        ("PER", score, "Enzo", 0, 4),
        ("ORG", 0.9986, "UN", 13, 15),
    ]


@pytest.mark.parametrize(
    ("strategy", "label", "score"),
    [("first", "MISC", 0.55), ("max", "LOC", 0.8), ("average", "PER", 0.35)],  # PER is nowhere the best, but on average
)
def test_a_word_has_one_label(labelled, strategy, label, score):
    assert short(labelled.aggregate(RAMAZOTTI, strategy)) == [(label, score, "Ramazotti", 0, 9)]


def test_simple_splits_a_word_where_labels_change(labelled):
    assert [entity["entity_group"] for entity in labelled.aggregate(RAMAZOTTI, "simple")] == ["MISC", "LOC", "ORG"]


def test_b_opens_an_entity_and_labels_without_prefix_continue(labelled):
    def entity(label, word):
        return {"entity": label, "score": 0.5, "word": word, "start": 0, "end": 1, "index": 1}

    groups = labelled.group_entities(
        [entity(label, label) for label in ("B-PER", "I-PER", "B-PER", "PER", "LOC", "LOC", "I-X-Y", "I-X-Y")]
    )
    assert [(group["entity_group"], group["word"]) for group in groups] == [
        ("PER", "B-PER I-PER"),
        ("PER", "B-PER PER"),
        ("LOC", "LOC LOC"),
        ("X-Y", "I-X-Y I-X-Y"),
    ]


def test_words_cannot_be_aggregated_without_a_rule(labelled):
    with pytest.raises(InputError, match="'simple' does not join"):
        labelled.aggregate_words(ENZO, "simple")


def test_tokens_are_gathered_without_those_the_tokenizer_added(ner):
    encoding = ner.tokenizer.windows("Zap ~ London")[0]
    scores = np.eye(len(encoding), 5, dtype=np.float32)
    found = ner.gather_pre_entities(
        "Zap ~ London",
        np.array(encoding.ids),
        scores,
        np.array(encoding.offsets),
        np.array(encoding.special_tokens_mask),
        "none",
    )
    assert [(one["word"], int(one["start"]), one["index"], bool(one["is_subword"])) for one in found] == [
        ("z", 0, 1, False),
        ("##a", 1, 2, True),
        ("##p", 2, 3, True),
        ("~", 4, 4, False),  # the vocabulary lacks it, so its word is what the text says
        ("london", 6, 5, False),
    ]
    assert all((one["scores"] == scores[one["index"]]).all() for one in found)


def test_a_tokenizer_without_words_is_told_of():
    roberta = BERT.parent / "roberta"
    pipe = pipeline("ner", model=roberta / "tokens", tokenizer=roberta / "tokenizer", device="cpu")
    with pytest.warns(UserWarning, match="does not mark words"):
        pipe(TEXT, aggregation_strategy="first")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe(TEXT, aggregation_strategy="simple")


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ([], []),
        ([(0, 3, 0.5), (5, 7, 0.5)], [(0, 3, 0.5), (5, 7, 0.5)]),
        ([(5, 7, 0.5), (0, 3, 0.5)], [(0, 3, 0.5), (5, 7, 0.5)]),
        ([(0, 3, 0.9), (1, 5, 0.5)], [(1, 5, 0.5)]),
        ([(0, 3, 0.5), (0, 3, 0.9)], [(0, 3, 0.9)]),
        ([(0, 3, 0.9), (1, 4, 0.5)], [(0, 3, 0.9)]),
        ([(0, 3, 0.5), (3, 4, 0.5)], [(0, 3, 0.5), (3, 4, 0.5)]),
        ([(0, 0, 0.5), (0, 2, 0.5)], [(0, 0, 0.5), (0, 2, 0.5)]),
    ],
)
def test_of_entities_that_overlap_the_longer_stays_then_the_surer(spans, kept):
    entities = [{"start": start, "end": end, "score": score} for start, end, score in spans]
    assert [(one["start"], one["end"], one["score"]) for one in without_overlaps(entities)] == kept


@pytest.mark.parametrize("strategy", [None, *STRATEGIES[1:]])
def test_windows_cover_a_long_text_once(ner, strategy):
    found = ner(LONG, aggregation_strategy=strategy, stride=8, ignore_labels=[])
    assert found[0]["start"] == 0
    assert found[-1]["end"] == len(LONG)
    assert all(before["end"] <= after["start"] for before, after in pairwise(found))


def test_a_text_that_is_cut_is_told_of(ner, caplog):
    with caplog.at_level(logging.WARNING, "nbpipes"):
        assert ner(LONG, ignore_labels=[])[-1]["index"] == 46
    assert "of its 156 tokens the first 46 are read" in caplog.text
    assert "stride=12" in caplog.text


@pytest.mark.parametrize("options", [{}, {"stride": 8}])
def test_a_text_that_fits_is_not(ner, caplog, options):
    ner(TEXT, **options)
    assert not caplog.records


def test_the_models_limit_counts_where_the_tokenizer_has_none(ner, caplog, monkeypatch):
    monkeypatch.setattr(ner.tokenizer, "model_max_length", None)
    assert ner(LONG, ignore_labels=[])[-1]["index"] == 46
    assert ner(LONG, ignore_labels=[], aggregation_strategy="simple", stride=8)[-1]["end"] == len(LONG)


def test_ignored_labels_are_left_out(ner):
    found = {entity["entity"] for entity in ner(TEXT, ignore_labels=[])}
    assert len(found) > 1
    one = sorted(found)[0]
    assert {entity["entity"] for entity in ner(TEXT, ignore_labels=[one])} == found - {one}
    assert ner(TEXT, ignore_labels=one) == ner(TEXT, ignore_labels=[one])
    assert ner(TEXT, ignore_labels=None) == ner(TEXT) == ner(TEXT, ignore_labels=["O"])


def test_none_leaves_an_option_as_it_was():
    options = TokenClassificationPipeline.options_class().updated({"ignore_labels": ["X"], "stride": 4})
    assert options.updated({"ignore_labels": None, "stride": None, "aggregation_strategy": None}) == options


@pytest.mark.parametrize(
    ("old", "strategy"),
    [
        ({"grouped_entities": True}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": False}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": True}, "first"),
        ({"grouped_entities": False}, "none"),
        ({"ignore_subwords": True}, "none"),
    ],
)
def test_old_names_work_and_say_so_once(ner, old, strategy):
    with pytest.warns(UserWarning, match=f"deprecated, use aggregation_strategy='{strategy}'"):
        assert ner(TEXT, **old) == ner(TEXT, aggregation_strategy=strategy)
    with pytest.warns(UserWarning, match="deprecated"):
        options = ner.options.updated({"aggregation_strategy": "max"} | old)
    assert options.aggregation_strategy == strategy
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert options.updated({"ignore_labels": []}).aggregation_strategy == strategy


def test_words_that_are_split_already_count_in_the_text_they_make(ner):
    words = TEXT.split()
    (found,) = ner(words, is_split_into_words=True, ignore_labels=[])
    assert [TEXT[one["start"] : one["end"]].lower() for one in found] == [
        one["word"].removeprefix("##") for one in found
    ]
    assert found == ner(TEXT, ignore_labels=[])
    (apart,) = ner(tuple(words), is_split_into_words=True, ignore_labels=[], delimiter=" | ")
    text = " | ".join(words)
    assert [text[one["start"] : one["end"]] for one in apart] == [TEXT[one["start"] : one["end"]] for one in found]


def test_split_words_may_be_an_option_of_the_pipeline():
    pipe = pipeline("ner", model=BERT / "tokens", tokenizer=BERT / "tokenizer", is_split_into_words=True)
    one, two = TEXT.split(), ["Paris", "film"]
    assert list(pipe(words for words in (one, two))) == pipe([one, two]) == [pipe(one)[0], pipe(two)[0]]


def test_offsets_may_be_given(ner):
    offsets = [(0, 0), (10, 15), (20, 23), (0, 0)]
    found = ner("sarah ate", offset_mapping=offsets, ignore_labels=[])
    assert [(one["start"], one["end"]) for one in found] == offsets[1:3]
    several = ner(["sarah ate", "paris"], offset_mapping=[offsets, [(0, 0), (7, 9), (0, 0)]], ignore_labels=[])
    assert [[one["start"] for one in answer] for answer in several] == [[10, 20], [7]]
    assert list(ner(iter([{"text": "sarah ate", "offset_mapping": offsets}]), ignore_labels=[])) == [found]


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ([[]], {}, "at least one input"),
        ([None], {}, "must be a text"),
        ([["x", None]], {}, "must be a text, not NoneType"),
        ([["x", ["y"]]], {}, "must be a text, not list"),
        (["x"], {"is_split_into_words": True}, "must be a list of words, not str"),
        ([["x", None]], {"is_split_into_words": True}, "must be a list of words"),
        (["x"], {"stride": 48}, "stride must be less than the 48"),
        (["x"], {"stride": 46, "aggregation_strategy": "max"}, "less than the 46 tokens"),
        (["x"], {"stride": -1}, "from 0 on"),
        (["x"], {"stride": 4, "aggregation_strategy": "none"}, "any aggregation_strategy but 'none'"),
        (["x"], {"aggregation_strategy": "avrage"}, "'avrage'; did you mean 'average'"),
        (["x"], {"offset_mapping": [[(0, 1)], [(0, 1)]]}, "offsets for 2 items, but there are 1"),
        (["x"], {"offset_mapping": [(0, 1)]}, "for each of the 3 tokens, not 1"),
        ([LONG], {"offset_mapping": [(0, 1)] * 999, "stride": 8}, "cannot go with a stride"),
        ([iter("x")], {"offset_mapping": [(0, 1)]}, "needs a list"),
        (["lone \ud800"], {}, "surrogate"),
    ],
)
def test_what_cannot_be_done_is_told(ner, args, options, message):
    with pytest.raises(InputError, match=message):
        ner(*args, **options)


def test_an_unknown_keyword_names_the_nearest(ner):
    with pytest.raises(TypeError, match="did you mean 'aggregation_strategy'"):
        ner(TEXT, aggregation_stratgy="simple")


def test_inputs_may_be_named(ner):
    assert ner(inputs=TEXT) == ner(TEXT)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_batches_change_nothing(ner, strategy):
    texts = [TEXT, "", LONG, "Paris", " ", TEXT[:20], "🙂 ~ €5"] * 2
    options = {"aggregation_strategy": strategy, "ignore_labels": []} | ({} if strategy == "none" else {"stride": 4})
    alone = [ner(text, **options) for text in texts]
    for size in (1, 3, 8):
        together = ner(texts, batch_size=size, **options)
        for one, other in zip(alone, together, strict=True):
            assert [entity | {"score": 0} for entity in one] == [entity | {"score": 0} for entity in other]
            assert np.allclose([e["score"] for e in one], [e["score"] for e in other], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
    | st.sampled_from(["a\u0301é ﬁ", "🙂👩‍👩‍👧", "שלום x"]),
    strategy=st.sampled_from(STRATEGIES),
)
def test_entities_follow_the_text(ner, text, strategy):
    found = ner(text, aggregation_strategy=strategy, ignore_labels=[])
    json.dumps(found)
    last = 0
    for entity in found:
        assert 0 <= entity["start"] <= entity["end"] <= len(text)
        assert entity["start"] >= last or strategy == "none"
        last = entity["start"]
        assert type(entity["score"]) is float
        assert 0 < entity["score"] <= 1


def test_a_subclass_may_replace_a_step():
    class Shouting(TokenClassificationPipeline):
        def group_sub_entities(self, entities):
            group = super().group_sub_entities(entities)
            return group | {"word": group["word"].upper()}

    pipe = pipeline(
        "ner",
        model=BERT / "tokens",
        tokenizer=BERT / "tokenizer",
        pipeline_class=Shouting,
        aggregation_strategy="simple",
        ignore_labels=[],
    )
    assert [one["word"] for one in pipe("Sarah ate")] == ["SARAH", "ATE"]


def test_a_generator_is_read_as_it_is_asked(ner):
    read = []

    def texts():
        for number in range(1000):
            read.append(number)
            yield TEXT

    results = ner(texts())
    assert next(results) == ner(TEXT)
    assert len(read) < 50
