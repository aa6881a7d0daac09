"""What transcribing needs of a model: it hears sounds, and writes about what it remembers of them."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from nbpipes.models.decoding import ModelDecoder, packed


class Memory(Protocol):
    """What a model remembers of sounds."""

    def pick(self, sources: Sequence[int]) -> "Memory":
        """The same of some of the sounds, for texts of their own."""
        ...


class Listener(ModelDecoder):
    """The decoder that a loaded speech model is, with its ears."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.speech = model

    def hear(self, sounds: Tensor, lengths: Sequence[int] | None = None) -> Memory:
        """sounds: spectrograms, `(batch, mels, frames)`, or samples, `(batch, samples)`. lengths: of the samples."""
        return self.speech.hear(sounds, lengths)

    def about(self, memory: Memory, prompts: Sequence[Sequence[int]]) -> dict[str, Any]:
        """What texts about the sounds begin with; the prompts are of equal length."""
        begun = packed(prompts, self.device)
        return {"memory": memory, "prompt_ids": begun["input_ids"], "prompts": begun["layout"]}

    def words_at(self, memory: Memory, prompts: Sequence[Sequence[int]], place: int) -> Tensor:
        """Logits of the word after the id at `place` of each text, `(rows, vocabulary)`; the texts have one length."""
        return self.speech.words_at(memory, prompts, place).float()

    def watch(self, memory: Memory, ids: Sequence[int], heads: Sequence[tuple[int, int]]) -> Tensor:
        """What heads of the decoder look at while it reads a text about a single sound: `(heads, tokens, states)`."""
        return self.speech.watch(memory, ids, heads).float()
