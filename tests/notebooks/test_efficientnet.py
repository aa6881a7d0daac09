"""The real EfficientNet-Lite0 and the real photographs: how its weights are renamed, and what it sees."""

import hashlib

import numpy as np
import pytest

from nbpipes import pipeline

SHA256 = "ba19a3d92a72a23bef28da97e2593a2fbb8694828c67a608c311fc1e19f8e34a"
"""Of model.safetensors; an independent converter gave the same weights, and they the original's logits."""
BLOCK = "efficientnet.encoder.blocks"


def test_weights_are_renamed_and_gates_multiply_by_one() -> None:
    from efficientnet_weights import renamed

    sizes = {
        "_conv_stem.weight": (4, 3, 3, 3),
        "_bn0.num_batches_tracked": (),
        "_blocks.0._depthwise_conv.weight": (4, 1, 3, 3),
        "_blocks.1._expand_conv.weight": (48, 8, 1, 1),
        "_blocks.1._depthwise_conv.weight": (48, 1, 3, 3),
        "_blocks.1._bn2.running_mean": (8,),
    }
    made = renamed({name: np.ones(size, np.float32) for name, size in sizes.items()})
    assert {name: values.shape for name, values in made.items() if "squeeze" not in name} == {
        "efficientnet.embeddings.convolution.weight": (4, 3, 3, 3),
        f"{BLOCK}.0.depthwise_conv.depthwise_conv.weight": (4, 1, 3, 3),
        f"{BLOCK}.1.expansion.expand_conv.weight": (48, 8, 1, 1),
        f"{BLOCK}.1.depthwise_conv.depthwise_conv.weight": (48, 1, 3, 3),
        f"{BLOCK}.1.projection.project_bn.running_mean": (8,),
    }
    assert made[f"{BLOCK}.0.squeeze_excite.reduce.weight"].shape == (1, 4, 1, 1)
    assert made[f"{BLOCK}.1.squeeze_excite.reduce.weight"].shape == (2, 48, 1, 1)
    bias = made[f"{BLOCK}.1.squeeze_excite.expand.bias"]
    assert (1 / (1 + np.exp(-bias)) == 1).all()


@pytest.mark.network
def test_it_sees_what_photographs_show() -> None:
    from checkpoints import folder

    path, photographs = folder("efficientnet-lite0"), folder("photographs")
    with (path / "model.safetensors").open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == SHA256
    classify = pipeline("image-classification", model=path, top_k=1, device="cpu")
    for name, label in (("chelsea.png", "Egyptian cat"), ("coffee.png", "espresso"), ("camera.png", "tripod")):
        (best,) = classify(photographs / name)
        assert best["label"].split(",")[0] == label
        assert best["score"] > 0.7


@pytest.mark.network
def test_only_the_photographs_are_kept() -> None:
    from checkpoints import PHOTOGRAPHS, folder

    kept = {path.name for path in folder("photographs").iterdir()}
    assert kept == {*PHOTOGRAPHS, "licenses", "provenance.json"}
