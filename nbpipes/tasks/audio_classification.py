"""Audio classification: what a sound is, as a whole or over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError, nearest
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.tasks.images import check_timeout
from nbpipes.tasks.scores import Function, scores
from nbpipes.tasks.sounds import HearsSounds, check_seconds, collated, listened

LONGEST = 300.0
"""Seconds that are heard at once."""


@dataclass(frozen=True)
class AudioClassificationOptions(Options):
    """top_k: how many labels, best first; None = all. function_to_apply: "softmax" (None is the same), "sigmoid" or
    "none". chunk_length_s: seconds of the windows whose classes are told one by one, 0 = those of the whole sound.
    hop_length_s: seconds from the beginning of a window to that of the next one; None = chunk_length_s.
    timeout: seconds that a download may take, None = 60."""

    top_k: int | None = None
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None
    chunk_length_s: float = 0
    hop_length_s: float | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and (not isinstance(self.top_k, int) or self.top_k < 1):
            raise InputError(f"top_k must be a number from 1 on, or None for all labels, not {self.top_k!r}")
        function, known = self.function_to_apply, get_args(Function)
        if function is not None and function not in known:
            hint = nearest(str(function), known)
            raise InputError(f"function_to_apply must be {', '.join(map(repr, known))}, not {function!r}{hint}")
        check_seconds("chunk_length_s", self.chunk_length_s)
        check_seconds("hop_length_s", self.hop_length_s or 0)
        check_timeout(self.timeout)


class AudioClassificationPipeline(HearsSounds[AudioClassificationOptions]):
    """Labels sounds: each gives `[{"score", "label"}, …]`, the best first.

    With chunk_length_s there is a dict for each label of each window, and its "timestamp" says from when to when.
    """

    options_class = AudioClassificationOptions
    kind = "audio-classification"
    budget: ClassVar[int] = 1500

    def preprocess(self, item: Any, options: AudioClassificationOptions | None = None) -> Iterator[Chunk]:
        given, extractor = options or self.options, self.feature_extractor
        if extractor is None:
            raise InputError(f"{self.task} needs a feature extractor: pass feature_extractor=")
        with listened(item, extractor.sampling_rate, given.timeout) as sound:
            found = False
            for start, samples in self._cuts(sound, given):
                frames = self.model.frames(len(samples)) if len(samples) >= extractor.least else 0
                if frames:
                    found = True
                    times = (start / sound.rate, (start + len(samples)) / sound.rate)
                    yield Chunk({"features": extractor.prepare(samples)}, times, frames)
            if not found:
                raise InputError(f"{sound.name} is too short for the model")

    def _cuts(self, sound: Sound, options: AudioClassificationOptions) -> Iterator[tuple[int, Samples]]:
        """The samples to hear at once, and where they begin."""
        length, hop = (
            round(seconds * sound.rate)
            for seconds in (options.chunk_length_s, options.hop_length_s or options.chunk_length_s)
        )
        if length and not 0 < hop <= length:
            raise InputError(f"hop_length_s must lie in 0…{options.chunk_length_s:g}, not {options.hop_length_s!r}")
        if length:
            for number, (samples, _) in enumerate(sound.windows(length, hop)):
                yield number * hop, samples
            return
        if (reach := self.feature_extractor.reach) is not None:
            yield 0, sound.read(reach)
        elif sound.longer(LONGEST):
            raise InputError(
                f"{sound.name} is longer than the {LONGEST:g} s that are heard at once: "
                "pass chunk_length_s= for classes over time"
            )
        else:
            yield 0, sound.all()

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        return collated(chunks, self.device)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: AudioClassificationOptions | None = None
    ) -> list[dict[str, Any]]:
        given = options or self.options
        result = []
        for output in outputs:
            values = scores(output.output.logits.float().numpy(), given.function_to_apply or "softmax")
            order = (-values).argsort(kind="stable")[: given.top_k].tolist()
            times = {"timestamp": output.chunk.note} if given.chunk_length_s else {}
            labels = self.model.config.labels
            result += [{"score": values[i].item(), "label": labels[i]} | times for i in order]
        return result
