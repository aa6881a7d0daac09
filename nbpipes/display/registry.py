"""The only list of what draws what: one row per task."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A display module, and the keys that each dict it draws has.

    A module offers `draw(value, source, room)` for one item and `draw_batch(values, sources, room)` for several;
    both return HTML of at most `room` bytes (kit.LEAST or more). Without keys, the module is found by task name only.
    """

    module: str
    keys: frozenset[str] = frozenset()

    def load(self) -> ModuleType:
        return import_module(f"nbpipes.display.{self.module}")


PLAIN = Kind("plain")
KINDS = {
    "audio-classification": Kind("sounds"),
    "automatic-speech-recognition": Kind("transcript"),
    "text-classification": Kind("scores", frozenset({"label", "score"})),
    "zero-shot-classification": Kind("scores", frozenset({"sequence", "labels", "scores"})),
    "token-classification": Kind("spans", frozenset({"score", "word", "start", "end"})),
    "question-answering": Kind("answers", frozenset({"answer", "score", "start", "end"})),
    "document-question-answering": Kind("document"),
    "table-question-answering": Kind("cells"),
    "fill-mask": Kind("blanks", frozenset({"score", "token_str", "sequence"})),
    "feature-extraction": Kind("embeddings"),
    "text-generation": Kind("chat", frozenset({"generated_text"})),
    "text2text-generation": Kind("written", frozenset({"generated_text"})),
    "summarization": Kind("written", frozenset({"summary_text"})),
    "translation": Kind("written", frozenset({"translation_text"})),
    "conversational": Kind("chat"),
    "image-classification": Kind("image_labels"),
    "image-feature-extraction": Kind("image_embeddings"),
    "zero-shot-image-classification": Kind("image_labels"),
    "object-detection": Kind("boxes", frozenset({"score", "label", "box"})),
    "image-segmentation": Kind("masks", frozenset({"score", "label", "mask"})),
    "depth-estimation": Kind("depth", frozenset({"predicted_depth", "depth"})),
}


def find(task: str, value: Any) -> Kind:
    """Return what draws the result of one item: by task, else (a task of the user's own) by the keys it has."""
    own = KINDS.get(task)
    records = list(_records(value))
    if own and (not own.keys or all(own.keys <= record.keys() for record in records)):
        # An empty list is a result of the task's own; a value without any dict is not.
        return own if not own.keys or records or (isinstance(value, list) and not value) else PLAIN
    alike = [kind for kind in KINDS.values() if kind.keys and records and kind.keys <= records[0].keys()]
    return max(alike, key=lambda kind: len(kind.keys), default=PLAIN)


def _records(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list) and depth < 2:
        for entry in value[:100]:
            yield from _records(entry, depth + 1)
