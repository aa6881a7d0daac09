"""Rules, segments, openings and word times of Whisper, each against the plainest way to say them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.errors import ConfigError, InputError
from nbpipes.generation.history import History, Row
from nbpipes.generation.whisper.languages import code_of
from nbpipes.generation.whisper.rules import Timestamps
from nbpipes.generation.whisper.segments import cut
from nbpipes.generation.whisper.settings import Tokens, Wishes, opening, unknown_language
from nbpipes.generation.whisper.transcribe import repetition
from nbpipes.generation.whisper.words import best_way, median, token_times

FIRST = 20
TOKENS = Tokens(start=11, end=10, bare=FIRST - 1, latest=5)
LANGUAGES, TASKS = {"en": 12, "fr": 13}, {"transcribe": 15, "translate": 14}
MANY = Tokens(start=11, end=10, bare=19, languages=LANGUAGES, tasks=TASKS, forced=(None, 15))


def allowed(tokens, scores=None):
    """The ids that may follow."""
    history = History([Row(0, [11], 50, tokens=list(tokens))], torch.device("cpu"))
    given_scores = torch.zeros(1, 40) if scores is None else scores
    found = Timestamps(TOKENS)(history, given_scores)[0]
    return set(found.isfinite().nonzero().flatten().tolist())


LIKELY = torch.zeros(1, 40).index_fill(1, torch.tensor([3]), 10.0)
"""A word is likelier than all timestamps together."""
ENDING = torch.zeros(1, 40).index_fill(1, torch.tensor([10]), 10.0)
"""So is the end."""


def test_a_text_begins_with_an_early_timestamp():
    assert allowed([]) == set(range(20, 26))


def test_after_the_first_timestamp_come_words():
    assert allowed([22], LIKELY) == set(range(19))


def test_a_timestamp_after_words_wants_another_or_the_end():
    assert allowed([22, 3, 25], ENDING) == set(range(10, 19)) | set(range(25, 40))


def test_after_two_timestamps_come_words():
    assert allowed([22, 3, 25, 25], LIKELY) == set(range(19))


def test_timestamps_do_not_go_back():
    assert allowed([22, 3, 25, 25, 4], LIKELY) == set(range(19)) | set(range(26, 40))


def test_a_timestamp_is_due_where_all_of_them_are_likelier_than_any_word():
    assert allowed([22, 3]) == set(range(23, 40))


@pytest.mark.parametrize(
    ("tokens", "pieces", "step"),
    [
        ([20, 1, 2], [(0, 3)], 3000),
        ([20, 1, 25], [(0, 3)], 3000),
        ([20, 1, 25, 25, 2], [(0, 4)], 10),
        ([20, 1, 25, 25, 2, 30], [(0, 3), (3, 6)], 3000),
        ([20, 1, 25, 26, 2, 30, 30], [(0, 3), (3, 7)], 20),
        ([], [(0, 0)], 3000),
    ],
)
def test_texts_are_cut_between_timestamps(tokens, pieces, step):
    assert cut(tokens, FIRST, 3000) == (pieces, step)


@pytest.mark.parametrize(
    ("wishes", "language", "times", "ids"),
    [
        ({}, "fr", False, [11, 13, 15, 19]),
        ({}, "fr", True, [11, 13, 15]),
        ({"task": "translate"}, "fr", True, [11, 13, 14]),
        ({"language": "English"}, "en", True, [11, 12, 15]),
    ],
)
def test_openings(wishes, language, times, ids):
    assert opening(MANY, Wishes(**wishes), language, times=times) == ids


def test_the_language_is_found_out_where_nobody_names_it():
    assert unknown_language(MANY, Wishes())
    assert not unknown_language(MANY, Wishes(language="fr"))
    assert not unknown_language(TOKENS, Wishes())


def test_what_a_model_cannot_do_is_said():
    with pytest.raises(InputError, match="English model"):
        opening(Tokens(start=1, end=2, multilingual=False), Wishes(task="translate"), None, times=False)
    with pytest.raises(InputError, match="does not know german"):
        opening(MANY, Wishes(language="de"), "de", times=False)
    with pytest.raises(InputError, match="no timestamps"):
        opening(Tokens(start=1, end=2), Wishes(), None, times=True)
    with pytest.raises(InputError, match="did you mean 'french'"):
        Wishes(language="frensh")
    with pytest.raises(InputError, match="needs logprob_threshold"):
        Wishes(no_speech_threshold=0.5)
    with pytest.raises(ConfigError, match="begins and ends"):
        Tokens.read({})


@pytest.mark.parametrize("name", ["fr", "French", "FRENCH", "<|fr|>"])
def test_languages_have_several_names(name):
    assert code_of(name) == "fr"


def test_what_repeats_itself_can_be_compressed():
    assert repetition([5, 6, 7] * 50, 51865) > 5 > repetition(range(100, 150), 51865)


def plain_way(costs):
    """Dynamic time warping as the reference spells it out."""
    rows, columns = costs.shape
    sums = np.full((rows + 1, columns + 1), np.inf, dtype=np.float32)
    came = np.full((rows + 1, columns + 1), -1)
    sums[0, 0] = 0
    for j in range(1, columns + 1):
        for i in range(1, rows + 1):
            both, up, left = sums[i - 1, j - 1], sums[i - 1, j], sums[i, j - 1]
            if both < up and both < left:
                best, came[i, j] = both, 0
            elif up < both and up < left:
                best, came[i, j] = up, 1
            else:
                best, came[i, j] = left, 2
            sums[i, j] = costs[i - 1, j - 1] + best
    came[0, :], came[:, 0] = 2, 1
    i, j, way = rows, columns, []
    while i > 0 or j > 0:
        way.append((i - 1, j - 1))
        step = came[i, j]
        i, j = i - (step != 2), j - (step != 1)
    return [list(part) for part in zip(*way[::-1], strict=True)] if way else [[], []]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(0, 12), st.integers(0, 2**31), st.sampled_from([1, 3]))
def test_the_best_way_is_that_of_the_reference(rows, columns, seed, digits):
    costs = np.random.default_rng(seed).standard_normal((rows, columns)).round(digits)  # few digits: many ties
    found = best_way(costs)
    assert [part.tolist() for part in found] == plain_way(costs)


def test_the_median_of_neighbours():
    values = torch.tensor([[[3.0, 1.0, 2.0, 9.0, 4.0, 5.0]]])
    assert median(values, 3).flatten().tolist() == [1.0, 2.0, 2.0, 4.0, 5.0, 4.0]
    assert median(values, 13) is values


def test_words_are_said_where_heads_look():
    looks = torch.full((2, 4, 40), 0.01)
    for token, state in enumerate((0, 10, 20, 30)):
        looks[:, token, state : state + 10] = 1.0
    assert token_times(looks, 3) == pytest.approx([0.0, 0.2, 0.4, 0.6])
