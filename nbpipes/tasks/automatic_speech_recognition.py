"""Automatic speech recognition: the text of what is said."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

from nbpipes.engine.loop import ChunkOutput
from nbpipes.errors import InputError
from nbpipes.generation.whisper.settings import CONFIG_NAMES, Wishes
from nbpipes.models.heads import Head
from nbpipes.processing.audio.log_mel import LogMel
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.sounds import HearsSounds, listened
from nbpipes.tasks.transcribing.contract import Transcriber
from nbpipes.tasks.transcribing.ctc import CTCTranscriber
from nbpipes.tasks.transcribing.options import SpeechOptions
from nbpipes.tasks.transcribing.whisper import WhisperTranscriber
from nbpipes.tasks.transcribing.written import SpeechTranscriber
from nbpipes.tasks.writing import Told, Writing


def _writes(pipe: Any) -> Transcriber:
    """Whisper is known by what it hears."""
    return (WhisperTranscriber if isinstance(pipe.feature_extractor, LogMel) else SpeechTranscriber)(pipe)


TRANSCRIBERS: Mapping[Head, Callable[[Any], Transcriber]] = MappingProxyType(
    {Head.CTC: CTCTranscriber, Head.SPEECH: _writes}
)
"""What transcribes with a model, by the model's head."""


class AutomaticSpeechRecognitionPipeline(HearsSounds[SpeechOptions], Writing[SpeechOptions]):
    """Writes down speech: a path, URL, bytes, array, tensor, or a dict of samples and their rate.

    pipe("speech.flac")  # {"text": "…"}
    pipe("speech.flac", return_timestamps="word")  # and "chunks": [{"text": "…", "timestamp": (0.5, 0.8)}, …]

    What else a dict holds comes back in lists, one value for each window: `{"text": "…", "partial": [True]}`.
    """

    options_class = SpeechOptions
    kind = "automatic-speech-recognition"
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "num_beams": 5}
    config_names: ClassVar[frozenset[str]] = CONFIG_NAMES | frozenset(Wishes.names())

    @cached_property
    def transcriber(self) -> Transcriber:
        """What knows this kind of model."""
        return TRANSCRIBERS[self.model.kind](self)

    @property
    def type(self) -> str:
        """What upstream calls this kind of model: "ctc", "ctc_with_lm", "seq2seq_whisper", "seq2seq"."""
        return self.transcriber.type

    @property
    def budget(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Total size of the chunks in one forward."""
        return self.transcriber.budget

    def preprocess(self, item: Any, options: SpeechOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        if self.feature_extractor is None:
            raise InputError(f"{self.task} needs a feature extractor: pass feature_extractor=")
        self.transcriber.check(given)
        with listened(item, self.feature_extractor.sampling_rate, given.timeout) as sound:
            yield from self.transcriber.chunks(sound, given)

    def forward(self, chunks: Chunk | Iterable[Chunk], options: SpeechOptions | None = None) -> Any:
        if isinstance(chunks, Chunk):
            return self.forward([chunks], options)[0]
        steps = self.forward_stream(list(chunks), options or self.options)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def forward_stream(self, chunks: Sequence[Chunk], options: SpeechOptions) -> Told:
        return self.transcriber.forward_stream(chunks, options)

    def postprocess(self, outputs: Sequence[ChunkOutput], options: SpeechOptions | None = None) -> dict[str, Any]:
        result = self.transcriber.result(outputs, options or self.options)
        extras = outputs[0].chunk.note.extras
        return result | {name: [output.chunk.note.extras[name] for output in outputs] for name in extras}
