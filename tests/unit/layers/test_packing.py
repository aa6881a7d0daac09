"""Packed batches: where sequences lie, and what is counted within them."""

from itertools import accumulate, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nbpipes.layers.packing import Layout, Tile
from nbpipes.processing.batch import Chunk, pack

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(LENGTHS)
def test_every_token_has_its_place(lengths):
    layout = Layout.of(lengths)
    assert layout.lengths == tuple(lengths)
    assert layout.positions.tolist() == [place for length in lengths for place in range(length)]
    assert layout.starts.tolist() == list(accumulate(lengths, initial=0))[:-1]
    assert layout.rows is None


@given(LENGTHS)
def test_tiles_cover_the_tokens_in_order(lengths):
    tiles = Layout.of(lengths).tiles
    assert [tile.length for tile in tiles for _ in range(tile.rows)] == lengths
    assert [tile.start for tile in tiles] == [0, *(tile.stop for tile in tiles)][:-1]
    assert all(a.length != b.length for a, b in pairwise(tiles))  # neighbours of equal length share a tile
    assert all(tile.mask is None for tile in tiles)


def test_sorted_sequences_need_a_tile_for_each_length():
    assert Layout.of([7, 7, 7, 2, 2, 1]).tiles == (Tile(0, 3, 7), Tile(21, 2, 2), Tile(25, 1, 1))


@given(LENGTHS, st.integers(0, 2**32))
def test_flags_are_counted_within_each_sequence(lengths, seed):
    flags = torch.rand(sum(lengths), generator=torch.Generator().manual_seed(seed)) < 0.5
    counts = [part.long().cumsum(0) for part in flags.split(lengths)]
    assert torch.equal(Layout.of(lengths).running_count(flags), torch.cat(counts))


@given(st.lists(st.tuples(st.integers(1, 9), st.none() | st.lists(st.integers(0, 8), max_size=4)), min_size=1))
def test_rows_are_counted_from_the_start_of_the_batch(wanted):
    chunks = [
        Chunk({"input_ids": [10 * i + j for j in range(n)]}, rows=rows and tuple(row % n for row in rows))
        for i, (n, rows) in enumerate(wanted)
    ]
    batch = pack(chunks, torch.device("cpu"))
    rows = batch.inputs["layout"].rows
    ids = batch.inputs["input_ids"] if rows is None else batch.inputs["input_ids"][rows]
    kept = [chunk.inputs["input_ids"] for chunk in chunks]
    kept = [
        own if chunk.rows is None else [own[row] for row in chunk.rows] for own, chunk in zip(kept, chunks, strict=True)
    ]
    assert [part.tolist() for part in ids.split(batch.counts)] == kept


def test_without_rows_all_tokens_are_wanted():
    assert pack([Chunk({"input_ids": [1, 2]})], torch.device("cpu")).inputs["layout"].rows is None


def test_rows_of_one_chunk_leave_those_of_others_whole():
    batch = pack([Chunk({"input_ids": [1, 2, 3]}, rows=(2,)), Chunk({"input_ids": [4, 5]})], torch.device("cpu"))
    assert batch.inputs["layout"].rows.tolist() == [2, 3, 4]
    assert batch.counts == (1, 2)


@pytest.mark.parametrize("rows", [(), (0,)])
def test_a_chunk_may_ask_for_nothing(rows):
    batch = pack([Chunk({"input_ids": [1, 2]}, rows=rows), Chunk({"input_ids": [3]}, rows=())], torch.device("cpu"))
    assert batch.counts == (len(rows), 0)
    assert batch.inputs["layout"].rows.tolist() == list(rows)
