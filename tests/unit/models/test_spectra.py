"""Convolutions by spectra give what convolutions by taps give."""

import pytest
import torch
import torch.nn.functional as F

from nbpipes.layers.linear import prepare
from nbpipes.models.spectra import Spectra
from nbpipes.models.waves import PlaceConv


@pytest.mark.parametrize(("taps", "groups"), [(1, 1), (2, 3), (15, 2), (128, 6)])
@pytest.mark.parametrize("more", [0, 1, 127, 128, 129, 300])
def test_taps_and_spectra_agree(taps, groups, more):
    draw = torch.Generator().manual_seed(more)
    weight = torch.randn(12, 12 // groups, taps, generator=draw) / (12 // groups * taps) ** 0.5
    line = torch.randn(taps + more, 12, generator=draw)
    found = Spectra(weight, groups)(line)
    wanted = F.conv1d(line.T.double(), weight.double(), groups=groups).T
    torch.testing.assert_close(found.double(), wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("kernel", [15, 16])
def test_places_of_several_sounds_are_those_of_each(kernel, normed):
    draw = torch.Generator().manual_seed(0)
    places = PlaceConv(12, kernel, 3, "gelu", normed=normed).eval()
    for weight in places.parameters():
        weight.data = torch.randn(weight.shape, generator=draw) / 8
    lengths = (1, 40, 7, 8)
    x = torch.randn(sum(lengths), 12, generator=draw)
    with torch.no_grad():
        places.fuse()
        plain = torch.cat([places(part, [len(part)]) for part in x.split(lengths)])
        prepare(places)
        assert places.spectra is not None
        torch.testing.assert_close(places(x, lengths), plain, atol=2e-6, rtol=1e-5)
        places.double()
        assert places.spectra is None
        torch.testing.assert_close(places(x.double(), lengths).float(), plain, atol=2e-6, rtol=1e-5)
