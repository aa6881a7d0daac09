"""Convolutions give the same whether their weights are reordered for the processor or not."""

import pytest
import torch

from nbpipes.layers.conv import Conv, ConvNorm, packing_pays
from nbpipes.layers.linear import prepare

KINDS = [
    (3, 8, 7, 2, 3, 1, 1),
    (8, 16, 1, 1, 0, 1, 1),
    (8, 4, 1, 2, 0, 1, 1),
    (8, 8, 3, 1, 1, 1, 8),
    (4, 6, 3, 2, 2, 2, 2),
]


@pytest.fixture(autouse=True)
def there():
    if not packing_pays(torch.float32):
        pytest.skip("this build of torch has no faster convolutions")


def drawn(inner, outer, kernel, stride, padding, dilation, groups):
    torch.manual_seed(0)
    return Conv(inner, outer, kernel, stride, padding, dilation, groups).requires_grad_(False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", [None, "relu", "gelu"])
@torch.inference_mode()
def test_packed_weights_give_the_same(kind, act):
    conv = drawn(*kind)
    x = torch.randn(2, kind[0], 13, 17)
    beside = torch.randn_like(conv(x))
    weight, wanted = conv.weight.clone(), (conv(x, act), conv(x, act, beside))
    conv.pack()
    assert conv.weight.device == x.device
    torch.testing.assert_close((conv(x, act), conv(x, act, beside)), wanted, atol=1e-5, rtol=1e-5)
    conv.unpack()
    assert torch.equal(conv.weight, weight)


@torch.inference_mode()
def test_another_dtype_brings_the_weights_back():
    conv = drawn(*KINDS[1])
    weight = conv.weight.clone()
    conv.pack()
    conv.to(torch.float64)
    assert conv.packed is None
    assert torch.equal(conv.weight, weight.double())


@torch.inference_mode()
def test_a_norm_becomes_part_of_the_weights():
    torch.manual_seed(0)
    layer = ConvNorm(4, 6, 3, padding=1, act="relu").requires_grad_(False)
    for values in (*layer.norm.parameters(), *layer.norm.buffers()):
        values.copy_(torch.rand(6) + 0.5)
    x, beside = torch.randn(1, 4, 9, 8), torch.randn(1, 6, 9, 8)
    wanted = layer(x), layer(x, beside)
    prepare(layer)
    assert layer.norm is None
    torch.testing.assert_close((layer(x), layer(x, beside)), wanted, atol=1e-5, rtol=1e-5)
