"""Transcribing with Whisper."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput, Interrupted
from nbpipes.errors import InputError
from nbpipes.generation.whisper.languages import NAMES
from nbpipes.generation.whisper.listening import Listener
from nbpipes.generation.whisper.settings import Tokens, Wishes
from nbpipes.generation.whisper.transcribe import Plan, Track, Transcription
from nbpipes.processing.audio.log_mel import LogMel
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.transcribing.assembly import Assembly, Window
from nbpipes.tasks.transcribing.contract import Cut, read_before, windows
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.transcribing.repair import repaired
from nbpipes.tasks.writing import Told, Writing

BATCH = 8
"""Windows that are heard at once."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was written for a chunk: its ids, when each was said, and the code of the language."""

    tokens: list[int]
    times: list[float] | None
    language: str | None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    @classmethod
    def of(cls, track: Track) -> "Said":
        tokens = [token for segment in track.segments for token in segment.tokens]
        times = [time for segment in track.segments for time in segment.times or ()]
        return cls(tokens, times if len(times) == len(tokens) else None, track.language)


@dataclass(slots=True)
class Text:
    """A sound's text as far as it has come. Finished segments are read once."""

    segments: int = 0
    done: str = ""

    def of(self, track: Track, read: Callable[[Sequence[int]], str]) -> str:
        """The text of a track by now. read: makes text of ids."""
        for segment in track.segments[self.segments :]:
            self.done += read(segment.tokens)
        self.segments = len(track.segments)
        return self.done + read(track.pending).rstrip("\ufffd")  # half a character is no text yet


class WhisperTranscriber:
    """Writes window by window. A sound that is longer than one is read through by the model's own timestamps."""

    type = "seq2seq_whisper"

    def __init__(self, pipe: Writing[Any]) -> None:
        self.pipe, self.model = pipe, pipe.model
        self.extractor: LogMel = pipe.feature_extractor
        self.extractor.run = compute.run
        self.budget = BATCH * self.extractor.frames

    def check(self, options: SpeechOptions) -> None:
        if options.return_timestamps == "char":
            raise InputError('Whisper knows no times of letters: return_timestamps=True for segments, or "word"')
        self._wishes(options)
        if options.return_timestamps == "word":
            self._heads(options)

    def chunks(self, sound: Sound, options: SpeechOptions) -> Iterator[Chunk]:
        size = self.extractor.frames
        if options.chunk_length_s:
            for samples, cut in windows(sound, options.chunk_length_s, options.strides, 1):
                yield Chunk({"sound": self.extractor.short(samples)}, cut, size)
            return
        begun = sound.read(self.extractor.samples + 1)
        if len(begun) > self.extractor.samples:
            heard = self.extractor.long(sound, begun)
        else:
            heard = self.extractor.short(begun)
        left, right = sound.stride or (0, 0)
        long = sound.total > self.extractor.samples
        cut = Cut(sound.total, left, right, extras=sound.extras)
        # Long sounds need timestamps even if nobody asks for them, so they are not written together with short ones.
        yield Chunk({"sound": heard}, cut, size, group=long)

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        work = compute.run(lambda: self._work(chunks, options))
        texts, before = [Text() for _ in chunks], read_before(chunks)
        try:
            while not work.finished:
                for track in compute.run(work.advance, size=len(chunks), kind=id(work)):
                    cut: Cut = chunks[track.number].note
                    said = texts[track.number].of(track, self._read)
                    alone = cut.last and cut.place == 0
                    yield track.number, cut.draft.put(cut.place, said), track.share if alone else before[track.number]
        except KeyboardInterrupt:
            compute.run(lambda: None)  # behind the step that was under way
            raise Interrupted(_outputs(chunks, work.tracks)) from None
        return _outputs(chunks, work.tracks)

    def result(self, outputs: Sequence[ChunkOutput], options: SpeechOptions) -> dict[str, Any]:
        wanted = self._timestamps(options)
        step = self.extractor.chunk_length / self.model.config.max_source_positions
        assembly = Assembly(self.pipe.tokenizer, step, wanted, languages=bool(options.return_language))
        rate, seconds = self.extractor.sampling_rate, 0.0
        for output in outputs:
            cut: Cut = output.chunk.note
            said: Said = output.output
            length, left, right = (count / rate for count in (cut.length, cut.left, cut.right))
            language = None if said.language is None else NAMES.get(said.language, said.language)
            assembly.add(Window(said.tokens, said.times, (length, left, right), language))
            seconds += length - left - right
        found = assembly.result()
        if options.repair_timestamps and wanted:
            found["chunks"] = repaired(found["chunks"], seconds)
        return found

    def _work(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Transcription:
        plan = self._plan(bool(chunks[0].group), options)
        return Transcription(Listener(self.model), [chunk.inputs["sound"] for chunk in chunks], plan)

    def _plan(self, long: bool, options: SpeechOptions) -> Plan:
        raw, config = self._raw(options), self.model.config
        times = self._timestamps(options)
        settings = self.pipe.settings(replace(options, temperature=None, do_sample=None))
        return Plan(
            settings=settings,
            wishes=self._wishes(options),
            tokens=Tokens.read({**raw, **settings.changed()}),
            frames=2 * config.max_source_positions,
            limit=config.max_target_positions,
            vocabulary=config.vocab_size,
            times=long or bool(times),
            heads=self._heads(options) if times == "word" else (),
            width=config.median_filter_width,
            logits_processor=options.logits_processor or (),
            stopping_criteria=options.stopping_criteria or (),
        )

    def _timestamps(self, options: SpeechOptions) -> bool | Literal["word"]:
        """What gets times: nothing, segments or words."""
        wanted = options.return_timestamps or self._raw(options).get("return_timestamps")
        return "word" if wanted == "word" else bool(wanted)

    def _raw(self, options: SpeechOptions) -> Mapping[str, Any]:
        """What the checkpoint, or the user instead of it, says about generation."""
        own = options.generation_config
        return own if isinstance(own, Mapping) else self.pipe.model_settings

    def _wishes(self, options: SpeechOptions) -> Wishes:
        given = {name: value for name in Wishes.names() if (value := getattr(options, name)) is not None}
        if options.prompt_ids is not None:
            given["prompt_ids"] = self._prompt(options.prompt_ids)
        return Wishes.read(self._raw(options), given)

    def _prompt(self, given: Any) -> list[int]:
        """Ids of what shall have been said before."""
        if not isinstance(given, str):
            return [int(token) for token in given]
        tokenizer = self.pipe.tokenizer
        ids = tokenizer.windows(f" {given.strip()}", truncation=False, add_special_tokens=False)[0].ids
        return [tokenizer.convert_tokens_to_ids("<|startofprev|>"), *ids]

    def _heads(self, options: SpeechOptions) -> list[tuple[int, int]]:
        """The heads of the decoder that follow the sound."""
        heads = self._raw(options).get("alignment_heads")
        if not heads:
            raise InputError("the times of words need alignment_heads in generation_config.json: this model has none")
        return [(int(layer), int(head)) for layer, head in heads]

    def _read(self, tokens: Sequence[int]) -> str:
        """The words among ids."""
        tokenizer = self.pipe.tokenizer
        first = tokenizer.convert_tokens_to_ids("<|notimestamps|>")
        return tokenizer.decode([token for token in tokens if token < first], skip_special_tokens=True)


def _outputs(chunks: Sequence[Chunk], tracks: Sequence[Track]) -> list[ChunkOutput]:
    return [ChunkOutput(replace(chunk, inputs={}), Said.of(track)) for chunk, track in zip(chunks, tracks, strict=True)]
