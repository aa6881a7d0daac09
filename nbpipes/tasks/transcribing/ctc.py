"""Transcribing with models that give a letter for each frame, trained with CTC."""

import logging
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
from nbpipes.errors import InputError, NbpipesError, RepoError, TokenizerError
from nbpipes.processing.audio.beams import BeamDecoder, load_decoder
from nbpipes.processing.audio.letters import Letters, Run
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.sounds import collated
from nbpipes.tasks.transcribing.contract import Cut, whole, windows
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.writing import Told

log = logging.getLogger(__name__)

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

    budget = 1000
    """Frames: 20 seconds of most models. Twice as many are no faster, and their states leave the cache."""

    def __init__(self, pipe: Pipeline[Any]) -> None:
        self.pipe, self.model, self.extractor = pipe, pipe.model, pipe.feature_extractor
        self.ratio: int = self.model.config.inputs_to_logits_ratio

    @property
    def type(self) -> str:
        """What upstream calls this kind of model."""
        return "ctc" if self.decoder(self.pipe.options) is None else "ctc_with_lm"

    def decoder(self, options: SpeechOptions) -> Any:
        """What finds texts: as the user says, else what comes with the model, None for the best letters alone."""
        return self.own_decoder if options.decoder is None else options.decoder

    @cached_property
    def own_decoder(self) -> BeamDecoder | None:
        """The decoder that comes with the model. Without kenlm there is none, and a warning says so."""
        repo = self.model.repo
        if repo is None or not str(self.extractor.raw.get("processor_class") or "").endswith("WithLM"):
            return None
        try:
            return load_decoder(repo)
        except RepoError as error:
            log.warning("the decoder of %s is left out: %s", repo.name, error)
        except TokenizerError:
            raise
        except NbpipesError as error:
            log.warning("the language model of %s is left out: %s", repo.name, error)
        return None

    @cached_property
    def letters(self) -> Letters:
        """How the model's ids spell texts."""
        if self.pipe.tokenizer is None:
            raise InputError(f"{self.pipe.task} needs a tokenizer: pass tokenizer=")
        return Letters(self.pipe.tokenizer)

    def check(self, options: SpeechOptions) -> None:
        if options.return_timestamps is True:
            raise InputError('models with CTC know the times of letters or words: return_timestamps="char" or "word"')
        if options.return_timestamps == "char" and self.decoder(options) is not None:
            raise InputError('the decoder knows the times of words only: return_timestamps="word"')
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
        if sound.stride is None and sound.longer(LONGEST):  # a stride is of the whole
            return windows(sound, WINDOW, STRIDES, self.ratio)
        return iter([whole(sound)])

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        size = sum(chunk.size for chunk in chunks)
        logits = self.decoder(options) is not None
        outputs = compute.run(lambda: self._heard(chunks, logits=logits), size=size, kind=id(self))
        for number, output in enumerate(outputs):
            cut: Cut = output.chunk.note
            values = output.output.values
            runs = self.letters.runs(values if values.ndim == 1 else values.argmax(-1))
            text = cut.draft.put(cut.place, "".join(run.text for run in runs))
            yield number, text, cut.draft.share(cut.place + 1)
        return outputs

    def _heard(self, chunks: Sequence[Chunk], *, logits: bool) -> list[ChunkOutput]:
        with torch.inference_mode():
            batch = collated(chunks, self.pipe.device)
            found = self.model(**batch.inputs).logits
            found = found.float() if logits else found.argmax(-1)
        ends = np.cumsum(batch.counts)[:-1]
        return [
            ChunkOutput(replace(chunk, inputs={}), Frames(self._counting(own, chunk.note)))
            for chunk, own in zip(chunks, np.split(found.cpu().numpy(), ends), strict=True)
        ]

    def _counting(self, frames: NDArray[Any], cut: Cut) -> NDArray[Any]:
        """The frames of a window without those that only give context."""
        if not cut.left and not cut.right:
            return frames
        count = round(cut.length * (1 / self.ratio))
        left, right = (round(part / cut.length * count) for part in (cut.left, cut.right))
        return frames[left : count - right]

    def result(self, outputs: Sequence[ChunkOutput], options: SpeechOptions) -> dict[str, Any]:
        values, decoder = np.concatenate([output.output.values for output in outputs]), self.decoder(options)
        if decoder is not None:
            text, _, words, *_ = decoder.decode_beams(values, **(options.decoder_kwargs or {}))[0]
            parts = [Run(word, start, end) for word, (start, end) in words]
        else:
            runs = self.letters.runs(values)
            text = self.letters.text(runs)
            parts = list(self.letters.words(runs)) if options.return_timestamps == "word" else runs
        return {"text": text} | ({"chunks": list(map(self._timed, parts))} if options.return_timestamps else {})

    def _timed(self, run: Run) -> dict[str, Any]:
        rate = self.extractor.sampling_rate
        return {"text": run.text, "timestamp": (run.start * self.ratio / rate, run.end * self.ratio / rate)}
