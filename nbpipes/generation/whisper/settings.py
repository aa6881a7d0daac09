"""What Whisper can be asked, and the ids by which its texts begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

from nbpipes.errors import ConfigError, InputError
from nbpipes.generation.whisper.languages import NAMES, code_of

TASKS = ("transcribe", "translate")
CONFIG_NAMES = frozenset(
    (
        *("alignment_heads", "forced_decoder_ids", "is_multilingual", "lang_to_id", "max_initial_timestamp_index"),
        *("no_timestamps_token_id", "prev_sot_token_id", "return_timestamps", "task_to_id"),
    )
)
"""What Whisper's generation_config.json tells besides settings and wishes."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Ids with a meaning, as generation_config.json tells them.

    start: begins a text. end: ends it. bare: "no timestamps"; the first timestamp comes after it, silence before it.
    previous: begins what was said before. languages: by code. forced: what some old files put behind the start.
    latest: the number of the last timestamp that may be the first one, None for no such limit.
    """

    start: int
    end: int
    bare: int | None = None
    previous: int | None = None
    languages: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    forced: tuple[int | None, ...] = ()
    multilingual: bool = True
    latest: int | None = None

    @property
    def times(self) -> int:
        """The first timestamp. Beyond all ids where the model has none."""
        return 10**9 if self.bare is None else self.bare + 1

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """From a generation_config.json. ConfigError where it lacks how a text begins and ends."""
        start, end = raw.get("decoder_start_token_id"), raw.get("eos_token_id")
        end = end[0] if isinstance(end, list) and end else end
        if not isinstance(start, int) or not isinstance(end, int):
            raise ConfigError("generation_config.json does not say by which ids a text begins and ends")
        previous, suppressed = raw.get("prev_sot_token_id"), raw.get("suppress_tokens") or ()
        if previous is None and len(suppressed) >= 2:
            previous = suppressed[-2]
        return cls(
            start=start,
            end=end,
            bare=raw.get("no_timestamps_token_id"),
            previous=previous,
            languages={token[2:-2]: number for token, number in (raw.get("lang_to_id") or {}).items()},
            tasks=raw.get("task_to_id") or {},
            forced=_forced(raw.get("forced_decoder_ids") or ()),
            multilingual=raw.get("is_multilingual", True),
            latest=raw.get("max_initial_timestamp_index"),
        )


def _forced(pairs: Sequence[Sequence[Any]]) -> tuple[int | None, ...]:
    """Ids for the places 1, 2, ... of a text."""
    if not pairs or pairs[0][0] != 1:
        return ()
    if [place for place, _ in pairs] != list(range(1, len(pairs) + 1)):
        raise ConfigError(f"forced_decoder_ids must be for the places 1, 2, … of a text, not {pairs}")
    return tuple(token for _, token in pairs)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What may be asked of Whisper besides what every model that writes can be asked; names as in transformers.

    language: a code, name or token; None lets the model find it out. task: "transcribe", or "translate" into English.
    prompt_ids: ids of a text as if it had been said before. prompt_condition_type: whether it stands before the
    "first-segment" alone or before "all-segments". condition_on_prev_tokens: whether each window sees the text of those
    before it. temperature: of the drawing, or several that are tried one after the other while a text repeats itself
    (its bytes are compressible by more than compression_ratio_threshold) or is unlikely (the mean of its
    log-probabilities is below logprob_threshold). no_speech_threshold: an unlikely text is none where silence is
    likelier than this.
    """

    language: str | None = None
    task: Literal["transcribe", "translate"] | None = None
    prompt_ids: Sequence[int] | None = None
    prompt_condition_type: Literal["first-segment", "all-segments"] = "first-segment"
    condition_on_prev_tokens: bool | None = None
    temperature: float | Sequence[float] | None = None
    compression_ratio_threshold: float | None = None
    logprob_threshold: float | None = None
    no_speech_threshold: float | None = None

    def __post_init__(self) -> None:
        if self.language is not None:
            code_of(self.language)
        if self.task not in (None, *TASKS):
            raise InputError(f"task must be {' or '.join(map(repr, TASKS))}, not {self.task!r}")
        kinds = ("first-segment", "all-segments")
        if self.prompt_condition_type not in kinds:
            raise InputError(f"prompt_condition_type must be {' or '.join(map(repr, kinds))}")
        if self.prompt_condition_type == "all-segments" and not self.condition_on_prev_tokens:
            raise InputError("prompt_condition_type='all-segments' needs condition_on_prev_tokens=True")
        if self.no_speech_threshold is not None and self.logprob_threshold is None:
            raise InputError("no_speech_threshold needs logprob_threshold: only an unlikely text can be silence")
        if not self.temperatures or min(self.temperatures) < 0:
            raise InputError(f"temperature must be a number from 0 up, or several, not {self.temperature!r}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(item.name for item in fields(cls))

    @classmethod
    def read(cls, raw: Mapping[str, Any], given: Mapping[str, Any]) -> Self:
        """Those given, else those of a generation_config.json (whose temperature is that of other models)."""
        names = set(cls.names()) - {"temperature", "prompt_ids", "prompt_condition_type"}
        own = {name: value for name, value in raw.items() if name in names and value is not None}
        return replace(cls(**own), **given) if given else cls(**own)

    @property
    def temperatures(self) -> tuple[float, ...]:
        """To be tried in this order; 0 takes the best."""
        given = self.temperature
        return (given or 0.0,) if given is None or isinstance(given, int | float) else tuple(given)

    @property
    def code(self) -> str | None:
        """The code of the language."""
        return None if self.language is None else code_of(self.language)


def unknown_language(tokens: Tokens, wishes: Wishes) -> bool:
    """Whether the model has to find out the language."""
    if not tokens.languages or wishes.language is not None:
        return False
    return wishes.task is not None or not tokens.forced or tokens.forced[0] is None


def opening(tokens: Tokens, wishes: Wishes, language: str | None, *, times: bool) -> list[int]:
    """The ids by which a text begins. language: the code of the one that was asked for or found out.

    times: whether the text shall have timestamps. InputError for what the model cannot do.
    """
    if not tokens.multilingual and (wishes.task or wishes.language):
        raise InputError("an English model takes neither task nor language")
    forced = () if wishes.task or wishes.language else tokens.forced
    ids: list[int | None] = [tokens.start, *forced]
    if language is not None:
        if language not in tokens.languages:
            raise InputError(f"this model does not know {NAMES.get(language, language)}")
        ids[1:2] = [tokens.languages[language]]
    if wishes.task is not None:
        ids.append(_task(tokens, wishes.task))
    elif language is not None and tokens.tasks and not set(ids) & set(tokens.tasks.values()):
        ids.append(_task(tokens, "transcribe"))  # without a task the model repeats itself
    if times:
        if tokens.bare is None:
            raise InputError("this model has no timestamps: its generation_config.json lacks no_timestamps_token_id")
        ids = ids[:-1] if ids[-1] == tokens.bare else ids
    elif tokens.bare is not None and ids[-1] != tokens.bare:
        ids.append(tokens.bare)
    return [number for number in ids if number is not None]


def _task(tokens: Tokens, task: str) -> int:
    if task not in tokens.tasks:
        raise InputError(f"this model cannot {task}: its generation_config.json has no such task_to_id")
    return tokens.tasks[task]
