"""Tokenizer: options, errors, special tokens, threads, properties that hold for every text."""

import pickle
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer
from nbpipes.processing.truncation import KEPT, TooShortError

Load = Callable[[str], Tokenizer]
KINDS = ["bert", "roberta", "xlm-roberta", "deberta-v2", "llama", "t5"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def ids(encodings: list[Encoding]) -> list[list[int]]:
    return [encoding.ids for encoding in encodings]


@pytest.fixture
def fresh(golden: Path) -> Tokenizer:
    """A BERT tokenizer of its own, for tests that change it."""
    return Tokenizer.load(Repo(golden / "bert"))


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT, length=st.integers(8, 24), stride=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_windows_cover_the_text_in_order(tokenizer: Load, kind: str, text: str, length: int, stride: int) -> None:
    own = tokenizer(kind)
    whole = own.windows(text, truncation=False, add_special_tokens=False)[0]
    windows = own.windows(text, max_length=length, stride=stride)
    parts = []
    for window in windows:
        assert len(window) <= length
        special = window.special_tokens_mask
        parts.append([number for number, mark in zip(window.ids, special, strict=True) if not mark])
    joined = parts[0]
    for part in parts[1:]:
        assert stride == 0 or joined[-stride:] == part[:stride]
        joined = joined + part[stride:]
    assert joined == whole.ids


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT, pair=TEXT)
@settings(max_examples=30, deadline=None)
def test_offsets_lie_in_the_text_and_words_follow_each_other(tokenizer: Load, kind: str, text: str, pair: str) -> None:
    encoding = tokenizer(kind).windows(text, pair, truncation=False)[0]
    for sequence, (start, end) in zip(encoding.sequence_ids, encoding.offsets, strict=True):
        if sequence is not None:
            assert 0 <= start <= end <= len((text, pair)[sequence])
    words = [word for word, part in zip(encoding.word_ids, encoding.sequence_ids, strict=True) if part == 0]
    known = [word for word in words if word is not None]
    assert known == sorted(known)


@given(text=TEXT)
@settings(max_examples=50, deadline=None)
def test_bytes_decode_to_the_text_they_came_from(tokenizer: Load, text: str) -> None:
    own = tokenizer("gpt2")
    assert own.decode(own.windows(text, truncation=False)[0].ids) == text


@pytest.mark.parametrize("kind", KINDS)
def test_sixteen_threads_get_the_answers_of_one(golden: Path, kind: str) -> None:
    own = Tokenizer.load(Repo(golden / kind))
    text = "The quick brown fox jumps over the lazy dog. " * 12
    jobs = [(text[place:], 10 + place % 20, place % 4) for place in range(100)]

    def answer(job: tuple[str, int, int]) -> list[list[int]]:
        words, length, stride = job
        cut = own(words, max_length=length, truncation=True)["input_ids"]
        batch = own.encode_batch([words, (words, "and more")], max_length=length)
        return [*ids(own.windows(words, max_length=length, stride=stride)), cut, *ids(batch)]

    single = [answer(job) for job in jobs]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(answer, jobs * 4)) == single * 4
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "NoneType"),
        (3, "int: 3"),
        (b"bytes", "bytes"),
        (["a", "list", "of", "words"], "list"),
        ("ab\ud800c", "character 2"),
        ("\udfff", "lone surrogate"),
    ],
)
def test_what_is_no_text_is_an_input_error(tokenizer: Load, value: object, said: str) -> None:
    own = tokenizer("bert")
    with pytest.raises(InputError, match=said):
        own.windows(value)
    with pytest.raises(InputError, match=f"item 1: .*{said}"):
        own.encode_batch(["fine", value, "fine"])
    if value is not None:
        with pytest.raises(InputError, match=said):
            own.windows("fine", value)
        with pytest.raises(InputError, match=said):
            own.windows("fine", value, truncation="only_second", max_length=9, stride=1)
    if not isinstance(value, list):
        with pytest.raises(InputError, match=said):
            own.windows(["fine", value], is_split_into_words=True)
        with pytest.raises(InputError, match="item 1"):
            own.encode_batch(["fine", ("fine", value)])


def test_strings_of_numpy_are_texts(tokenizer: Load) -> None:
    own = tokenizer("bert")
    assert ids(own.windows(np.str_("the fox"))) == ids(own.windows("the fox"))


def test_words_must_be_a_list(tokenizer: Load) -> None:
    with pytest.raises(InputError, match="list of words"):
        tokenizer("bert").windows("the fox", is_split_into_words=True)
    with pytest.raises(InputError, match="add_prefix_space=True"):
        tokenizer("roberta").windows(["the", "fox"], is_split_into_words=True)


@pytest.mark.parametrize("options", [{"max_length": 1}, {"max_length": 0}, {"max_length": -4}, {"max_length": "9"}])
def test_no_room_for_special_tokens(tokenizer: Load, options: dict) -> None:
    with pytest.raises(InputError, match="max_length"):
        tokenizer("bert").windows("the fox", **options)
    with pytest.raises(InputError, match="max_length"):
        tokenizer("bert").encode_batch(["the fox"], **options)


def test_room_for_special_tokens_alone_gives_those(tokenizer: Load) -> None:
    own = tokenizer("bert")
    assert own.windows("the fox", max_length=2)[0].tokens == ["[CLS]", "[SEP]"]


@pytest.mark.parametrize("stride", [8, 9, 100, -1])
def test_stride_must_leave_room(tokenizer: Load, stride: int) -> None:
    with pytest.raises(InputError, match="stride"):
        tokenizer("bert").windows("the fox " * 20, max_length=10, stride=stride)


