"""ResNets under other models: both ways of naming a weight lead to the same place, and what is not known is refused."""

import pytest
import torch

from nbpipes.hub.weights import plan
from nbpipes.models.backbones import NAMED, NAMED_BY_TIMM, chosen, resnet

PAIRS = {
    "conv1.weight": "embedder.embedder.convolution.weight",
    "bn1.running_var": "embedder.embedder.normalization.running_var",
    "layer1.2.conv3.weight": "encoder.stages.0.layers.2.layer.2.convolution.weight",
    "layer2.0.downsample.0.weight": "encoder.stages.1.layers.0.shortcut.convolution.weight",
    "layer3.0.downsample.1.bias": "encoder.stages.2.layers.0.shortcut.normalization.bias",
    "layer4.1.bn2.running_mean": "encoder.stages.3.layers.1.layer.1.normalization.running_mean",
}


@pytest.mark.parametrize(("timm", "own"), PAIRS.items())
def test_both_names_lead_to_the_same_place(timm, own):
    places = [plan([name], rules, (), "").moves[0].targets for name, rules in ((timm, NAMED_BY_TIMM), (own, NAMED))]
    assert places[0] == places[1]
    with torch.device("meta"):
        known = resnet(chosen(None, "resnet50", timm=True, channels=3)).state_dict()
    assert places[0][0].removeprefix("trunk.") in known


def test_stages_behind_the_last_that_is_looked_at_are_not_built():
    config = chosen({"model_type": "resnet", "out_features": ["stage2"]}, None, timm=False, channels=3)
    assert config.hidden_sizes == (256, 512)
    assert chosen({"out_indices": [1, -2]}, None, timm=False, channels=3).depths == (3, 4, 6)


@pytest.mark.parametrize(
    ("raw", "name", "timm", "message"),
    [
        (None, "efficientnet_b0", True, "known: resnet18"),
        (None, None, True, "known: resnet18"),
        ({"model_type": "swin"}, None, False, "type 'swin'"),
        (None, "some/repository", False, "not described by a backbone_config"),
        ({"out_features": ["stage7"]}, None, False, "no stage 7"),
    ],
)
def test_other_networks_are_refused(raw, name, timm, message):
    with pytest.raises(ValueError, match=message):
        chosen(raw, name, timm=timm, channels=3)
