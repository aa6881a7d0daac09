"""Decoders: what generation needs of a model, and the trunk of those that read their own output only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.cache import Cache
from nbpipes.layers.decoder_attention import Prompts, Reading, Step
from nbpipes.layers.packing import Layout
from nbpipes.layers.rope import Rope, Turn
from nbpipes.models.family import HeadSpec, Model
from nbpipes.models.heads import Head, LastTokenClassifier, NextWords
from nbpipes.models.outputs import Encoded


class State(Protocol):
    """What a decoder remembers of several rows of text that grow together."""

    def select(self, rows: Tensor) -> None:
        """Keeps the rows with these numbers, in this order; a row may be kept more than once."""
        ...

    def rewind(self, count: int) -> None:
        """Forgets the last `count` tokens of every row."""
        ...


class Decoder(Protocol):
    """What can write: every causal model, and every model that writes about something it has read, seen or heard."""

    device: torch.device
    limit: int | None
    """The most tokens that a text may have, None where any number will do."""

    def begin(self, inputs: Mapping[str, Any], room: int) -> tuple[Tensor, State]:
        """Reads what a batch brings. room: how many tokens will probably be written.

        Returns the logits of the next token, `(rows, vocabulary)`, and the state after the prompts.
        """
        ...

    def step(self, tokens: Tensor, state: State) -> Tensor:
        """Goes on with the next tokens of each row, `(rows, count)`, and moves the state on.

        Returns the logits after each of them, `(rows, count, vocabulary)`.
        """
        ...


def packed(prompts: Sequence[Sequence[int]], device: torch.device) -> dict[str, Any]:
    """Prompts as a causal decoder begins with them."""
    ids = torch.tensor([token for prompt in prompts for token in prompt], device=device)
    return {"input_ids": ids, "layout": Layout.of([len(prompt) for prompt in prompts], device)}


class ModelDecoder:
    """The decoder that a loaded model is: its trunk reads and remembers, its head names the next words."""

    def __init__(self, model: Model) -> None:
        self.model, self.device, self.limit = model, model.device, model.limit
        self.trunk: Any = model.trunk
        self.head: Any = model.head

    def begin(self, inputs: Mapping[str, Any], room: int) -> tuple[Tensor, State]:
        self.model.prepare()
        last, state = self.trunk.begin(**inputs, room=room)
        return self.head.words(last), state

    def step(self, tokens: Tensor, state: State) -> Tensor:
        return self.head.words(self.trunk.step(tokens, state))


class Retold(Cache):
    """The past of texts that are read anew when they grow longer than `bound` tokens, as all of them turn otherwise
    then. ids: of each row. long: whether a row was read as a text that is longer."""

    def __init__(self, ids: Sequence[list[int]], bound: int, layers: int, room: int) -> None:
        super().__init__([len(row) for row in ids], layers, room)
        self.ids, self.bound = list(ids), bound
        self.long = [len(row) > bound for row in ids]

    def select(self, rows: Tensor) -> None:
        super().select(rows)
        chosen = rows.tolist()
        self.ids, self.long = [self.ids[row] for row in chosen], [self.long[row] for row in chosen]

    def rewind(self, count: int) -> None:
        super().rewind(count)
        self.ids = [row[: len(row) - count] for row in self.ids]

    def grow(self, tokens: Tensor) -> list[int]:
        """Notes `(rows, count)` more tokens. Returns the rows whose past has to be read anew before them."""
        before = self.ids
        self.ids = [[*row, *new] for row, new in zip(before, tokens.tolist(), strict=True)]
        long = [len(row) > self.bound for row in self.ids]
        changed = [i for i, (now, was) in enumerate(zip(long, self.long, strict=True)) if now != was]
        self.long = long
        return changed


@dataclass(frozen=True)
class Embedding:
    """How words and places become vectors. positions: 0 for none; shift: added to each place. scale: of the words.

    inner: width of the places, where it is not that of the words.
    """

    vocab: int
    width: int
    positions: int = 0
    shift: int = 0
    inner: int | None = None
    scale: float = 1.0
    norm: nn.Module | None = None


class CausalTrunk(nn.Module):
    """A stack of blocks over embeddings, in which every token sees those before it.

    ropes: by name, how tokens turn. kinds: for each block, the name of its rope, "" for none.
    project: layers between the embeddings and the blocks, and after them.
    """

    def __init__(
        self,
        blocks: Iterable[nn.Module],
        norm: nn.Module | None,
        embedding: Embedding,
        *,
        ropes: Mapping[str, Rope] | None = None,
        kinds: Sequence[str] = (),
        project: tuple[nn.Module, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(embedding.vocab, embedding.width)
        self.positions = None
        if embedding.positions:
            inner = embedding.inner or embedding.width
            self.positions = nn.Embedding(embedding.positions + embedding.shift, inner)
        self.first_norm, self.norm = embedding.norm, norm
        self.shift, self.scale = embedding.shift, embedding.scale
        self.blocks = nn.ModuleList(blocks)
        if not len(self.blocks):
            raise ValueError("a model needs at least one layer")
        self.project_in, self.project_out = project or (None, None)
        self.ropes = dict(ropes or {})
        self.kinds = list(kinds) or [next(iter(self.ropes), "")] * len(self.blocks)
        self.limit = embedding.positions or None
        self.bound = min((rope.original for rope in self.ropes.values() if rope.turns_anew), default=None)

    def forward(self, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Encoded:
        return Encoded(self._read(input_ids, Prompts(layout), keep))

    def begin(self, input_ids: Tensor, layout: Layout, room: int) -> tuple[Tensor, Cache]:
        """Reads packed texts. Returns what follows from the last token of each, `(rows, width)`, and their cache."""
        cache = Cache(layout.lengths, len(self.blocks), room)
        if self.bound is not None:
            texts = [part.tolist() for part in input_ids.split(list(layout.lengths))]
            cache = Retold(texts, self.bound, len(self.blocks), room)
        return self._read(input_ids, Prompts(layout, cache), layout.ends), cache

    def step(self, tokens: Tensor, state: Cache) -> Tensor:
        """Reads `(rows, count)` more tokens. Returns `(rows, count, width)`."""
        rows, count = tokens.shape
        if isinstance(state, Retold):
            for row in state.grow(tokens):
                self._read_anew(row, state, count)
        hidden = self._read(tokens.flatten(), Step(state, count, tokens.device), None)
        state.advance(count)
        return hidden.unflatten(0, (rows, count))

    def _read_anew(self, row: int, state: Retold, count: int) -> None:
        """Reads all tokens of a row but the last ones again, so many, as part of a text that has these too."""
        ids = torch.tensor(state.ids[row][:-count], device=self.tokens.weight.device)
        layout = Layout.of([len(ids)], ids.device)
        past = Cache(layout.lengths, len(self.blocks))
        self._read(ids, Prompts(layout, past, count), layout.ends)
        state.replace(row, past)

    def _read(self, input_ids: Tensor, reading: Reading, keep: Tensor | None) -> Tensor:
        x = self._embed(input_ids, reading)
        turns: dict[str, Turn | None] = {
            name: rope.turn(reading.positions, reading.lengths) for name, rope in self.ropes.items()
        }
        last = len(self.blocks) - 1
        for i, (block, kind) in enumerate(zip(self.blocks, self.kinds, strict=True)):
            x = block(x, reading, i, turn=turns.get(kind), keep=keep if i == last else None)
        x = x if self.norm is None else self.norm(x)
        return x if self.project_out is None else self.project_out(x)

    def _embed(self, input_ids: Tensor, reading: Reading) -> Tensor:
        x = self.tokens(input_ids)
        if self.scale != 1.0:
            x = x * torch.tensor(self.scale, dtype=x.dtype, device=x.device)
        if self.project_in is not None:
            x = self.project_in(x)
        if self.positions is not None:
            x = x + self.positions(reading.positions + self.shift)
        return x if self.first_norm is None else self.first_norm(x)


def last_width(c: Any) -> int:
    """The width of what a trunk gives."""
    return getattr(c, "word_embed_proj_dim", None) or c.hidden_size


def next_words(*, source: str = "lm_head", bias: bool = False) -> HeadSpec:
    """The next word, by a layer that shares the word embeddings where the config ties them."""

    def build(c: Any) -> NextWords:
        return NextWords(last_width(c), c.vocab_size, bias=bias, cap=getattr(c, "final_logit_softcapping", None))

    return HeadSpec(build, (rename(source, "out"),), {"out.weight": "tokens.weight"})


LAST_TOKEN = HeadSpec(lambda c: LastTokenClassifier(last_width(c), len(c.labels)), (rename("score", "out"),))
"""Classes of a text, from its last token."""
HEADS = {Head.CAUSAL: next_words(), Head.SEQUENCE: LAST_TOKEN}
"""The heads that most decoders have."""
