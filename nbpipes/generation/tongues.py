"""Two vocabularies: what one model writes, in the ids of another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a model's texts become ids, and ids texts, special tokens included."""

    read: Callable[[str], list[int]]
    say: Callable[[Sequence[int]], str]


@dataclass(frozen=True, slots=True)
class Tongues:
    """Those of a model and of its assistant."""

    own: Tongue
    helper: Tongue

    def to_helper(self, ids: Sequence[int]) -> list[int]:
        """The model's ids as the assistant's."""
        return self.helper.read(self.own.say(ids))

    def to_own(self, ids: Sequence[int], read: Sequence[int], written: Sequence[int]) -> list[int]:
        """What the assistant wrote, as ids of the model that go on from its own.

        ids: the model's. read: the same for the assistant. written: the assistant's ids after these.
        """
        new = self.helper.say([*read, *written])[len(self.helper.say(read)) :]
        whole = self.own.read(self.own.say(ids) + new)
        # Where words are cut anew across the seam, a guess cut by itself is as good as any: the model judges it.
        return whole[len(ids) :] if whole[: len(ids)] == list(ids) else self.own.read(new)
