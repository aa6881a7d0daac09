"""Packed layers give what plain ones give, for any number of rows."""

import pytest
import torch
from torch import nn

from nbpipes.layers import linear
from nbpipes.layers.linear import Linear, device_of, prepare


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture
def packs(monkeypatch):
    if not torch.backends.mkldnn.is_available() or not torch.backends.mkl.is_available():
        pytest.skip("this build of torch has no layers to pack")
    monkeypatch.setattr(linear, "packing_pays", lambda dtype: True)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("wide", [40, 301])
@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (3,), (1, 1), (2, 1), (1, 2), (2, 3)])
def test_rows_as_columns(packs, bias, steps, shape, wide):
    torch.manual_seed(0)
    layer = Linear(24, wide, bias=bias)
    x = torch.randn(*shape, 24)
    wanted, active = layer(x), layer(x, "gelu")
    prepare(nn.Sequential(layer), steps=steps)
    assert layer.packed is not None
    assert layer.turns is steps
    assert layer(x).shape == wanted.shape
    torch.testing.assert_close(layer(x), wanted)
    torch.testing.assert_close(layer(x, "gelu"), active)
    assert (layer.bands is not None) == (steps and 0 < x.numel() <= 2 * 24)
    assert layer(x).is_contiguous()  # rotary positions turn it in place, in pairs


def test_a_second_form_only_of_small_models_in_float32(packs, monkeypatch):
    half = nn.Sequential(Linear(8, 8, dtype=torch.bfloat16))
    prepare(half, steps=True)
    assert not half[0].turns
    monkeypatch.setattr(linear, "TWICE", 8 * 8 * 4)
    large = nn.Sequential(Linear(8, 8), Linear(8, 8))
    prepare(large, steps=True)
    assert not large[0].turns


def test_another_dtype_forgets_the_second_form(packs):
    layer = Linear(8, 8)
    prepare(nn.Sequential(layer), steps=True)
    x = torch.randn(1, 8)
    wanted = layer(x)
    layer.to(torch.float64)
    assert layer.packed is layer.bands is None
    torch.testing.assert_close(layer(x.double()).float(), wanted)


def test_a_packed_model_still_knows_where_it_is(packs):
    model = nn.Sequential(Linear(8, 8), nn.LayerNorm(8))
    prepare(model)
    assert next(model.parameters()).device.type == "meta"
    assert device_of(model) == torch.device("cpu")
    assert device_of(nn.Identity()) == torch.device("cpu")


def test_a_disturbed_trial_is_repeated(packs, monkeypatch):
    measured = iter([9.0, 1.0, 1.0, 2.0])  # packed, plain: something else ran, then not
    monkeypatch.setattr(linear, "seconds", lambda work: next(measured))
    assert linear._trial(torch.float32)


def test_slower_layers_stay_as_they_are(packs, monkeypatch):
    measured = iter([2.0, 1.0] * linear.TRIALS)
    monkeypatch.setattr(linear, "seconds", lambda work: next(measured))
    assert not linear._trial(torch.float32)
