"""What the golden cases do not show: sequences that share a row, other dtypes, configs that are read or refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nbpipes.errors import ConfigError
from nbpipes.hub.repo import Repo
from nbpipes.layers.packing import Layout, Tile
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family
from nbpipes.models.text.albert import SharedBlocks
from nbpipes.models.text.deberta import DebertaConfig, DebertaV2Config
from nbpipes.models.text.modernbert import window

GOLDEN = Path(__file__).parents[2] / "golden"
TRUNKS = sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in GOLDEN.glob("*/base*/cases.safetensors"))
LENGTHS = (11, 7, 7, 1)


def load(name, **options):
    return load_model(Repo(GOLDEN / name), [Head.BASE], task="test", **options)


def ids():
    return torch.randint(5, 30, (sum(LENGTHS),), generator=torch.Generator().manual_seed(0))


def shared_row():
    """All sequences in one row, with a mask between them."""
    layout, numbers = Layout.of(LENGTHS), torch.repeat_interleave(torch.tensor(LENGTHS))
    mask = torch.zeros(len(numbers), len(numbers)).masked_fill_(numbers[:, None] != numbers, -torch.inf)
    return Layout(LENGTHS, (Tile(0, 1, len(numbers), mask[None, None]),), layout.starts, layout.positions)


@pytest.mark.parametrize("name", TRUNKS)
def test_sequences_may_share_a_row(name):
    model = load(name)
    with torch.inference_mode():
        apart = model(input_ids=ids(), layout=Layout.of(LENGTHS)).hidden
        shared = model(input_ids=ids(), layout=shared_row()).hidden
    torch.testing.assert_close(shared, apart, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", TRUNKS)
def test_half_precision_is_near_the_full_one(name):
    with torch.inference_mode():
        full = load(name)(input_ids=ids(), layout=Layout.of(LENGTHS)).hidden
        half = load(name, dtype=torch.bfloat16)(input_ids=ids(), layout=Layout.of(LENGTHS)).hidden
    assert half.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(half.float(), full).min() > 0.95


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra", "albert"])
def test_other_kinds_of_positions_are_refused(model_type):
    known = family(model_type)
    config = known.config.read({"model_type": model_type, "position_embedding_type": "relative_key"})
    with pytest.raises(ConfigError, match="relative_key"):
        known.build(config, Head.BASE)


@pytest.mark.parametrize("model_type", MODULES)
def test_building_allocates_nothing(model_type):
    known = family(model_type)
    model = known.build(known.config.read({"model_type": model_type}), Head.BASE)
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"meta"}


class Named(nn.Module):
    """A block that writes down that it was called."""

    def __init__(self, name, calls):
        super().__init__()
        self.name, self.calls = name, calls

    def forward(self, x, layout, *, keep=None):
        self.calls.append((self.name, keep is not None))
        return x if keep is None else x[keep]


@pytest.mark.parametrize(
    ("layers", "groups", "inner", "order"),
    [(3, 1, 1, "a a a"), (4, 2, 1, "a a b b"), (5, 2, 1, "a a a b b"), (2, 2, 2, "a b c d")],
)
def test_groups_of_albert_share_the_layers(layers, groups, inner, order):
    calls, names = [], iter("abcd")
    blocks = SharedBlocks(([Named(next(names), calls) for _ in range(inner)] for _ in range(groups)), layers)
    x, layout = torch.arange(6.0)[:, None], Layout.of([4, 2])
    assert blocks(x, layout, keep=layout.starts).flatten().tolist() == [0, 4]
    assert [name for name, _ in calls] == order.split()
    assert [kept for _, kept in calls] == [False] * (len(calls) - 1) + [True]


@pytest.mark.parametrize("stored", ["c2p|p2c", "C2P | p2c", ["c2p", "p2c"]])
def test_kinds_of_scores_are_read_from_text_and_list(stored):
    assert DebertaConfig.read({"pos_att_type": stored}).kinds == ("c2p", "p2c")


def test_no_kinds_of_scores():
    assert DebertaV2Config.read({"pos_att_type": None}).kinds == ()


@pytest.mark.parametrize(("stored", "reach"), [(-1, 512), (0, 512), (24, 24)])
def test_distances_reach_as_far_as_positions_unless_said(stored, reach):
    assert DebertaConfig.read({"max_relative_positions": stored}).reach == reach


@pytest.mark.parametrize("model_type", ["deberta", "deberta-v2"])
def test_the_words_of_released_checkpoints_are_found(model_type):
    known = family(model_type)
    config = known.config.read({"model_type": model_type, "num_hidden_layers": 1})
    names = [f"lm_predictions.lm_head.{name}" for name in ("dense.weight", "LayerNorm.bias", "bias")]
    moves = known.plan([*names, "deberta.embeddings.word_embeddings.weight"], Head.MASKED).moves
    assert [move.targets for move in moves] == [
        ("head.dense.weight",),
        ("head.norm.bias",),
        ("head.decoder.bias",),
        ("trunk.tokens.weight",),
    ]
    assert known.ties(config, Head.MASKED) == {"head.decoder.weight": "trunk.tokens.weight"}


def test_the_newer_head_of_deberta_always_shares_the_embeddings():
    assert DebertaConfig.read({"tie_word_embeddings": False, "legacy": False}).tie_word_embeddings
    assert not DebertaConfig.read({"tie_word_embeddings": False}).tie_word_embeddings


def test_local_attention_sees_the_window_on_both_sides():
    bias = window(2, torch.float32, torch.device("cpu"))
    assert bias(Tile(0, 1, 3)) is None  # a text that fits into the window needs no mask
    seen = bias(Tile(0, 1, 5))[0, 0] == 0
    assert seen.long().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]


def test_unknown_pooling_is_refused():
    known = family("modernbert")
    config = known.config.read({"model_type": "modernbert", "classifier_pooling": "max"})
    with pytest.raises(ConfigError, match="'max'"):
        known.build(config, Head.SEQUENCE)
