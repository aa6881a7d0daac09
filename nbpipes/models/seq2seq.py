"""Models that write about a text: an encoder reads it, a decoder writes and looks at what the encoder makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import Rule, rename
from nbpipes.layers.cache import Cache
from nbpipes.layers.cross_attention import About, Alongside, Memory, Uneven, Watched
from nbpipes.layers.decoder_attention import Prompts, Reading, Step
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout, ScoreBias
from nbpipes.layers.positions import bias_by_length, buckets, counted_positions, distances, spread
from nbpipes.models.decoding import CausalTrunk
from nbpipes.models.family import HeadSpec, Model
from nbpipes.models.heads import Head, HeadModule, NextWords
from nbpipes.models.outputs import Encoded, Logits


class Distances(nn.Module):
    """A table of what to add to scores for the distance of a key from its query, as T5 does.

    ahead: whether queries see keys after them, which then have half of the table.
    """

    def __init__(self, count: int, heads: int, reach: int, *, ahead: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(count, heads)
        self.count, self.reach, self.ahead = (count if ahead else 2 * count), reach, ahead

    def forward(self, apart: Tensor) -> Tensor:
        """apart: `(…)` how far keys are from queries. Returns `(heads, …)`."""
        apart = apart if self.ahead else apart.clamp(max=0)
        return self.table(buckets(apart, self.count, self.reach)).movedim(-1, 0)

    def pairs(self, device: torch.device) -> ScoreBias:
        """The same for whole sequences; made once for each length."""
        return bias_by_length(lambda length: spread(self(distances(length, device)))[None])


class TextEncoder(nn.Module):
    """Reads packed texts. places: what to add for the place of each token. padding: the id from which on places are
    counted, None to count from 0. first: the norm before the blocks, last: the one after them."""

    def __init__(
        self,
        tokens: nn.Embedding,
        blocks: nn.Module,
        *,
        places: nn.Module | None = None,
        shift: int = 0,
        padding: int | None = None,
        scale: float = 1.0,
        first: nn.Module | None = None,
        last: nn.Module | None = None,
        bias: Distances | None = None,
    ) -> None:
        super().__init__()
        self.tokens, self.blocks, self.positions, self.bias = tokens, blocks, places, bias
        self.first_norm, self.norm = first, last
        self.shift, self.padding, self.scale = shift, padding, scale

    def forward(self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Tensor:
        """Returns `(tokens, width)`, or only the tokens to keep."""
        x = self.tokens(input_ids)
        x = x if self.scale == 1.0 else x * self.scale
        if self.positions is not None:
            places = layout.positions + self.shift
            if self.padding is not None:
                places = counted_positions(input_ids, layout, self.padding)
            x = x + self.positions(places).to(x.dtype)
        x = x if self.first_norm is None else self.first_norm(x)
        bias = None if self.bias is None else self.bias.pairs(x.device)
        x = self.blocks(x, layout, keep=keep, bias=bias)
        return x if self.norm is None else self.norm(x)


@dataclass(slots=True)
class Draft:
    """What is remembered of texts that are being written: their own past, and their sources."""

    past: Cache
    memory: Memory

    def select(self, rows: Tensor) -> None:
        """Keeps the rows with these numbers, in this order; a row may be kept more than once."""
        self.past.select(rows)
        self.memory.select(rows)

    def rewind(self, count: int) -> None:
        """Forgets the last `count` tokens of every row."""
        self.past.rewind(count)


class TextDecoder(CausalTrunk):
    """Writes about sources; its blocks look at them besides the text so far."""

    early_norm = False
    """Whether the norm of the embeddings stands before the places are added."""

    def replace(self, *, tokens: nn.Embedding | None = None, places: nn.Module | None = None) -> None:
        """Takes embeddings that it shares with others, or places that are no table."""
        self.tokens = self.tokens if tokens is None else tokens
        self.positions = self.positions if places is None else places

    def _embed(self, input_ids: Tensor, reading: Reading) -> Tensor:
        x = self.tokens(input_ids)
        x = x if self.scale == 1.0 else x * self.scale
        if self.early_norm and self.first_norm is not None:
            x = self.first_norm(x)
        if self.positions is not None:
            x = x + self.positions(reading.positions + self.shift).to(x.dtype)
        return x if self.first_norm is None or self.early_norm else self.first_norm(x)

    def read(self, input_ids: Tensor, states: Tensor, layout: Layout, keep: Tensor | None) -> Tensor:
        """Reads texts that lie in the same layout as their sources. Returns `(tokens or kept, width)`."""
        return self._read(input_ids, About(Prompts(layout), Alongside(states, layout)), keep)

    def remember(self, states: Tensor, layout: Layout) -> Memory:
        """Keys and values of sources, of all layers. states: of the encoder, packed by `layout`."""
        memory = Memory(states, layout, len(self.blocks))
        for i, block in enumerate(self.blocks):
            cross: Any = block.cross
            memory.both(i, cross.keys_and_values)
        return memory

    def look(self, input_ids: Tensor, layout: Layout, source: Memory | Watched, keep: Tensor | None = None) -> Tensor:
        """Reads whole texts of equal length about sources that are remembered. Returns `(tokens or kept, width)`."""
        return self._read(input_ids, About(Prompts(layout), source), keep)

    def open(
        self, prompt_ids: Tensor, prompts: Layout, states: Tensor, layout: Layout, room: int
    ) -> tuple[Tensor, Draft]:
        """Begins a text about each source, with a prompt each. states: of the sources, packed by `layout`.

        Returns what follows from the last token of each prompt, `(rows, width)`.
        """
        return self.draft(prompt_ids, prompts, Memory(states, layout, len(self.blocks)), room)

    def draft(self, prompt_ids: Tensor, prompts: Layout, memory: Memory, room: int) -> tuple[Tensor, Draft]:
        """The same about sources that are remembered."""
        draft = Draft(Cache(prompts.lengths, len(self.blocks), room), memory)
        alike = len(set(prompts.lengths)) == 1
        reading = About(Prompts(prompts, draft.past), memory if alike else Uneven(memory, prompts))
        return self._read(prompt_ids, reading, None)[prompts.ends], draft

    def go_on(self, tokens: Tensor, draft: Draft) -> Tensor:
        """Reads `(rows, count)` more tokens. Returns `(rows, count, width)`."""
        rows, count = tokens.shape
        reading = About(Step(draft.past, count, tokens.device), draft.memory)
        hidden = self._read(tokens.flatten(), reading, None)
        draft.past.advance(count)
        return hidden.unflatten(0, (rows, count))


class EncoderDecoder(nn.Module):
    """An encoder and a decoder; without a decoder it gives what the encoder makes of a text.

    start: the id that the decoder's texts begin with, None = the last one of the source. end: the id that ends a text.
    limit: tokens that a source may have.
    """

    def __init__(
        self, encoder: TextEncoder, decoder: TextDecoder, *, start: int | None, end: int | None, limit: int | None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder: TextDecoder | None = decoder
        self.start, self.end, self.limit = start, end, limit

    def forward(self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Encoded:
        """With a decoder: what it makes of the source itself, token by token. The last token of a text gives way to the
        end of its text where that stands before it (a language may follow)."""
        if self.decoder is None:
            return Encoded(self.encoder(input_ids, layout, keep))
        states = self.encoder(input_ids, layout)
        if keep is not None and keep is not layout.rows and self.end is not None:
            places = torch.arange(len(input_ids), device=input_ids.device)
            ends = places.where(input_ids == self.end, -1).cummax(0).values[keep]
            keep = ends.where(ends > keep - layout.positions[keep], keep)
        return Encoded(self.decoder.read(self._shifted(input_ids, layout), states, layout, keep))

    def begin(
        self, input_ids: Tensor, layout: Layout, prompt_ids: Tensor, prompts: Layout, room: int
    ) -> tuple[Tensor, Draft]:
        """Reads packed sources and begins texts about them; see `TextDecoder.open`."""
        if self.decoder is None:
            raise RuntimeError("this model was built to read only")
        return self.decoder.open(prompt_ids, prompts, self.encoder(input_ids, layout), layout, room)

    def step(self, tokens: Tensor, state: Draft) -> Tensor:
        """Reads `(rows, count)` more tokens. Returns `(rows, count, width)`."""
        if self.decoder is None:
            raise RuntimeError("this model was built to read only")
        return self.decoder.go_on(tokens, state)

    def _shifted(self, input_ids: Tensor, layout: Layout) -> Tensor:
        shifted = input_ids.roll(1)
        shifted[layout.starts] = input_ids[layout.ends] if self.start is None else self.start
        return shifted


class EncoderFirst(Model):
    """A model whose bare trunk is its encoder: its decoder cannot do without a text of its own. Classes of tokens come
    from the encoder too."""

    def __init__(self, config: Any, kind: Head, trunk: nn.Module, head: HeadModule) -> None:
        if kind in (Head.BASE, Head.TOKENS):
            trunk.register_module("decoder", None)
        super().__init__(config, kind, trunk, head)


class Shift(nn.Module):
    """What is added to the logits of each word."""

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.empty(vocab))


class WrittenWords(NextWords):
    """The next words of a text about another one. scale: of the states; a shift of the logits may be stored too."""

    def __init__(self, width: int, vocab: int, *, scale: float = 1.0, shifted: bool = False) -> None:
        super().__init__(width, vocab)
        self.scale = scale
        self.shift = Shift(vocab) if shifted else None

    def words(self, hidden: Tensor) -> Tensor:
        logits = super().words(hidden if self.scale == 1.0 else hidden * self.scale)
        return logits if self.shift is None else logits + self.shift.bias


class EndClassifier(HeadModule):
    """Classes of a sequence from what the decoder makes of its end."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.dense, self.out = Linear(width, width), Linear(width, labels)

    def keep(self, layout: Layout) -> Tensor | None:
        return layout.ends

    def forward(self, encoded: Encoded, layout: Layout) -> Logits:
        return Logits(self.out(self.dense(encoded.hidden, "tanh")))


def written_words(
    *, scale: Callable[[Any], float] = lambda c: 1.0, tied: str = "decoder.tokens.weight", shifted: bool = True
) -> HeadSpec:
    """The next word. scale: of the states, by the config. shifted: checkpoints may hold a shift of the logits."""
    rules = (
        rename("lm_head", "out"),
        Rule("final_logits_bias", ("shift.bias",), lambda tensor: (tensor.flatten(),)),
    )
    return HeadSpec(
        lambda c: WrittenWords(c.d_model, c.written_vocabulary, scale=scale(c), shifted=shifted),
        rules,
        {"out.weight": tied},
        ("shift",) if shifted else (),
    )


END_CLASSES = HeadSpec(
    lambda c: EndClassifier(c.d_model, len(c.labels)),
    (rename("classification_head.dense", "dense"), rename("classification_head.out_proj", "out")),
)
"""Classes of a text, from its end."""
