"""Weights in float16 give what they give in float32, or are not taken."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpipes.layers.few_rows import Bands, Halves, few_rows, halves_pay, halves_work, scale_of

if not halves_work():
    pytest.skip("this build of torch has no layers in float16 for numbers in float32", allow_module_level=True)


def published(dtype: torch.dtype, size: float, shape: tuple[int, int] = (64, 96)) -> torch.Tensor:
    """Weights as they are stored in a checkpoint of `dtype`, in float32."""
    return (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * size).to(dtype).float()


@given(
    dtype=st.sampled_from([torch.bfloat16, torch.float16]),
    power=st.integers(-12, 6),
    rows=st.integers(0, 40),
    biased=st.booleans(),
    seed=st.integers(0, 9999),
)
@settings(deadline=None)
def test_answers_differ_by_rounding_only(dtype, power, rows, biased, seed):
    weight = published(dtype, 2.0**power)
    scale = scale_of(weight)
    assert scale is not None
    draw = torch.Generator().manual_seed(seed)
    x, bias = torch.randn(rows, 96, generator=draw), torch.randn(64, generator=draw) if biased else None
    wide = [None if one is None else one.double() for one in (x, weight, bias)]
    found, truth = Halves(weight, bias, most=40, scale=scale)(x), F.linear(*wide)
    assert found.shape == truth.shape
    # Each sum may be rounded by 2**-24 (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
    terms = F.linear(x.abs(), weight.abs(), None if bias is None else bias.abs())
    assert ((found - truth).abs() <= (96 + 2) * 2**-24 * terms).all()


def test_small_weights_are_lifted():
    weight = published(torch.bfloat16, 2.0**-12)
    scale = scale_of(weight)
    assert scale is not None
    assert scale > 1
    assert math.frexp(scale)[0] == 0.5
    torch.testing.assert_close(Halves(weight, None, most=1, scale=scale).dense(), weight, rtol=0, atol=2.0**-36)


def test_weights_beyond_the_range_of_float16_are_lowered():
    weight = published(torch.bfloat16, 2.0**17)
    scale = scale_of(weight)
    assert scale is not None
    assert scale < 1
    assert torch.equal(Halves(weight, None, most=1, scale=scale).dense(), weight)


@pytest.mark.parametrize(
    "weight",
    [
        published(torch.float32, 0.05),
        torch.zeros(8, 8),
        torch.full((8, 8), torch.inf),
        torch.full((8, 8), torch.nan),
        torch.empty(0, 8),
    ],
    ids=["float32", "zeros", "infinite", "no numbers", "empty"],
)
def test_other_weights_are_not_taken(weight):
    assert scale_of(weight) is None
    assert isinstance(few_rows(weight, None, 16), Bands)


def test_rows_that_lie_otherwise_in_memory_are_read_in_order():
    weight = published(torch.float16, 0.05)
    x = torch.randn(96, 3).t()
    torch.testing.assert_close(Halves(weight, None, most=3)(x), F.linear(x, weight))


def test_weights_of_a_published_model_take_this_form_where_it_pays():
    assert isinstance(few_rows(published(torch.bfloat16, 0.02), None, 16), Halves) == halves_pay()


def test_answers_keep_their_dtype():
    weight, x = published(torch.bfloat16, 0.05), torch.randn(2, 96).bfloat16()
    found = Halves(weight, None, most=2)(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, F.linear(x.float(), weight).bfloat16())
    form = few_rows(weight.bfloat16(), None, 2)
    assert form is None or isinstance(form, Halves)
