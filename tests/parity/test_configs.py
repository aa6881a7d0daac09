"""Defaults of every config: a file may leave out each field that has upstream's default."""

from dataclasses import fields

import pytest

from nbpipes.models.registry import MODULES, family

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
OURS = {"raw", "architectures", "id2label", "label2id", "num_labels", "task_specific_params"}
"""Fields that upstream fills in itself, or that no default stands for."""


@pytest.mark.parametrize("model_type", MODULES)
def test_defaults_are_those_of_transformers(model_type):
    theirs = transformers.AutoConfig.for_model(model_type).to_dict()
    ours = family(model_type).config.read({"model_type": model_type})
    # None stands for a value that follows from others.
    shared = [
        item.name
        for item in fields(ours)
        if item.name in theirs and item.name not in OURS and getattr(ours, item.name) is not None
    ]
    assert {name: getattr(ours, name) for name in shared} == {name: theirs[name] for name in shared}
