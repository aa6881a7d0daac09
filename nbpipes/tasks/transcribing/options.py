"""The options of automatic-speech-recognition, for models of all kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self

from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.tasks.images import check_timeout
from nbpipes.tasks.sounds import check_seconds
from nbpipes.tasks.writing import WritingOptions

INSTEAD = MappingProxyType(
    {
        "forced_decoder_ids": "use language= and task=, which say the same in words",
        "is_multilingual": "the model's generation_config.json says whether it is; use language= and task= if so",
    }
)
"""Older words of transformers for what to write down, and what to say now."""
TIMESTAMPS = (None, False, True, "char", "word")


@dataclass(frozen=True)
class WhisperOptions(WritingOptions):
    """What Whisper takes besides; see `generation.whisper.settings.Wishes`.

    language: code or name, None = the one that is heard. task: "transcribe", or "translate" into English. prompt_ids: a
    text, or its ids, as if it had been said before. temperature: several are tried one after the other.
    repair_timestamps: makes times go forward only, and gives the last one an end; each chunk then says by
    "timestamp_ok" whether its times are those that the model gave.
    """

    language: str | None = None
    task: Literal["transcribe", "translate"] | None = None
    prompt_ids: Any = None
    prompt_condition_type: Literal["first-segment", "all-segments"] | None = None
    condition_on_prev_tokens: bool | None = None
    temperature: float | Sequence[float] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    compression_ratio_threshold: float | None = None
    logprob_threshold: float | None = None
    no_speech_threshold: float | None = None
    repair_timestamps: bool | None = None

    def updated(self, given: Mapping[str, Any], task: str = "") -> Self:
        inner = given.get("generate_kwargs")
        for name, remedy in INSTEAD.items():
            if name in given or (isinstance(inner, Mapping) and name in inner):
                raise InputError(f"{name} is no option: {remedy}")
        return super().updated(given, task)


@dataclass(frozen=True)
class SpeechOptions(WhisperOptions, Options):
    """chunk_length_s: seconds of the windows that a sound is cut into, 0 = the whole. stride_length_s: how much of a
    window, at both ends or (left, right), only gives context; None = a sixth. ignore_warning: of windows for models
    that write. return_timestamps: "char" or "word" for CTC, True (segments) or "word" for Whisper. return_language:
    the language of each chunk, of Whisper. decoder: finds the best text for the logits of CTC, an object with
    `decode_beams`; decoder_kwargs: what it is told. timeout: seconds that a download may take, None = 60.

    Models that write take the settings of a generation too; models with CTC have no use for them.
    """

    chunk_length_s: float | None = 0
    stride_length_s: float | Sequence[float] | None = None
    ignore_warning: bool | None = None
    return_timestamps: bool | Literal["char", "word"] | None = None
    return_language: bool | None = None
    decoder: Any = None
    decoder_kwargs: Mapping[str, Any] | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.return_timestamps not in TIMESTAMPS:
            raise InputError(f'return_timestamps must be True, "word" or "char", not {self.return_timestamps!r}')
        check_seconds("chunk_length_s", self.chunk_length_s or 0)
        self.strides  # noqa: B018  a stride that is none is an error of the call, not of its items
        check_timeout(self.timeout)

    @property
    def strides(self) -> tuple[float, float]:
        """Seconds on the left and on the right of a window that only give context."""
        given = self.stride_length_s
        if given is None:
            given = (self.chunk_length_s or 0) / 6
        pair = (given, given) if isinstance(given, int | float) else tuple(given)
        if len(pair) != 2:
            raise InputError(f"stride_length_s must be seconds, or (left, right), not {self.stride_length_s!r}")
        for part in pair:
            check_seconds("stride_length_s", part)
        return pair
