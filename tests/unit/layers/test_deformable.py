"""Deformable attention sees what lies where it looks."""

import torch

from nbpipes.layers.deformable import DeformableAttention, look

SIZES = [(2, 3), (1, 2)]
TOKENS = 8


def middles() -> torch.Tensor:
    """The middle of each place of the maps, x and y, as parts of their own map."""
    return torch.tensor(
        [
            ((x + 0.5) / width, (y + 0.5) / height)
            for height, width in SIZES
            for y in range(height)
            for x in range(width)
        ]
    )


def values() -> torch.Tensor:
    return torch.arange(TOKENS * 6.0).view(1, TOKENS, 2, 3)


def test_a_look_at_the_middle_of_a_place_gives_its_value():
    spots = middles()[None, :, None, None, None].expand(1, TOKENS, 2, 2, 1, 2)
    weights = torch.zeros(1, TOKENS, 2, 2)
    weights[:, :6, :, 0] = weights[:, 6:, :, 1] = 1  # each place's own map
    torch.testing.assert_close(look(values(), SIZES, spots, weights), values().flatten(2))


def test_a_look_between_places_gives_their_mean_and_outside_nothing():
    spots = torch.tensor([(1 / 3, 0.25), (2.0, 0.5)])[None, :, None, None, None].expand(1, 2, 2, 2, 1, 2)
    weights = torch.tensor([1.0, 0.0]).expand(1, 2, 2, 2)
    found = look(values(), SIZES, spots, weights)
    torch.testing.assert_close(found[0, 0], (values()[0, 0] + values()[0, 1]).flatten() / 2)
    assert found[0, 1].abs().max() == 0


def test_offsets_count_in_places_or_in_halves_of_boxes():
    layer = DeformableAttention(4, 2, 2, 1)
    for weight in layer.parameters():
        torch.nn.init.zeros_(weight)
    torch.nn.init.eye_(layer.values.weight)
    torch.nn.init.eye_(layer.out.weight)
    layer.offsets.bias.data.copy_(torch.tensor([1.0, 0.0]).repeat(4))  # one place, or half a box, to the right
    memory, x = torch.randn(1, TOKENS, 4), torch.zeros(1, 1, 4)
    left = torch.tensor([1 / 6, 0.25])
    with torch.inference_mode():
        places = layer(x, memory, SIZES, left.view(1, 1, 1, 2), x)
        boxes = layer(x, memory, SIZES, torch.cat((left, torch.tensor([2 / 3, 0.0]))).view(1, 1, 1, 4), x)
    # In the first map both look at the second place; in the other, of two places, offsets of one place go farther.
    first = memory[0, 1]
    second = look_at(memory[0, 6:], 1 / 6 + 1 / 2)
    torch.testing.assert_close(places[0, 0], (first + second) / 2)
    torch.testing.assert_close(boxes[0, 0], (first + look_at(memory[0, 6:], 1 / 6 + 1 / 3)) / 2)


def look_at(pair: torch.Tensor, x: float) -> torch.Tensor:
    """What lies at `x` of a map of 1 × 2 places, at a quarter of its height: half of what is outside, which is zero."""
    right = min(max(2 * x - 0.5, 0.0), 1.0)
    return ((1 - right) * pair[0] + right * pair[1]) * 0.75
