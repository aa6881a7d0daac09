"""Attention on packed tokens: each sequence sees itself and nothing else, whatever it is packed with."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.layers import attention
from nbpipes.layers.attention import Attention, attend
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.linear import prepare
from nbpipes.layers.packing import Layout, Tile

HEADS, WIDTH = 2, 8
LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=6)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def one_row(lengths):
    """The same sequences as `Layout.of(lengths)`, all in one row with a mask between them."""
    layout, numbers = Layout.of(lengths), torch.repeat_interleave(torch.tensor(lengths))
    mask = torch.zeros(len(numbers), len(numbers)).masked_fill_(numbers[:, None] != numbers, -math.inf)
    tile = Tile(0, 1, len(numbers), mask[None, None])
    return Layout(layout.lengths, (tile,), layout.starts, layout.positions)


def stack(kind, *, blocks=2):
    """Blocks with weights that let every token matter."""
    torch.manual_seed(3)
    layers = (
        Block(Attention(WIDTH, HEADS), MLP(WIDTH, 16, "gelu"), lambda: torch.nn.LayerNorm(WIDTH), pre=kind == "pre")
        for _ in range(blocks)
    )
    return Blocks(layers).requires_grad_(False)


def plain(q, k, v, bias=0.0):
    """Attention of one sequence by its formula. q, k, v: `(length, heads, head_dim)`."""
    scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(q.shape[-1]) + bias
    return torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).flatten(1)


@given(LENGTHS, st.integers(0, 99))
def test_sequences_see_only_themselves(lengths, seed):
    parts = [draw(sum(lengths), HEADS, 4, seed=seed + i).split(lengths) for i in range(3)]
    together = attend(*(torch.cat(part) for part in parts), Layout.of(lengths))
    torch.testing.assert_close(together, torch.cat([plain(*own) for own in zip(*parts, strict=True)]), **CLOSE)


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("room", [1 << 18, 2 * 5**2 * 3])
def test_many_short_sequences_are_computed_as_few_are(monkeypatch, scale, room):
    torch.manual_seed(0)
    monkeypatch.setattr(attention, "SCORES", room)  # all rows at once, or three at a time
    q, k, v = torch.randn(3, 35, 2, 8).unbind()
    together = attend(q, k, v, Layout.of([5] * 7), scale=scale)
    monkeypatch.setattr(attention, "MANY", 8)
    torch.testing.assert_close(together, attend(q, k, v, Layout.of([5] * 7), scale=scale), atol=1e-6, rtol=1e-5)


@given(LENGTHS)
def test_a_masked_row_equals_a_row_each(lengths):
    q, k, v = (draw(sum(lengths), HEADS, 4, seed=i) for i in range(3))
    each = attend(q, k, v, Layout.of(lengths))
    torch.testing.assert_close(attend(q, k, v, one_row(lengths)), each, **CLOSE)


@given(LENGTHS)
def test_a_bias_is_added_to_the_scores_of_each_tile(lengths):
    q, k, v = (draw(sum(lengths), HEADS, 4, seed=i) for i in range(3))
    biases = {length: draw(HEADS, length, length, seed=length) for length in range(1, 8)}
    together = attend(q, k, v, Layout.of(lengths), bias=lambda tile: biases[tile.length][None])
    parts = zip(*(x.split(lengths) for x in (q, k, v)), strict=True)
    alone = [plain(*own, biases[len(own[0])]) for own in parts]
    torch.testing.assert_close(together, torch.cat(alone), **CLOSE)


def test_a_bias_adds_to_the_mask_of_a_row():
    lengths = [3, 2]
    q, k, v = (draw(5, HEADS, 4, seed=i) for i in range(3))
    bias = draw(1, HEADS, 5, 5)
    parts = zip(*(x.split(lengths) for x in (q, k, v)), (bias[0, :, :3, :3], bias[0, :, 3:, 3:]), strict=True)
    together = attend(q, k, v, one_row(lengths), bias=lambda tile: bias)
    torch.testing.assert_close(together, torch.cat([plain(*own) for own in parts]), **CLOSE)


def test_the_scale_replaces_the_usual_one():
    q, k, v = (draw(4, HEADS, 4, seed=i) for i in range(3))
    layout = Layout.of([4])
    torch.testing.assert_close(attend(q, k, v, layout, scale=1.0), attend(2 * q, k, v, layout))


@pytest.mark.parametrize("kind", ["pre", "post"])
@given(lengths=LENGTHS)
def test_a_batch_equals_its_sequences_one_by_one(kind, lengths):
    blocks, x = stack(kind), draw(sum(lengths), WIDTH)
    alone = [blocks(part, Layout.of([len(part)])) for part in x.split(lengths)]
    torch.testing.assert_close(blocks(x, Layout.of(lengths)), torch.cat(alone), **CLOSE)


@pytest.mark.parametrize("kind", ["pre", "post"])
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_the_last_block_gives_the_kept_tokens_as_it_gives_all(kind, lengths, seed):
    blocks, x, layout = stack(kind), draw(sum(lengths), WIDTH), Layout.of(lengths)
    keep = torch.randint(len(x), (4,), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(blocks(x, layout, keep=keep), blocks(x, layout)[keep], **CLOSE)


def test_a_single_block_keeps_too():
    blocks, x, layout = stack("post", blocks=1), draw(5, WIDTH), Layout.of([3, 2])
    torch.testing.assert_close(blocks(x, layout, keep=layout.starts), blocks(x, layout)[layout.starts], **CLOSE)


def test_joined_projections_change_nothing():
    layer, x, layout = stack("post")[0].attn.layer, draw(5, WIDTH), Layout.of([3, 2])
    before = layer(x, layout, rotate=lambda y: y.flip(-1))
    layer.fuse()
    torch.testing.assert_close(layer(x, layout, rotate=lambda y: y.flip(-1)), before)


def test_queries_and_keys_are_rotated_and_values_are_not():
    layer, x, layout = stack("post")[0].attn.layer, draw(4, WIDTH), Layout.of([4])
    torch.testing.assert_close(layer(x, layout, rotate=torch.neg), layer(x, layout))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize("lengths", [(64, 64, 90), (70,)])
def test_first_tokens_alone_are_what_they_are_among_others(lengths, prepared, bias):
    """Without keys and values of the others; the same places in another tensor are computed with them."""
    torch.manual_seed(1)
    layer = Attention(WIDTH, HEADS, bias=bias).requires_grad_(False)
    if prepared:
        prepare(layer)
    x, layout = 2 * draw(sum(lengths), WIDTH), Layout.of(lengths)
    alone = layer(x, layout, keep=layout.starts)
    assert layer.plain is not None
    torch.testing.assert_close(alone, layer(x, layout, keep=layout.starts.clone()), **CLOSE)
    torch.testing.assert_close(alone, layer(x, layout)[layout.starts], **CLOSE)
    assert layer.double().plain is None


def test_first_tokens_of_short_sequences_are_computed_with_the_others():
    layer, layout = Attention(WIDTH, HEADS).requires_grad_(False), Layout.of((70, 15))
    layer(draw(85, WIDTH), layout, keep=layout.starts)
    assert layer.plain is None
