"""How the next token is drawn: which ones are left to draw from, and the drawing itself."""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nbpipes.generation.settings import Settings

Warper = Callable[[Tensor], Tensor]
NEVER = -torch.inf


def top_k(scores: Tensor, count: int) -> Tensor:
    """Leaves the best `count`, and what ties with the last of them."""
    least = scores.topk(min(count, scores.shape[-1])).values[..., -1:]
    return scores.masked_fill(scores < least, NEVER)


def top_p(scores: Tensor, mass: float, least: int) -> Tensor:
    """Leaves the fewest that have at least `mass` of the probability, and `least` at least."""
    ascending, order = scores.sort(descending=False)
    removed = ascending.softmax(-1).cumsum(-1) <= 1 - mass
    removed[..., -least:] = False
    return scores.masked_fill(removed.scatter(1, order, removed), NEVER)


def min_p(scores: Tensor, share: float, least: int) -> Tensor:
    """Leaves those that have at least this share of the probability of the best."""
    chances = scores.softmax(-1)
    removed = chances < share * chances.amax(-1, keepdim=True)
    return scores.masked_fill(removed & ~_best(scores, least), NEVER)


def typical_p(scores: Tensor, mass: float, least: int) -> Tensor:
    """Leaves those whose surprise is the nearest to the expected one (https://arxiv.org/abs/2202.00666)."""
    logs = scores.log_softmax(-1)
    expected = -(logs * logs.exp()).nansum(-1, keepdim=True)
    distance, order = (-logs - expected).abs().sort()
    masses = scores.gather(-1, order).softmax(-1).cumsum(-1)
    last = (masses < mass).sum(1).clamp(max=scores.shape[-1] - 1)
    removed = distance > distance.gather(1, last[:, None])
    removed[..., :least] = False
    return scores.masked_fill(removed.scatter(1, order, removed), NEVER)


def epsilon_cutoff(scores: Tensor, chance: float, least: int) -> Tensor:
    """Leaves those with at least this probability."""
    removed = scores.softmax(-1) < chance
    return scores.masked_fill(removed & (scores < _nth(scores, least)), NEVER)


def eta_cutoff(scores: Tensor, chance: float, least: int) -> Tensor:
    """The same with a bound that sinks where many are likely (https://arxiv.org/abs/2210.15191)."""
    logs = scores.log_softmax(-1)
    entropy = -(logs.clamp(min=torch.finfo(logs.dtype).min) * logs.exp()).sum(-1, keepdim=True)
    bound = (chance**0.5 * (-entropy).exp()).clamp(max=chance)
    removed = scores.softmax(-1) < bound
    return scores.masked_fill(removed & (scores < _nth(scores, least)), NEVER)


def _nth(scores: Tensor, count: int) -> Tensor:
    return scores.topk(min(count, scores.shape[-1])).values[..., -1:]


def _best(scores: Tensor, count: int) -> Tensor:
    """Flags the best `count`."""
    best = scores.topk(min(count, scores.shape[-1])).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter(1, best, True)


def warpers(settings: Settings) -> list[Warper]:
    """What narrows the choice before drawing, in the order of transformers. Beams leave one more token than ends."""
    s = settings
    least = 1 if s.num_beams == 1 else (len(s.ends) + 1 if s.ends else 2)
    found: list[Warper] = []
    if s.temperature != 1.0:
        found.append(lambda scores: scores / s.temperature)
    if s.top_k:
        found.append(lambda scores: top_k(scores, max(s.top_k, least)))
    if s.top_p < 1.0:
        found.append(lambda scores: top_p(scores, s.top_p, least))
    if s.min_p is not None:
        found.append(lambda scores: min_p(scores, s.min_p or 0.0, least))
    if s.typical_p < 1.0:
        found.append(lambda scores: typical_p(scores, s.typical_p, least))
    if 0.0 < s.epsilon_cutoff < 1.0:
        found.append(lambda scores: epsilon_cutoff(scores, s.epsilon_cutoff, least))
    if 0.0 < s.eta_cutoff < 1.0:
        found.append(lambda scores: eta_cutoff(scores, s.eta_cutoff, least))
    return found


class Dice:
    """Draws for one text. With a seed the draws depend on seed, prompt and `place` alone, never on the batch.

    Without one they come from torch's own generator, so `torch.manual_seed` rules them.
    """

    def __init__(self, seed: int | None, prompt: Sequence[int], place: int = 0) -> None:
        self.own: torch.Generator | None = None
        if seed is not None:
            text = f"{seed} {place} {' '.join(map(str, prompt))}".encode()
            number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
            self.own = torch.Generator().manual_seed(number)

    def fraction(self) -> float:
        """A number from 0 up to 1."""
        return float(torch.rand((), generator=self.own))

    def several(self, chances: Tensor, count: int) -> Tensor:
        """`count` different numbers by their chances, `(choices,)`, in the order of drawing."""
        if self.own is None:
            return torch.multinomial(chances, count)
        return torch.multinomial(chances.cpu(), count, generator=self.own).to(chances.device)


def draw(scores: Tensor, dice: Sequence[Dice]) -> Tensor:
    """One token for each row of `(rows, vocabulary)` scores, by its own dice."""
    chances = scores.softmax(-1)
    if dice[0].own is None:
        return torch.multinomial(chances, 1)[:, 0]
    heights = chances.double().cumsum(-1)
    marks = heights.new_tensor([one.fraction() for one in dice])[:, None] * heights[:, -1:]
    found = torch.searchsorted(heights, marks, right=True)[:, 0]
    # A mark that rounding has put above all: the last token that can be drawn.
    last = scores.shape[-1] - 1 - chances.flip(-1).gt(0).int().argmax(-1)
    return torch.minimum(found, last)
