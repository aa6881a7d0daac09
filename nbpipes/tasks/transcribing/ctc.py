"""Transcribing with models that give a letter for each frame, trained with CTC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.audio.letters import Letters, Run
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.sounds import collated
from nbpipes.tasks.transcribing.contract import Cut, whole, windows
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.writing import Told

LONGEST = 180.0
"""Seconds that are heard at once unless the user says otherwise; longer sounds are cut into windows."""
WINDOW, STRIDES = 30.0, (5.0, 5.0)
"""Seconds of these windows, and how much of them only gives context."""


@dataclass(frozen=True, slots=True)
class Frames:
    """What the model says about the frames of a chunk that count: `ids`, `(frames,)`, or all `logits`, `(frames,
    letters)`."""

    values: NDArray[Any]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class CTCTranscriber:
    """Spells by the best letter of each frame, or with a decoder that knows which words go together."""

    budget = 1500

    def __init__(self, pipe: Pipeline[Any]) -> None:
        self.pipe, self.model, self.extractor = pipe, pipe.model, pipe.feature_extractor
        self.ratio: int = self.model.config.inputs_to_logits_ratio
        self.type = "ctc"

    @cached_property
    def letters(self) -> Letters:
        """How the model's ids spell texts."""
        if self.pipe.tokenizer is None:
            raise InputError(f"{self.pipe.task} needs a tokenizer: pass tokenizer=")
        return Letters(self.pipe.tokenizer)

    def check(self, options: SpeechOptions) -> None:
        if options.return_timestamps is True:
            raise InputError('models with CTC know the times of letters or words: return_timestamps="char" or "word"')
        if options.return_language:
            raise InputError("only Whisper knows languages: return_language does not go with CTC")

    def chunks(self, sound: Sound, options: SpeechOptions) -> Iterator[Chunk]:
        for samples, cut in self._cuts(sound, options):
            frames = self.model.frames(len(samples))
            if frames:
                yield Chunk({"features": self.extractor.prepare(samples)}, cut, frames)
            elif cut.place == 0 and cut.last:
                seconds = len(samples) / sound.rate
                raise InputError(f"{sound.name} is too short to be understood: {seconds:.3f} s")

    def _cuts(self, sound: Sound, options: SpeechOptions) -> Iterator[tuple[Samples, Cut]]:
        if options.chunk_length_s:
            return windows(sound, options.chunk_length_s, options.strides, self.ratio)
        if sound.longer(LONGEST):
            return windows(sound, WINDOW, STRIDES, self.ratio)
        return iter([whole(sound)])

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        outputs = compute.run(lambda: self._heard(chunks))
        for number, output in enumerate(outputs):
            cut: Cut = output.chunk.note
            yield number, cut.draft.put(cut.place, "".join(run.text for run in self.letters.runs(output.output.values)))
        return outputs

    def _heard(self, chunks: Sequence[Chunk]) -> list[ChunkOutput]:
        with torch.inference_mode():
            batch = collated(chunks, self.pipe.device)
            ids = self.model(**batch.inputs).logits.argmax(-1).cpu().numpy()
        ends = np.cumsum(batch.counts)[:-1]
        return [
            ChunkOutput(replace(chunk, inputs={}), Frames(self._counting(own, chunk.note)))
            for chunk, own in zip(chunks, np.split(ids, ends), strict=True)
        ]

    def _counting(self, frames: NDArray[Any], cut: Cut) -> NDArray[Any]:
        """The frames of a window without those that only give context."""
        if not cut.left and not cut.right:
            return frames
        count = round(cut.length * (1 / self.ratio))
        left, right = (round(part / cut.length * count) for part in (cut.left, cut.right))
        return frames[left : count - right]

    def result(self, outputs: Sequence[ChunkOutput], options: SpeechOptions) -> dict[str, Any]:
        runs = self.letters.runs(np.concatenate([output.output.values for output in outputs]))
        found: dict[str, Any] = {"text": self.letters.text(runs)}
        if options.return_timestamps:
            parts = self.letters.words(runs) if options.return_timestamps == "word" else runs
            found["chunks"] = [self._timed(part) for part in parts]
        return found

    def _timed(self, run: Run) -> dict[str, Any]:
        rate = self.extractor.sampling_rate
        return {"text": run.text, "timestamp": (run.start * self.ratio / rate, run.end * self.ratio / rate)}
