"""Models of float64 compute in float64 throughout, and weights made of several others are rounded once."""

import math

import torch
import torch.nn.functional as F

from nbpipes.layers.conv import BatchNorm, ConvNorm
from nbpipes.layers.precision import fine, finest
from nbpipes.layers.scale import Scaled
from nbpipes.models.detection import SinePlaces


def drawn(*shape, low=0.5):
    return low + torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


def normed(layer: ConvNorm) -> ConvNorm:
    """The layer with statistics and weights that no float32 holds."""
    assert layer.norm is not None
    for number, values in enumerate((layer.conv.weight, *layer.norm.parameters(), *layer.norm.buffers())):
        values.data.copy_(drawn(*values.shape, low=0.3 + 0.1 * number))
    return layer.requires_grad_(False)


def truth(x, layer: ConvNorm):
    norm = layer.norm
    assert norm is not None
    statistics = (norm.get_buffer("running_mean"), norm.get_buffer("running_var"), norm.weight, norm.bias)
    return F.batch_norm(F.conv2d(x, layer.conv.weight, padding=1), *statistics, eps=norm.eps)


def test_norms_keep_float64_before_and_after_they_are_fused():
    layer, x = normed(ConvNorm(4, 6, 3, padding=1).double()), drawn(1, 4, 7, 5)
    wanted = truth(x, layer)
    torch.testing.assert_close(layer(x), wanted, atol=1e-12, rtol=0)
    layer.fuse()
    torch.testing.assert_close(layer(x), wanted, atol=1e-12, rtol=0)


def test_fused_weights_are_rounded_once():
    layer = normed(ConvNorm(4, 6, 3))
    assert isinstance(layer.norm, BatchNorm)
    exact = normed(ConvNorm(4, 6, 3))
    exact.double().fuse()  # of the same weights, which float32 has rounded
    layer.fuse()
    assert torch.equal(layer.conv.weight, exact.conv.weight.float())
    assert torch.equal(layer.conv.bias, exact.conv.bias.float())


def test_factors_of_channels_are_rounded_once():
    layer = Scaled(torch.nn.ModuleDict({"out": torch.nn.Linear(5, 4)}), 4, "out").requires_grad_(False)
    assert layer.scale is not None
    layer.scale.copy_(drawn(4))
    linear = layer.get_submodule("layer.out")
    wanted = (linear.get_parameter("weight").double() * layer.scale.double()[:, None]).float()
    layer.fuse()
    assert torch.equal(linear.get_parameter("weight"), wanted)


def test_places_are_as_fine_as_the_model():
    single, double = (SinePlaces(8)((3, 5), torch.zeros(1, dtype=dtype)) for dtype in (torch.float32, torch.float64))
    assert double.dtype == torch.float64
    angle = 2 / (3 + 1e-6) * 2 * math.pi  # of the second row
    assert abs(double[5, 0].item() - math.sin(angle)) < 1e-15
    torch.testing.assert_close(single, double.float(), atol=1e-6, rtol=0)
    assert (fine(torch.bfloat16), fine(torch.float64)) == (torch.float32, torch.float64)
    assert finest(single).dtype == torch.float64
