"""Models that write down what they hear: an encoder hears sounds, a decoder writes about them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.cross_attention import Memory, Watched
from nbpipes.layers.packing import Layout
from nbpipes.models.family import HeadSpec, Model
from nbpipes.models.outputs import Encoded, TokenLogits
from nbpipes.models.seq2seq import Draft, TextDecoder, WrittenWords

EVEN = 16
"""Texts that are watched are filled up to a multiple of this: oneDNN keeps what it compiled for every length."""


class SpeechTrunk(nn.Module):
    """An encoder of sounds, which gives packed states and their layout, and a decoder. limit: tokens of a text."""

    def __init__(self, encoder: nn.Module, decoder: TextDecoder, limit: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.limit = encoder, decoder, limit

    def hear(self, sounds: Tensor, lengths: Sequence[int] | None = None) -> Memory:
        """sounds: what the feature extractor makes of them, one in a row. lengths: how much of each row is sound."""
        return self.decoder.remember(*self.encoder(sounds, lengths))

    def forward(self, memory: Memory, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Encoded:
        """What the decoder makes of whole texts of equal length, one about each sound."""
        return Encoded(self.decoder.look(input_ids, layout, memory, keep))

    def begin(self, memory: Memory, prompt_ids: Tensor, prompts: Layout, room: int) -> tuple[Tensor, Draft]:
        """Begins texts about sounds, with prompts of equal length. Returns what follows from each, `(rows, width)`."""
        return self.decoder.draft(prompt_ids, prompts, memory, room)

    def step(self, tokens: Tensor, state: Draft) -> Tensor:
        """Reads `(rows, count)` more tokens. Returns `(rows, count, width)`."""
        return self.decoder.go_on(tokens, state)


class SpeechModel(Model):
    """A trunk that hears and writes, with its words."""

    trunk: SpeechTrunk

    def hear(self, sounds: Tensor, lengths: Sequence[int] | None = None) -> Memory:
        """What the model remembers of sounds while it writes about them; see `SpeechTrunk.hear`."""
        self.prepare()
        return self.trunk.hear(sounds.to(self.device, self.dtype), lengths)

    def forward(self, sounds: Tensor, input_ids: Tensor, lengths: Sequence[int] | None = None) -> TokenLogits:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The words that may follow each of `(rows, tokens)` ids, one row about each sound; packed."""
        memory = self.hear(sounds, lengths)
        layout = Layout.of([input_ids.shape[1]] * len(input_ids), input_ids.device)
        return self.head(self.trunk(memory, input_ids.flatten(), layout), layout)

    def words_at(self, memory: Memory, ids: Sequence[Sequence[int]], place: int) -> Tensor:
        """Logits of the word after the id at `place` of each text, `(rows, vocabulary)`; the texts have one length."""
        layout = Layout.of([len(row) for row in ids], self.device)
        flat = torch.tensor([token for row in ids for token in row], device=self.device)
        return self.head.words(self.trunk(memory, flat, layout, layout.starts + place).hidden)

    def watch(self, memory: Memory, ids: Sequence[int], heads: Sequence[tuple[int, int]]) -> Tensor:
        """What some heads of the decoder look at while it reads a text: `(heads, tokens, states of the sound)`.

        memory: of one sound. heads: number of the layer, and of the head in it.
        """
        source = Watched(memory, heads)
        filled = [*ids, *[ids[-1]] * min(-len(ids) % EVEN, self.trunk.limit - len(ids))]
        layout = Layout.of([len(filled)], self.device)
        self.trunk.decoder.look(torch.tensor(filled, device=self.device), layout, source, layout.ends)
        return torch.stack([source.seen[head] for head in heads])[:, : len(ids)]


def spoken_words(source: str) -> HeadSpec:
    """The next word, by a layer that shares the decoder's word embeddings. source: its stored name."""
    return HeadSpec(
        lambda c: WrittenWords(c.width, c.vocab_size), (rename(source, "out"),), {"out.weight": "decoder.tokens.weight"}
    )
