"""What a way to transcribe must offer, and what all of them share: windows of a sound, and the text so far."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbpipes.engine.loop import ChunkOutput
from nbpipes.errors import InputError
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.writing import Told


class Transcriber(Protocol):
    """Writes down speech with one kind of model. It is made with the pipeline, whose model, tokenizer and feature
    extractor it uses; `automatic_speech_recognition.TRANSCRIBERS` says for which head.

    type: what upstream calls this kind. budget: the total size of chunks in one forward.
    """

    @property
    def type(self) -> str: ...
    @property
    def budget(self) -> int: ...

    def check(self, options: SpeechOptions) -> None:
        """InputError for options that this kind does not have. Called once an item, before it is read."""
        ...

    def chunks(self, sound: Sound, options: SpeechOptions) -> Iterator[Chunk]:
        """Cuts a sound for the model, reading it as far as it is asked to. The note of each chunk is a Cut."""
        ...

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        """Runs the model on a batch, by `compute.run`, and tells the number of a chunk and its item's text so far.

        The outputs' chunks should not keep their inputs: all those of an item stay in memory until its end.
        """
        ...

    def result(self, outputs: Sequence[ChunkOutput], options: SpeechOptions) -> dict[str, Any]:
        """`{"text"}` of an item, and "chunks" where they are wanted."""
        ...


@dataclass(slots=True)
class Draft:
    """What an item's windows have been found to say by now, each by its place. windows: how many there are."""

    windows: int | None = None
    parts: dict[int, str] = field(default_factory=dict)

    def put(self, place: int, text: str, between: str = "") -> str:
        """Notes the text of a window; returns that of all windows up to the first one that is missing."""
        self.parts[place] = text
        done = next(place for place in range(len(self.parts) + 1) if place not in self.parts)
        return between.join(self.parts[place] for place in range(done))

    def share(self, done: int) -> float | None:
        """How much of the item has been read when so many windows are done, from 0 to 1."""
        return min(done / self.windows, 1.0) if self.windows else None


@dataclass(frozen=True, slots=True)
class Cut:
    """Where in its sound a chunk lies, in samples. left, right: how much of `length` only gives context.

    place: its number among the windows of the sound. extras: what else the item's dict held. draft: the item's text.
    """

    length: int
    left: int = 0
    right: int = 0
    place: int = 0
    last: bool = True
    extras: Mapping[str, Any] = field(default_factory=dict)
    draft: Draft = field(default_factory=Draft)


def whole(sound: Sound) -> tuple[Samples, Cut]:
    """A sound as one piece, with the stride that its dict gave it."""
    samples = sound.all()
    left, right = sound.stride or (0, 0)
    return samples, Cut(len(samples), left, right, extras=sound.extras)


def read_before(chunks: Sequence[Chunk]) -> list[float | None]:
    """For each chunk of a batch, how much of its item the batches before this one have read, from 0 to 1."""
    cuts: list[Cut] = [chunk.note for chunk in chunks]
    first: dict[int, int] = {}
    for cut in cuts:
        first.setdefault(id(cut.draft), cut.place)
    return [cut.draft.share(first[id(cut.draft)]) for cut in cuts]


def windows(sound: Sound, length_s: float, strides_s: tuple[float, float], align: int) -> Iterator[tuple[Samples, Cut]]:
    """A sound as windows that overlap by their strides. align: samples of which window and strides are multiples."""
    length, left, right = (round(seconds * sound.rate / align) * align for seconds in (length_s, *strides_s))
    if length <= left + right:
        before, after = strides_s
        raise InputError(f"windows of {length_s:g} s have no middle between strides of {before:g} and {after:g} s")
    step = length - left - right
    draft = Draft(None if sound.seconds is None else max(math.ceil(sound.seconds * sound.rate / step), 1))
    for place, (samples, last) in enumerate(sound.windows(length, step)):
        before, after = (0 if place == 0 else left), (0 if last else right)
        if len(samples) > before:
            yield samples, Cut(len(samples), before, after, place, last, sound.extras, draft)
