"""The short way to `forward` leaves no hook out."""

import torch
from torch import nn

from nbpipes.layers.linear import Linear
from nbpipes.layers.norms import RMSNorm


def test_hooks_are_called():
    layer, x, seen = Linear(3, 2), torch.ones(1, 3), []
    before = layer.register_forward_pre_hook(lambda module, given: seen.append("before"))
    after = layer.register_forward_hook(lambda module, given, y: y + 1)
    plain = nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), plain + 1)
    before.remove()
    after.remove()
    torch.testing.assert_close(layer(x), plain)
    assert seen == ["before"]


def test_norms_of_one_row_and_of_many_are_the_same():
    norm = RMSNorm(48, 1e-5)
    nn.init.normal_(norm.weight)
    x = torch.randn(7, 48)
    wanted = nn.functional.rms_norm(x, (48,), norm.weight, 1e-5)
    with torch.inference_mode():
        torch.testing.assert_close(norm(x), wanted)
        torch.testing.assert_close(torch.cat([norm(row[None]) for row in x]), wanted)
