"""Convolutions of many taps over time, by the spectra of their input."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


class Spectra:
    """A grouped convolution over time, a product for each frequency instead of one for each tap.

    The input is cut into blocks of twice as many steps as there are taps, each beginning where the outputs of the one
    before it end (overlap-save, Oppenheim and Schafer, Discrete-Time Signal Processing, 8.7). A block's spectrum is
    taken and brought back by matrix products: for so few steps they are as fast as a fast transform, and channels stay
    side by side.
    """

    def __init__(self, weight: Tensor, groups: int) -> None:
        """weight: `(outer, inner / groups, taps)`, on the CPU."""
        taps = weight.shape[-1]
        size = 2 * taps
        turns = torch.outer(torch.arange(taps + 1), torch.arange(size)) % size
        angles = turns.double() * (2 * math.pi / size)
        waves = torch.cat([angles.cos(), -angles.sin()])
        parts = torch.full((2, taps + 1, 1), 2 / size, dtype=waves.dtype)
        parts[:, [0, -1]] = 1 / size  # all other frequencies stand for their negative ones too
        self.forth = waves.to(weight.dtype)
        self.back = (waves * parts.flatten(0, 1))[:, : taps + 1].T.to(weight.dtype).contiguous()
        spectra = torch.fft.rfft(weight, size).conj()
        self.weight = spectra.unflatten(0, (groups, -1)).permute(3, 0, 2, 1).flatten(0, 1).resolve_conj().contiguous()

    def __call__(self, line: Tensor) -> Tensor:
        """line: `(steps, inner)`. Returns `(steps - taps + 1, outer)`."""
        step, size, width = len(self.back), self.forth.shape[1], line.shape[1]
        count = len(line) - size + step
        blocks = -(-count // step)
        line = F.pad(line, (0, 0, 0, blocks * step - count))
        windows = line.as_strided((blocks, size, width), (step * width, width, 1))
        seen = (self.forth.expand(blocks, -1, -1) @ windows).view(blocks, 2, len(self.weight), -1)
        answers = torch.complex(seen[:, 0], seen[:, 1]).transpose(0, 1) @ self.weight
        parts = torch.view_as_real(answers.transpose(0, 1)).movedim(-1, 1).reshape(blocks, 2 * step, -1)
        return (self.back.expand(blocks, -1, -1) @ parts).flatten(0, 1)[:count]