@given(
    first=st.integers(0, 12),
    second=st.integers(0, 12),
    length=st.integers(1, 16),
    stride=st.integers(0, 6),
    how=st.sampled_from(["longest_first", "only_first", "only_second"]),
)
@settings(max_examples=300, deadline=None)
def test_windows_of_pairs_never_panic(
    tokenizer: Load, first: int, second: int, length: int, stride: int, how: str
) -> None:
    own = tokenizer("bert")
    try:
        windows = own.windows("a " * first, "b " * second, truncation=how, max_length=length, stride=stride)
    except InputError:
        return
    assert all(len(window) <= length for window in windows) or how == "longest_first"


def test_only_a_part_that_is_long_enough_can_be_cut(tokenizer: Load) -> None:
    with pytest.raises(TooShortError, match="greater max_length"):
        tokenizer("bert").windows("a", "b " * 40, truncation="only_first", max_length=12)


def test_truncation_words(tokenizer: Load) -> None:
    own = tokenizer("bert")
    text = "the fox " * 20
    assert len(own.windows(text, max_length=9, truncation=True)[0]) == 9
    for none in (False, None, "do_not_truncate"):
        assert len(own.windows(text, max_length=9, truncation=none)[0]) > 9
    with pytest.raises(InputError, match="did you mean 'longest_first'"):
        own.windows(text, truncation="longest-first")
    with pytest.raises(InputError, match="padding"):
        own(text, padding="most")


def test_limits_beyond_any_text_are_no_limit(tokenizer: Load) -> None:
    own = tokenizer("bert")
    assert ids(own.windows("the fox", max_length=int(1e30))) == ids(own.windows("the fox"))
    assert ids(own.windows("the fox", max_length=1e30)) == ids(own.windows("the fox"))


def test_tensors(tokenizer: Load) -> None:
    own = tokenizer("bert")
    one = own("the fox", return_tensors="pt")
    assert {name: value.shape for name, value in one.items()} == dict.fromkeys(own.model_input_names, (1, 5))
    assert one["input_ids"].dtype == torch.int64
    many = own(["the fox", "a"], padding=True, return_tensors="np")
    assert many["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    with pytest.raises(InputError, match="padding=True"):
        own(["the fox", "a"], return_tensors="pt")
    with pytest.raises(InputError, match="return_tensors"):
        own("the fox", return_tensors="tf")
    with pytest.raises(InputError, match="2 texts"):
        own(["the fox", "a"], ["one"])
    assert own.decode(one["input_ids"][0]) == own.decode(own("the fox")["input_ids"])


def test_padding_needs_a_pad_token(golden: Path) -> None:
    own = Tokenizer.load(Repo(golden / "gpt2"))
    with pytest.raises(InputError, match="pad token"):
        own(["a", "a b"], padding=True)
    own.pad_token = own.eos_token
    assert own.pad_token_id == own.eos_token_id == 0
    assert own(["a", "a b"], padding=True)["attention_mask"][0][-1] == 0


def test_special_tokens_keep_name_and_id_together(fresh: Tokenizer) -> None:
    assert (fresh.mask_token, fresh.mask_token_id, fresh.bos_token, fresh.bos_token_id) == ("[MASK]", 4, None, None)
    fresh.bos_token_id = 2
    assert fresh.bos_token == "[CLS]"
    fresh.mask_token = None
    assert fresh.mask_token_id is None
    assert "mask_token" not in fresh.special_tokens_map
    with pytest.raises(InputError, match="no such token"):
        fresh.pad_token = "[NOWHERE]"
    with pytest.raises(InputError, match="no such id"):
        fresh.pad_token_id = 10_000


@pytest.mark.parametrize("wrong", [[-1], [2**40], ["a"], [[1, 2]], "text", None])
def test_decoding_takes_ids_only(tokenizer: Load, wrong: object) -> None:
    with pytest.raises(InputError, match="token ids"):
        tokenizer("bert").decode(wrong)


def test_ids_outside_the_vocabulary_decode_to_nothing(tokenizer: Load) -> None:
    own = tokenizer("bert")
    assert own.decode([2, 99_999, 3]) == "[CLS] [SEP]"
    assert own.convert_ids_to_tokens(99_999) is None
    assert own.batch_decode([[2], [3]], skip_special_tokens=True) == ["", ""]


def test_a_long_text_is_quick(tokenizer: Load) -> None:
    for kind in KINDS:
        own = tokenizer(kind)
        for text in ("the quick brown fox " * 5000, "x" * 100_000, "狐" * 100_000):
            start = time.perf_counter()
            windows = own.windows(text, max_length=512, stride=128)
            assert time.perf_counter() - start < 5, (kind, text[:20])
            assert windows


def test_ever_new_lengths_are_not_kept(fresh: Tokenizer) -> None:
    for length in range(5, 5 + 2 * KEPT):
        assert len(fresh.windows("the fox " * 40, max_length=length)[0]) == length
    assert len(fresh._cutters._made) == KEPT


def test_pickled_tokenizers_are_the_same(tokenizer: Load) -> None:
    for kind in KINDS:
        own = tokenizer(kind)
        own.windows("the fox", max_length=9)
        again = pickle.loads(pickle.dumps(own))
        assert ids(again.windows("the quick fox", max_length=9)) == ids(own.windows("the quick fox", max_length=9))
        assert again.special_tokens_map == own.special_tokens_map
