"""What the golden cases of models that segment do not show: odd sizes, configs that are refused."""

import pytest
import torch

from nbpipes.errors import ConfigError
from nbpipes.models.heads import Head
from nbpipes.models.registry import family
from nbpipes.models.windows import Swin, SwinConfig, Windows, chosen_stages


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 4), (9, 7)])
@pytest.mark.parametrize("shift", [0, 2])
def test_windows_are_cut_and_joined(size, shift):
    maps = torch.randn(2, *size, 3)
    windows = Windows(maps, 4, shift)
    tokens = windows.cut(maps)
    assert tokens.shape == (sum(windows.layout.lengths), 3)
    torch.testing.assert_close(windows.join(tokens), maps)


def test_places_that_only_the_move_brought_together_do_not_see_each_other():
    windows = Windows(torch.zeros(1, 4, 4, 1), 4, 2)
    assert windows.mask is not None
    assert (windows.mask[0, 0, 0] == 0).sum() == 4  # a quarter of the window
    assert Windows(torch.zeros(1, 4, 4, 1), 4, 0).mask is None


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (5, 30), (64, 33)])
def test_swin_reads_images_of_any_size(size, moves):
    config = SwinConfig.read({"embed_dim": 4, "depths": [2, 2], "num_heads": [1, 2], "window_size": 5})
    model = Swin(config, moves=moves)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    with torch.inference_mode():
        maps = model.maps(torch.randn(2, 3, *size))
        assert model(torch.randn(2, 3, *size)).hidden.isfinite().all()
    assert [one.shape[-1] for one in maps] == [4, 4, 8]
    assert all(one.isfinite().all() for one in maps)


def test_stages_are_chosen_by_name_or_number():
    assert chosen_stages(None, None, 5) == (4,)
    assert chosen_stages(["stage1", "stage3"], None, 5) == (1, 3)
    assert chosen_stages(None, (0, -1), 5) == (0, 4)
    assert chosen_stages(["stem"], None, 5) == (0,)


SWIN = {"model_type": "swin", "depths": [1, 1], "num_heads": [1, 1], "embed_dim": 8}
REFUSED = {
    "mask2former": [
        ({"feature_size": 64}, "hidden_dim must equal feature_size"),
        ({"backbone_config": SWIN}, "3 maps or more, not 1"),
        ({"backbone_config": {"model_type": "focalnet"}}, "'focalnet' is not supported; known: swin"),
        ({"num_attention_heads": 7}, "cannot be split among 7 heads"),
    ],
    "maskformer": [
        ({"backbone_config": SWIN | {"out_features": ["stage9"]}, "decoder_config": {"d_model": 30}}, "not 30"),
        ({"backbone_config": {"model_type": "resnet", "depths": [1], "hidden_sizes": [8]}}, "two maps or more"),
    ],
    "upernet": [({"backbone_config": SWIN | {"out_features": ["stage9"]}}, "stage9")],
    "beit": [({"out_indices": [1, 2, 3, 4]}, "four blocks from the second on"), ({}, "four blocks")],
    "swin": [
        ({"use_absolute_embeddings": True}, "use_absolute_embeddings"),
        ({"depths": [1]}, "depths has 1 stages, num_heads has 4"),
    ],
    "segformer": [({"num_attention_heads": [3, 2, 5, 8]}, "cannot be split among 3 heads")],
}


@pytest.mark.parametrize(
    ("model_type", "settings", "reason"), [(kind, *case) for kind, cases in REFUSED.items() for case in cases]
)
def test_configs_that_describe_no_model_are_refused(model_type, settings, reason):
    known = family(model_type)
    heads = [head for head in (Head.MASKS, Head.LABEL_MAPS, Head.IMAGE) if head in known.heads]
    with pytest.raises(ConfigError, match=reason):
        known.build(known.config.read({"model_type": model_type} | settings), heads[0])
