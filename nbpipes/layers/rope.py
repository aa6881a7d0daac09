"""Rotary positions (https://arxiv.org/abs/2104.09864), and the ways in which they are stretched for longer texts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from nbpipes.layers.attention import Rotate

KINDS = ("default", "linear", "dynamic", "llama3", "yarn", "longrope")
OLD_NAMES = {"su": "longrope", "ntk": "dynamic"}


def rotation(positions: Tensor, width: int, base: float, dtype: torch.dtype) -> Rotate:
    """Turns `(tokens, heads, width)` by `positions`, `(tokens,)`; pairs are one value of each half of the width.

    base: the higher, the slower the slowest pairs turn. Angles are computed in float32, whatever the dtype.
    """
    angles = positions.float()[:, None, None] * _speeds(width, base).to(positions.device)
    angles = torch.cat((angles, angles), -1)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    return lambda x: _turned(x, cos, sin)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


@lru_cache
def _speeds(width: int, base: float) -> Tensor:
    """How far each pair turns from one position to the next, `(width / 2,)`."""
    return 1.0 / base ** (torch.arange(0, width, 2, device="cpu").float() / width)


@dataclass(frozen=True)
class Turn:
    """The turns of the tokens of one pass. unit: `(tokens, 1, pairs)` complex."""

    unit: Tensor

    def halves(self, x: Tensor) -> Tensor:
        """Turns the first values of each head of `(tokens, heads, width)`; a pair is one value of each half of them."""
        size = 2 * self.unit.shape[-1]
        angles = torch.cat((self.unit, self.unit), -1)
        turned = _turned(x[..., :size].float(), angles.real, angles.imag).to(x.dtype)
        return turned if size == x.shape[-1] else torch.cat((turned, x[..., size:]), -1)

    def pairs(self, x: Tensor) -> None:
        """The same in place, for values that lie pair by pair."""
        size = 2 * self.unit.shape[-1]
        tokens, heads, width = x.shape
        pairs = (x if size == width else x[..., :size]).view(tokens, heads, -1, 2)
        if x.dtype == torch.float32:
            torch.view_as_complex(pairs).mul_(self.unit)
        else:
            pairs.copy_(torch.view_as_real(torch.view_as_complex(pairs.float()).mul_(self.unit)))


def paired(heads: int, width: int, turned: int) -> Tensor:
    """The order of output rows that brings the two values of each pair together, `(heads * width,)`.

    width: values of a head. turned: how many of them, from the first on, are turned.
    """
    rows = torch.arange(width, device="cpu")
    rows[:turned] = rows[:turned].view(2, -1).t().flatten()
    return (torch.arange(heads, device="cpu")[:, None] * width + rows).flatten()


class Rope:
    """The speeds of one kind of layer.

    width: values of each head that turn. scaling: `rope_scaling` of the config. limit: its max_position_embeddings.
    original: the longest text of the training before it was stretched, where the config has it outside the scaling.
    ValueError for an unknown kind of scaling, or one that lacks a number.
    """

    def __init__(
        self,
        width: int,
        base: float,
        *,
        scaling: Mapping[str, Any] | None = None,
        limit: int = 2048,
        original: int | None = None,
    ) -> None:
        self.width, self.base, self.limit = width, base, limit
        self.scaling = dict(scaling or {})
        kind = str(self.scaling.get("rope_type") or self.scaling.get("type") or "default")
        self.kind = OLD_NAMES.get(kind, kind)
        if self.kind not in KINDS:
            raise ValueError(f"rope_scaling of type {self.kind!r} is not supported; known: {', '.join(KINDS)}")
        self.original = original or self.scaling.get("original_max_position_embeddings") or limit
        self.factor = float(self.scaling.get("factor") or 1.0)
        if self.kind == "longrope" and original:
            self.factor = limit / original
        needed = {"linear": ("factor",), "dynamic": ("factor",), "llama3": LLAMA3, "longrope": LONGROPE}
        for name in needed.get(self.kind, ()):
            if name not in self.scaling:
                raise ValueError(f"rope_scaling of type {self.kind!r} needs {name!r}")

    def turn(self, positions: Tensor, lengths: Tensor) -> Turn:
        """The turns of tokens. positions: `(tokens,)`. lengths: `(tokens,)` how long the text of each is by now."""
        device = positions.device
        angles = positions.float()[:, None] * self._speeds(lengths).to(device)
        strength = torch.tensor(self.strength, device=device)
        return Turn(torch.polar(strength.expand(angles.shape), angles)[:, None])

    @property
    def turns_anew(self) -> bool:
        """Whether all tokens of a text turn otherwise as soon as it is longer than `original`."""
        return self.kind == "longrope"

    @property
    def strength(self) -> float:
        """By how much the turned values are enlarged."""
        given = self.scaling.get("attention_factor")
        if self.kind == "yarn" and given is None:
            part, whole = self.scaling.get("mscale"), self.scaling.get("mscale_all_dim")
            return _mscale(self.factor, part) / _mscale(self.factor, whole) if part and whole else _mscale(self.factor)
        if self.kind == "longrope" and given is None:
            return math.sqrt(1 + math.log(self.factor) / math.log(self.original)) if self.factor > 1 else 1.0
        return float(given) if given is not None and self.kind in ("yarn", "longrope") else 1.0

    def _speeds(self, lengths: Tensor) -> Tensor:
        if self.kind == "dynamic":
            over = (self.factor * lengths.clamp(min=self.limit) / self.limit) - (self.factor - 1)
            bases = self.base * over.double().cpu() ** (self.width / (self.width - 2))
            steps = torch.arange(0, self.width, 2, device="cpu").float() / self.width
            return 1.0 / (bases.float()[:, None] ** steps)
        if self.kind == "longrope":
            long = (lengths > self.original).cpu()[:, None]
            return torch.where(long, *(self._stretched(name) for name in reversed(LONGROPE)))
        return self._fixed()

    def _fixed(self) -> Tensor:
        speeds = _speeds(self.width, self.base)
        if self.kind == "linear":
            return speeds / self.factor
        if self.kind == "llama3":
            return self._llama3(speeds)
        return self._yarn(speeds) if self.kind == "yarn" else speeds

    def _stretched(self, name: str) -> Tensor:
        stretch = torch.tensor(self.scaling[name], dtype=torch.float32, device="cpu")
        if stretch.shape != (self.width // 2,):
            raise ValueError(f"{name} of rope_scaling has {stretch.numel()} numbers, not {self.width // 2}")
        steps = torch.arange(0, self.width, 2, device="cpu").float() / self.width
        return 1.0 / (stretch * self.base**steps)

    def _llama3(self, speeds: Tensor) -> Tensor:
        """Slow pairs are slowed down by the factor, fast ones left, those between blended."""
        low, high = (float(self.scaling[name]) for name in LLAMA3[:2])
        waves = 2 * math.pi / speeds
        slowed = torch.where(waves > self.original / low, speeds / self.factor, speeds)
        smooth = (self.original / waves - low) / (high - low)
        blended = (1 - smooth) * slowed / self.factor + smooth * slowed
        between = ~(waves < self.original / high) & ~(waves > self.original / low)
        return torch.where(between, blended, slowed)

    def _yarn(self, speeds: Tensor) -> Tensor:
        """As https://arxiv.org/abs/2309.00071: pairs that turn often in the original length keep their speed."""

        def dimension(turns: float) -> float:
            return self.width * math.log(self.original / (turns * 2 * math.pi)) / (2 * math.log(self.base))

        low = dimension(self.scaling.get("beta_fast") or 32)
        high = dimension(self.scaling.get("beta_slow") or 1)
        if self.scaling.get("truncate", True):
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, self.width - 1)
        high += 0.001 * (low == high)  # no division by zero
        ramp = ((torch.arange(self.width // 2, device="cpu").float() - low) / (high - low)).clamp(0, 1)
        return speeds / self.factor * ramp + speeds * (1 - ramp)


LLAMA3 = ("low_freq_factor", "high_freq_factor", "factor", "original_max_position_embeddings")
LONGROPE = ("short_factor", "long_factor")


def _mscale(factor: float, part: float = 1.0) -> float:
    return 1.0 if factor <= 1 else 0.1 * part * math.log(factor) + 1.0
