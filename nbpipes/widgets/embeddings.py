"""The view of embeddings of texts and images: one vector, or how near several items are to each other."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from traitlets import Unicode

from nbpipes.display import embeddings, kit
from nbpipes.display.pictures import name_of
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.pictures import thumbnail
from nbpipes.widgets.view import View, prose, text

TEXTS = 150  # compared with each other
VALUES = 400  # shown of one vector


class Embeddings(View):
    """Texts or images by similarity: a list, a map and a matrix of the same."""

    name: ClassVar[str] = "embeddings"
    slow: ClassVar[frozenset[str]] = frozenset({"thumbs"})
    _esm = Unicode(bundle("embeddings")).tag(sync=True)

    def __init__(self, result: Any, spec: Mapping[str, Any], meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(result, spec, meta)
        self.ops["thumbs"] = self._thumbs

    def _thumbs(self, args: Mapping[str, Any]) -> list[Any]:
        """Small copies of images."""
        return [thumbnail(self.result.sources[index]) for index in args["indices"][:TEXTS]]


def describe(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws of one item."""
    features = embeddings.features_of(value)
    if features is None:
        return {"about": "Features", **_nothing(), **prose(kit.text_of(source)), "note": "no finite numbers"}
    tokens = int(np.prod(features.shape[:-1]))
    vector = features.vector
    facts = [
        ("shape", " × ".join(map(str, features.shape))),
        ("vector", "its own" if tokens == 1 else f"mean of {tokens:,} tokens"),
        ("norm", f"{np.linalg.norm(vector):.4f}"),
    ]
    about = {"about": f"Features: {len(vector):,} numbers", "note": f"{len(vector):,} numbers", "facts": facts}
    return {**_nothing(), **about, **prose(kit.text_of(source)), "values": vector[:VALUES].round(5).tolist()}


def describe_image(value: Any, source: Any) -> dict[str, Any]:
    """What the front end draws of one image: its name, and a small copy of it."""
    return describe(value, name_of(source)) | {"picture": thumbnail(source)}


def describe_batch(values: Sequence[Any], sources: Sequence[Any], items: str = "texts") -> dict[str, Any] | None:
    """What the front end draws of several items; None if their vectors cannot be compared. items: what they are."""
    found = [embeddings.features_of(value) for value in values[:TEXTS]]
    if len(found) < 2 or any(features is None for features in found):
        return None
    vectors = [features.vector for features in found if features is not None]
    if len({len(vector) for vector in vectors}) != 1:
        return None
    stacked = np.stack(vectors)
    norms = np.linalg.norm(stacked, axis=1, keepdims=True)
    unit = stacked / np.where(norms == 0, 1, norms)
    upper = np.triu_indices(len(unit), 1)
    names = [kit.text_of(source) or f"item {index}" for index, source in enumerate(sources[:TEXTS])]
    if items == "images":
        names = [name_of(source) for source in sources[:TEXTS]]
    left = f"; the first {len(unit)} of {len(values):,}" if len(values) > TEXTS else ""
    what = f"{len(unit)} vectors of {unit.shape[1]:,} numbers{left}"
    return {
        **_nothing(),
        "about": f"Similarities of {len(unit)} {items}",
        "pictured": items == "images",
        "note": what,
        "names": [text(name, 160) for name in names],
        "cosines": np.rint(1000 * (unit @ unit.T)[upper]).astype(int).tolist(),
        "points": projected(unit).round(4).tolist(),
    }


def projected(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors' two principal components, (vectors, 2), scaled into -1..1; the sign makes the first one positive."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    points[:, : min(2, len(sizes))] = left[:, :2] * sizes[:2]
    points *= np.where(points[0] < 0, -1, 1)
    largest = np.abs(points).max()
    return points / largest if largest > 0 else points


def _nothing() -> dict[str, Any]:
    lists: dict[str, Any] = {name: [] for name in ("names", "cosines", "points", "facts", "values")}
    return lists | {"note": "", "pictured": False, "picture": None} | prose(None)
