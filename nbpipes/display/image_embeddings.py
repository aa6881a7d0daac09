"""Embeddings of images (image-feature-extraction): the image and its features; several by their similarities."""

from collections.abc import Sequence
from typing import Any

from nbpipes.display import embeddings, kit, pictures


def draw(value: Any, source: Any, room: int) -> str:
    """Return the image beside what its features are like."""
    facts = embeddings.draw(value, None, room // 2)
    return pictures.beside(pictures.of(source, "", room - kit.size(facts) - 400), facts)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table of the cosine similarities of the first images with each other, by their names."""
    return embeddings.draw_batch(values, [pictures.name_of(source) for source in sources], room)
