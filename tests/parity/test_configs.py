"""Defaults of every config: a file may leave out each field that has upstream's default."""

import json
from dataclasses import fields

import pytest

from nbpipes.models.registry import MODULES, family

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
OURS = {"raw", "architectures", "id2label", "label2id", "num_labels", "task_specific_params"}
"""Fields that upstream fills in itself, or that no default stands for."""
PARTS = {"backbone_config", "decoder_config"}
"""Configs of parts, which upstream writes with all that we do not read."""
NONE = {"wav2vec2-conformer": {"vocab_size"}}
"""Fields that upstream has no default for, and cannot do without."""
DEFAULTS = [name for name in MODULES if name != "vision-encoder-decoder"]  # which is nothing without its two parts


@pytest.mark.parametrize("model_type", DEFAULTS)
def test_defaults_are_those_of_transformers(model_type):
    theirs = transformers.AutoConfig.for_model(model_type).to_dict()
    ours = family(model_type).config.read({"model_type": model_type})
    left_out = OURS | PARTS | NONE.get(model_type, set())
    # None stands for a value that follows from others.
    shared = [
        item.name
        for item in fields(ours)
        if item.name in theirs and item.name not in left_out and getattr(ours, item.name) is not None
    ]
    assert as_stored(ours, shared) == {name: theirs[name] for name in shared}


def as_stored(config, names):
    """Fields as config.json has them, where tuples are lists."""
    return json.loads(json.dumps({name: getattr(config, name) for name in names}))
