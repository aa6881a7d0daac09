"""Transcribing with models that write what they hear and know no times."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput, Interrupted
from nbpipes.errors import InputError
from nbpipes.generation.generate import writer
from nbpipes.generation.loop import Request, Writer, Written
from nbpipes.generation.whisper.listening import Listener
from nbpipes.processing.audio.sound import Samples, Sound
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.transcribing.contract import Cut, read_before, whole, windows
from nbpipes.tasks.transcribing.ctc import LONGEST, STRIDES, WINDOW
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.writing import Told, Writing


class SpeechTranscriber:
    """Writes each window at once; windows are joined where the end of one is like the beginning of the next."""

    type = "seq2seq"
    budget = 16_000 * 30 * 8
    """Samples that are heard at once."""

    def __init__(self, pipe: Writing[Any]) -> None:
        self.pipe, self.model, self.extractor = pipe, pipe.model, pipe.feature_extractor

    def check(self, options: SpeechOptions) -> None:
        if options.return_timestamps:
            raise InputError("this model knows no times: return_timestamps is for CTC and Whisper")
        if options.return_language:
            raise InputError("only Whisper knows languages: return_language does not go with this model")

    def chunks(self, sound: Sound, options: SpeechOptions) -> Iterator[Chunk]:
        if sound.stride is not None:
            raise InputError("a stride is for CTC and Whisper: this model cannot tell what it heard there")
        for samples, cut in self._cuts(sound, options):
            prepared = self.extractor.prepare(samples)
            yield Chunk({"samples": prepared}, cut, len(prepared))

    def _cuts(self, sound: Sound, options: SpeechOptions) -> Iterator[tuple[Samples, Cut]]:
        if options.chunk_length_s:
            return windows(sound, options.chunk_length_s, options.strides, 1)
        if sound.longer(LONGEST):
            return windows(sound, WINDOW, STRIDES, 1)
        return iter([whole(sound)])

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        work = compute.run(lambda: self._writer(chunks, options))
        ids: dict[int, list[int]] = {}
        before = read_before(chunks)
        try:
            while not work.finished:
                progress = compute.run(work.advance, size=len(chunks), kind=id(work))
                for number, added in progress.added.items():
                    ids[number] = progress.after(ids.get(number, []), added)
                    cut: Cut = chunks[number].note
                    text = self.pipe.tokenizer.decode(ids[number], skip_special_tokens=True)
                    yield number, cut.draft.put(cut.place, text.rstrip("\ufffd"), " "), before[number]
        except KeyboardInterrupt:
            raise Interrupted(_outputs(chunks, compute.run(work.results))) from None
        return _outputs(chunks, work.results())

    def result(self, outputs: Sequence[ChunkOutput], options: SpeechOptions) -> dict[str, Any]:
        special = set(self.pipe.tokenizer.all_special_ids)
        parts = [[token for token in output.output.tokens if token not in special] for output in outputs]
        return {"text": self.pipe.tokenizer.decode(appended(parts), skip_special_tokens=True)}

    @torch.inference_mode()
    def _writer(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Writer:
        settings, listener = self.pipe.settings(options), Listener(self.model)
        start = settings.decoder_start_token_id
        if not isinstance(start, int):
            raise InputError("decoder_start_token_id must be the id that a text begins with; the model does not say")
        lengths = [len(chunk.inputs["samples"]) for chunk in chunks]
        sounds = torch.zeros(len(chunks), max(lengths))
        for row, chunk in zip(sounds, chunks, strict=True):
            row[: len(chunk.inputs["samples"])] = torch.from_numpy(chunk.inputs["samples"])
        prompts = [[start]] * len(chunks)
        inputs = listener.about(listener.hear(sounds, lengths), prompts)
        request = Request(
            inputs=inputs,
            prompts=prompts,
            settings=settings,
            limit=self.model.limit,
            logits_processor=options.logits_processor or (),
            stopping_criteria=options.stopping_criteria or (),
        )
        return writer(listener, request)


def appended(parts: Sequence[Sequence[int]]) -> list[int]:
    """One text of several, each without that beginning which is the most like the end of those before it."""
    whole = list(parts[0])
    for part in parts[1:]:
        best, begin = 0.0, 0
        for size in range(1, min(len(part), len(whole)) + 1):
            matches = int(np.equal(whole[-size:], part[:size]).sum())
            quality = matches / size + size / 10_000.0  # the longer one of two that agree perfectly
            if matches > 1 and quality > best:
                best, begin = quality, size
        whole += part[begin:]
    return whole


def _outputs(chunks: Sequence[Chunk], written: Sequence[Sequence[Written]]) -> list[ChunkOutput]:
    return [ChunkOutput(replace(chunk, inputs={}), texts[0]) for chunk, texts in zip(chunks, written, strict=True)]
