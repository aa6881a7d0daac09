"""Chunks, the pieces that an item is computed in, and how several of them become one batch."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import torch

from nbpipes.errors import InputError
from nbpipes.layers.packing import Layout


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of an item, ready for the model.

    inputs: values by the model's input names, without a batch dimension. note: what postprocess needs to know.
    size: its cost (tokens, pixels, frames), by which batches are filled. rows: tokens whose output is needed, None =
    all. group: only chunks with an equal value go into one batch (images of one shape, say).
    """

    inputs: Mapping[str, Any]
    note: Any = None
    size: int = 1
    rows: tuple[int, ...] | None = None
    group: Hashable = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What the model takes, and how many rows of a per-token output belong to each chunk."""

    inputs: dict[str, Any]
    counts: tuple[int, ...]


FREE, FINE, COARSE = 64, 16, 64
"""Totals of tokens up to FREE are left as they are, up to 8 * FREE made multiples of FINE, beyond of COARSE."""


def even(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Adds texts that nobody reads, so that batches have one of about a hundred totals of tokens.

    oneDNN keeps what it has compiled for every number of rows that a layer has seen, 0.6 MB and more, and these pieces
    scatter the heap between the activations: over many batches of natural lengths a small model grew by 900 MB. The
    filling costs about 2 % of a full batch. It is no longer than the longest text, so every model can read it.
    """
    lengths = [len(chunk.inputs["input_ids"]) for chunk in chunks]
    total, longest = sum(lengths), max(lengths, default=0)
    missing = 0 if total <= FREE else -total % (FINE if total <= 8 * FREE else COARSE)
    rows = () if any(chunk.rows is not None for chunk in chunks) else None
    filled = list(chunks)
    while missing:
        size = min(missing, longest)
        inputs = {name: [values[0]] * size for name, values in chunks[0].inputs.items()}
        filled.append(Chunk(inputs, size=size, rows=rows))
        missing -= size
    return filled


def pack(chunks: Sequence[Chunk], device: torch.device, known: tuple[int, int] | None = None) -> Batch:
    """Lays texts one after the other, without padding; sorted by length they need the fewest attention calls.

    known: how many ids the model knows, and how many there are; None where it knows all. InputError for another one.
    """
    if known is not None:
        _check_ids(chunks, *known)
    lengths = [len(chunk.inputs["input_ids"]) for chunk in chunks]
    rows, counts = None, lengths
    if any(chunk.rows is not None for chunk in chunks):
        starts = accumulate(lengths, initial=0)
        wanted = [
            range(length) if chunk.rows is None else chunk.rows for chunk, length in zip(chunks, lengths, strict=True)
        ]
        rows = [start + row for start, own in zip(starts, wanted, strict=False) for row in own]
        counts = [len(own) for own in wanted]
    inputs: dict[str, Any] = {
        name: torch.tensor(list(chain.from_iterable(chunk.inputs[name] for chunk in chunks)), device=device)
        for name in chunks[0].inputs
    }
    inputs["layout"] = Layout.of(lengths, device, rows)
    return Batch(inputs, tuple(counts))


def _check_ids(chunks: Sequence[Chunk], known: int, there: int) -> None:
    largest = max(max(chunk.inputs["input_ids"], default=0) for chunk in chunks)
    if largest >= known:
        raise InputError(
            f"a token of the text has the id {largest:,}, which the model does not know: it has {known:,} ids, its "
            f"tokenizer {there:,}. Pass the tokenizer= that the model was trained with"
        )
