"""The weights of released models find their places, by name and shape: nothing is missing, nothing is left over."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nbpipes.hub.weights import fill
from nbpipes.models.heads import Head
from nbpipes.models.registry import family

FILES = sorted((Path(__file__).parents[2] / "golden" / "released").glob("*.json"))


def shapes_of(weights):
    """Shapes by name."""
    return {
        name.replace("#", str(number)): tuple(shape)
        for name, shape, first, last in weights
        for number in range(first, last + 1)
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_weight_has_its_place(file):
    told = json.loads(file.read_text(encoding="utf-8"))
    shapes, kind = shapes_of(told["weights"]), Head(told["head"])
    known = family(told["config"]["model_type"])
    config = known.config.read(told["config"])
    model = known.build(config, kind)
    moves = known.plan(shapes, kind)
    known.trim(model, moves)
    stored = SimpleNamespace(tensor=lambda name: torch.empty(shapes[name], device="meta"))
    assert not moves.unused
    unused = fill(model, moves, stored, ties=known.ties(config, kind), origin=str, device="meta", dtype=torch.float32)
    assert unused == ()
