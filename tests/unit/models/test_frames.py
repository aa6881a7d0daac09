"""Convolutions that are computed by matrix products give what torch's own give, for sounds of any length."""

import pytest
import torch
import torch.nn.functional as F

from nbpipes.layers.linear import packing_pays, prepare
from nbpipes.models.frames import SPAN, FrameMaker, NormedOverTime, Strided, Taps, even

SHAPES = [(10, 5), (3, 2), (3, 2), (2, 2)]


def drawn(module: torch.nn.Module) -> torch.nn.Module:
    draw = torch.Generator().manual_seed(0)
    for weight in module.parameters():
        weight.data = torch.randn(weight.shape, generator=draw) / weight.shape[-1] ** 0.5
        weight.requires_grad_(False)
    return module.eval()


def convolved(layer: Taps, x: torch.Tensor) -> torch.Tensor:
    weight = layer.weight.unflatten(1, (layer.kernel, -1)).transpose(1, 2).double()
    bias = None if layer.bias is None else layer.bias.double()
    return F.conv1d(x.T.double(), weight, bias, stride=layer.stride).T.float()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (3, 1), (2, 2), (4, 4)])
@pytest.mark.parametrize("steps", [4, 5, 6, 7, 8, 9, 10, 101])
def test_windows_are_convolved(kernel, stride, steps, bias):
    layer = drawn(Taps(16, 32, kernel, stride, bias=bias))
    x = torch.randn(steps, 16, generator=torch.Generator().manual_seed(steps))
    wanted = convolved(layer, x)
    plain = layer(x, "gelu")
    prepare(layer)
    torch.testing.assert_close(layer(x), wanted, atol=2e-6, rtol=1e-6)
    torch.testing.assert_close(layer(x, "gelu"), plain, atol=2e-6, rtol=1e-6)


def test_three_taps_are_computed_by_pairs_of_outputs_and_come_back():
    layer = drawn(Taps(16, 32, 3, 2, bias=False))
    weight = layer.weight.clone()
    prepare(layer)
    assert bool(layer.pairs) == packing_pays(torch.float32)
    layer.double()
    assert not layer.pairs
    assert torch.equal(layer.weight, weight.double())
    x = torch.randn(9, 16, dtype=torch.float64)
    torch.testing.assert_close(layer(x).float(), convolved(layer, x))


@pytest.mark.parametrize("frames", [1, 7, SPAN, SPAN + 1, 3 * SPAN - 1])
@pytest.mark.parametrize("extra", [0, 13])
def test_frames_are_those_of_convolutions_of_the_whole_sound(frames, extra):
    layers = [Strided(1 if i == 0 else 8, 8, *shape, "gelu", bias=False) for i, shape in enumerate(SHAPES)]
    layers[0] = NormedOverTime(8, *SHAPES[0], "gelu", bias=True)
    maker = drawn(FrameMaker(layers))
    samples = torch.randn(maker.samples(frames) + extra, generator=torch.Generator().manual_seed(frames))
    first, *others = maker.layers
    x = F.conv1d(samples[None], first.linear.weight[:, None], first.linear.bias, stride=first.stride)
    x = F.gelu(first.norm(x[None])[0]).T
    for layer in others:
        x = F.gelu(convolved(layer.linear, x))
    prepare(maker)
    found = maker(samples)
    assert len(found) == maker.frames(len(samples)) == frames
    torch.testing.assert_close(found, x, atol=2e-6, rtol=1e-5)


def test_spans_waste_nothing():
    assert even(SPAN) == SPAN
