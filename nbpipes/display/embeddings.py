"""Embeddings (feature-extraction): shape, norm and first values; several texts by their similarities."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbpipes.display import kit, plain

TEXTS = 12  # texts compared with each other
FIRST = 6  # values shown of a vector
ZERO, NEAR, FAR = "#F7F9FC", "#77AADD", "#EE8866"  # of a cosine of 0, 1 and -1


class Features(NamedTuple):
    """The shape of an item's features, and one vector for all: the mean over its tokens."""

    shape: tuple[int, ...]
    vector: NDArray[np.float64]


def draw(value: Any, source: Any, room: int) -> str:
    """Return the text, and what its features are like."""
    features = features_of(value)
    if features is None:
        return plain.draw(value, source, room)
    quoted = kit.quote(source, min(room // 2, 3_000))
    tokens = int(np.prod(features.shape[:-1]))
    vector = features.vector
    first = ", ".join(f"{entry:.4f}" for entry in vector[:FIRST]) + (", …" if len(vector) > FIRST else "")
    facts = (
        ("shape", " × ".join(map(str, features.shape))),
        ("vector" if tokens == 1 else f"mean of {tokens:,} tokens", f"[{first}]"),
        ("norm", f"{np.linalg.norm(vector):.4f}"),
    )
    rows = (kit.cell(name, f"{kit.CELL};{kit.MUTED}") + kit.cell(text) for name, text in facts)
    return quoted + kit.table("", rows, len(facts), room - kit.size(quoted))


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table of the cosine similarities of the first texts with each other."""
    found = [features for value in values[:TEXTS] if (features := features_of(value))]
    if len(found) < min(len(values), TEXTS) or len({len(features.vector) for features in found}) != 1:
        return kit.blocks(draw, values, sources, room)
    vectors = np.stack([features.vector for features in found])
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms == 0, 1, norms)
    names = [kit.text_of(source) or f"item {index}" for index, source in enumerate(sources[:TEXTS])]

    def rows() -> Iterator[str]:
        for index, cosines in enumerate((unit @ unit.T).tolist()):
            yield _row_head(index, names[index]) + "".join(map(_cosine, cosines))

    pooled = ", mean over tokens" if any(np.prod(features.shape[:-1]) > 1 for features in found) else ""
    what = f"cosine similarity of {len(values):,} vectors of {vectors.shape[1]:,} numbers{pooled}"
    note = f'<div style="{kit.MUTED}">{what}</div>'
    head = kit.heads("", "") + "".join(_column_head(index, name) for index, name in enumerate(names))
    return note + kit.table(head, rows(), len(values), room - kit.size(note))


def features_of(value: Any) -> Features | None:
    """The features as numbers; None for what is not a full array of finite numbers."""
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError, RuntimeError):  # ragged, no numbers, or a tensor that keeps its gradient
        return None
    if array.ndim == 0 or array.size == 0 or not np.isfinite(array).all():
        return None
    return Features(array.shape, array.reshape(-1, array.shape[-1]).mean(axis=0, dtype=np.float64))


def _row_head(index: int, name: str) -> str:
    style = f"{kit.CELL};font-weight:normal;min-width:8em;overflow-wrap:anywhere"
    return kit.cell(str(index), f"{kit.NUMBER};{kit.MUTED}") + kit.cell(
        f'<span dir="auto">{kit.escape(name, 120)}</span>', style, "th"
    )


def _column_head(index: int, name: str) -> str:
    style = f"{kit.HEAT};{kit.MUTED};color:inherit;font-weight:normal;white-space:normal;vertical-align:bottom"
    return kit.cell(f'{index} <span dir="auto">{kit.escape(name, 32)}</span>', style, "th")


def _cosine(cosine: float) -> str:
    # A cosine of a vector with itself comes out a rounding error beside 1.
    cosine = round(cosine, 6)
    return kit.heat(cosine, ZERO, NEAR if cosine >= 0 else FAR, min(abs(cosine), 1.0))
