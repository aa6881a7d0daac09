"""Packed layers give what plain ones give, for any number of rows."""

import pytest
import torch
from torch import nn

from nbpipes.layers import few_rows, linear, trial
from nbpipes.layers.few_rows import Bands, Halves
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
    monkeypatch.setattr(few_rows, "halves_pay", few_rows.halves_work)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("wide", [40, 301])
@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (3,), (17,), (1, 1), (2, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("form", [Halves, Bands])
def test_few_rows(packs, form, bias, steps, shape, wide):
    torch.manual_seed(0)
    layer = drawn(24, wide, form, bias=bias)
    x = torch.randn(*shape, 24)
    wanted, active = layer(x), layer(x, "gelu")
    prepare(nn.Sequential(layer), steps=steps)
    assert layer.packed is not None
    assert layer.steps == (16 if steps else 0)
    assert layer(x).shape == wanted.shape
    torch.testing.assert_close(layer(x), wanted)
    torch.testing.assert_close(layer(x, "gelu"), active)
    assert isinstance(layer.few, form) == (0 < x.numel() <= layer.steps * 24)
    assert layer(x).is_contiguous()  # rotary positions turn it in place, in pairs
    torch.testing.assert_close(layer(x.new_ones(33, 24)), layer(x.new_ones(1, 24)).expand(33, -1))


def drawn(width, out, form, **options):
    """A layer whose weight float16 can hold, or not."""
    if form is Halves and not few_rows.halves_work():
        pytest.skip("this build of torch has no layers in float16 for numbers in float32")
    layer = Linear(width, out, **options)
    return layer.half().float() if form is Halves else layer


def test_a_second_form_of_layers_in_bfloat16_where_it_is_faster(packs, monkeypatch):
    layer = drawn(24, 40, Halves).bfloat16()
    prepare(nn.Sequential(layer), steps=True)
    one, three = torch.randn(1, 24).bfloat16(), torch.randn(3, 24).bfloat16()
    wanted = layer.dense().float() @ one[0].float() + layer.bias.float()
    layer(three)
    assert layer.few is None
    torch.testing.assert_close(layer(one)[0], wanted.bfloat16())
    assert isinstance(layer.few, Halves)
    monkeypatch.setattr(few_rows, "halves_pay", lambda: False)
    other = Linear(24, 40, dtype=torch.bfloat16)
    prepare(nn.Sequential(other), steps=True)
    assert other(one).shape == (1, 40)
    assert other.few is None
    assert not other.steps  # not tried again


def test_a_second_form_only_of_small_models(packs, monkeypatch):
    monkeypatch.setattr(linear, "TWICE", 8 * 8 * 4)
    large = nn.Sequential(drawn(8, 8, Bands), drawn(8, 8, Bands))
    prepare(large, steps=True)
    assert not large[0].steps
    assert large[0].packed is not None


@pytest.mark.parametrize("rows", [0, 1, 5, 40])
def test_a_large_model_is_kept_in_half_the_memory_where_that_loses_nothing(packs, monkeypatch, rows):
    monkeypatch.setattr(linear, "TWICE", 0)
    exact, other = drawn(24, 40, Halves), drawn(40, 8, Bands)
    x, plain = torch.randn(rows, 24), exact.weight.clone()
    wanted = other(exact(x, "relu"))
    model = nn.Sequential(exact, other)
    prepare(model, steps=True)
    assert exact.packed is None
    assert exact.weight.device.type == "meta"
    assert other.packed is not None
    assert not other.steps
    torch.testing.assert_close(other(exact(x, "relu")), wanted)
    assert torch.equal(exact.dense(), plain)
    assert device_of(model) == torch.device("cpu")
    model.to(torch.float64)
    assert torch.equal(exact.weight, plain.double())
    torch.testing.assert_close(other(exact(x.double(), "relu")), wanted.double())


@pytest.mark.parametrize("form", [Halves, Bands])
def test_another_dtype_forgets_the_second_form(packs, form):
    layer = drawn(8, 8, form)
    prepare(nn.Sequential(layer), steps=True)
    x = torch.randn(1, 8)
    wanted = layer(x)
    layer.to(torch.float64)
    assert layer.packed is layer.few is None
    torch.testing.assert_close(layer(x.double()).float(), wanted)


def test_a_packed_model_still_knows_where_it_is(packs):
    model = nn.Sequential(Linear(8, 8), nn.LayerNorm(8))
    prepare(model)
    assert next(model.parameters()).device.type == "meta"
    assert device_of(model) == torch.device("cpu")
    assert device_of(nn.Identity()) == torch.device("cpu")


def test_a_disturbed_trial_is_repeated(packs, monkeypatch):
    measured = iter([9.0, 1.0, 1.0, 2.0])  # packed, plain: something else ran, then not
    monkeypatch.setattr(trial, "seconds", lambda work: next(measured))
    assert linear._trial(torch.float32)


def test_slower_layers_stay_as_they_are(packs, monkeypatch):
    measured = iter([2.0, 1.0] * trial.TRIALS)
    monkeypatch.setattr(trial, "seconds", lambda work: next(measured))
    assert not linear._trial(torch.float32)
