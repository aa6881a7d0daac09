"""Positions: counted ids, buckets of distances, tables by distance, rotation."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.layers.disentangled import log_buckets, skew
from nbpipes.layers.packing import Layout, Tile
from nbpipes.layers.positions import bias_by_length, buckets, counted_positions, distances, spread
from nbpipes.layers.rope import rotation

SHORT = st.integers(1, 9)


def test_padding_tokens_within_a_text_do_not_count():
    ids = torch.tensor([5, 1, 6, 7, 1, 1, 8])
    assert counted_positions(ids, Layout.of([4, 3]), 1).tolist() == [2, 1, 3, 4, 1, 1, 2]


def test_distances_run_from_the_first_key_to_the_last():
    assert distances(3).tolist() == [-2, -1, 0, 1, 2]
    assert distances(1).tolist() == [0]


@given(SHORT)
def test_spread_gives_each_pair_the_value_of_its_distance(length):
    pairs = torch.arange(length) - torch.arange(length)[:, None]  # column j, seen from row i
    assert torch.equal(spread(distances(length)), pairs)
    assert torch.equal(spread(torch.stack([distances(length), -distances(length)])), torch.stack([pairs, -pairs]))


@given(SHORT, st.integers(0, 99))
def test_skew_gives_each_pair_the_score_of_its_row_and_distance(length, seed):
    scores = torch.rand(2, 3, length, 2 * length - 1, generator=torch.Generator().manual_seed(seed))
    pairs = torch.arange(length) - torch.arange(length)[:, None]
    wanted = scores.gather(-1, (pairs + length - 1).expand(2, 3, -1, -1))
    assert torch.equal(skew(scores), wanted)
    assert torch.equal(skew(scores.expand(2, 3, -1, -1)[1:]), wanted[1:])  # a part of a greater tensor
    assert torch.equal(skew(scores.transpose(0, 1)), wanted.transpose(0, 1))


def test_near_keys_have_a_bucket_each_and_far_ones_the_last():
    before, after = buckets(-torch.arange(300), 32, 128), buckets(torch.arange(1, 300), 32, 128)
    assert before[:8].tolist() == list(range(8))
    assert after[:7].tolist() == list(range(17, 24))
    assert before[127:].unique().tolist() == [15]
    assert after[126:].unique().tolist() == [31]
    for found in (before, after):
        assert (found.diff() >= 0).all()
        assert (found.diff() <= 1).all()


@given(st.integers(-500, 500), st.sampled_from([(16, 160), (256, 512), (32, 100)]))
def test_log_buckets_keep_near_distances_and_mirror_all(distance, sizes):
    count, reach = sizes
    ahead, behind = log_buckets(torch.tensor([distance, -distance]), count, reach).tolist()
    assert ahead == -behind
    if abs(distance) <= count // 2:
        assert ahead == distance


def test_log_buckets_end_where_the_reach_ends():
    found = log_buckets(torch.arange(160), 16, 160)
    assert (found.diff() >= 0).all()
    assert (found[:9].tolist(), found[-1].item()) == (list(range(9)), 15)


def test_a_bias_by_length_is_made_once_for_each_length():
    made = []
    bias = bias_by_length(lambda length: made.append(length) or torch.zeros(length))
    assert bias(Tile(0, 2, 3)) is bias(Tile(6, 1, 3))
    assert bias(Tile(9, 1, 2)).tolist() == [0, 0]
    assert made == [3, 2]


def test_rotation_turns_pairs_by_their_angle():
    turned = rotation(torch.tensor([0, 1, 3]), 4, 100.0, torch.float32)(torch.ones(3, 1, 4))
    for place, row in zip((0, 1, 3), turned[:, 0].tolist(), strict=True):
        fast, slow = place, place / 10  # 100 ** (2 / 4) times slower
        wanted = [math.cos(a) - math.sin(a) for a in (fast, slow)] + [math.cos(a) + math.sin(a) for a in (fast, slow)]
        assert row == pytest.approx(wanted, abs=1e-6)


@given(st.integers(0, 4000), st.integers(0, 50), st.integers(0, 50))
def test_rotated_scores_depend_on_the_distance_alone(offset, first, second):
    q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(1)).unsqueeze(1)

    def score(i, j):
        turn = [rotation(torch.tensor([place]), 8, 10000.0, torch.float32) for place in (i, j)]
        return (turn[0](q) * turn[1](k)).sum().item()

    assert score(first + offset, second + offset) == pytest.approx(score(first, second), abs=5e-3)


def test_rotation_keeps_the_dtype():
    turned = rotation(torch.arange(3), 8, 10000.0, torch.bfloat16)(torch.ones(3, 2, 8, dtype=torch.bfloat16))
    assert turned.dtype == torch.bfloat16
