"""Differences by the word, against the plain definition of the edit distance."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.errors import InputError
from nbpipes.results import wording
from nbpipes.results.wording import WordErrors, runs, word_errors, words_of


def distance(left: list[str], right: list[str]) -> int:
    row = list(range(len(right) + 1))
    for word in left:
        before, row = row, [row[0] + 1]
        for j, other in enumerate(right):
            row.append(min(before[j + 1] + 1, row[j] + 1, before[j] + (word != other)))
    return row[-1]


WORDS = st.lists(st.sampled_from("abcd"), max_size=40)


@given(WORDS, WORDS, st.sampled_from([1, 3, 64]))
def test_the_errors_are_the_edit_distance(left: list[str], right: list[str], band: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wording, "BAND", band)
        found = word_errors(" ".join(left), " ".join([*right, "end"]))
    assert found.substituted + found.deleted + found.inserted == distance(left, [*right, "end"])
    assert found.words == len(right) + 1
    assert found.words - found.deleted + found.inserted == len(left)


@given(WORDS, WORDS)
def test_runs_are_both_texts(left: list[str], right: list[str]) -> None:
    found = runs(left, right)
    assert [i for run in found for i in run.left] == list(range(len(left)))
    assert [j for run in found for j in run.right] == list(range(len(right)))
    assert all(
        left[run.left.start : run.left.stop] == right[run.right.start : run.right.stop] for run in found if run.same
    )
    assert all(one.same != other.same for one, other in pairwise(found))


def test_known_errors() -> None:
    assert word_errors("the cat sat on mat", "The cat sat on the mat.") == WordErrors(6, 0, 1, 0)
    assert word_errors("a cat sat there on the mat", "the cat sat on the mat").rate == pytest.approx(2 / 6)
    assert word_errors("", "one two").rate == 1
    assert word_errors("a b c d", "x").rate == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don’t stop — “now”!", ["don't", "stop", "now"]),
        ("3.5 km, re-do _x_ STRASSE Straße", ["3.5", "km", "re-do", "x", "strasse", "strasse"]),
        ("今日は ok", ["今", "日", "は", "ok"]),
        ("… — !", []),
    ],
)
def test_words_as_they_are_compared(text: str, words: list[str]) -> None:
    assert [word.plain for word in words_of(text)] == words
    assert all(text[word.start :].startswith(word.text) for word in words_of(text))


def test_a_reference_needs_words() -> None:
    with pytest.raises(InputError):
        word_errors("a", " – ")


def test_texts_of_hours() -> None:
    words = [str(i * 7919 % 501) for i in range(5_000)]
    text = " ".join(word for i, word in enumerate(words) if i % 50)
    assert word_errors(text, " ".join(words)) == WordErrors(5_000, 0, 100, 0)


def test_texts_that_are_too_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "CELLS", 1_000)
    with pytest.raises(InputError):
        word_errors("a " * 100, "b " * 100)
