"""How text is generated: every setting, where its value comes from, and which values make no sense."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from nbpipes.errors import InputError, nearest

DEFAULT_LENGTH = 20
"""Where neither the user nor the model says how long a text may be: so many new tokens."""
IDS = (
    *("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "forced_bos_token_id"),
    *("forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens"),
)
"""Settings that are ids."""
WITHOUT_EFFECT = frozenset(
    (
        *("assistant_early_exit", "assistant_lookbehind", "cache_config", "cache_implementation", "compile_config"),
        *("disable_compile", "generation_kwargs", "is_assistant", "low_memory", "max_matching_ngram_size"),
        *("output_attentions", "output_hidden_states", "output_logits", "prefill_chunk_size"),
        *("prompt_lookup_num_tokens", "return_dict_in_generate", "return_legacy_cache", "target_lookbehind"),
        "transformers_version",
    )
)
"""What a GenerationConfig of transformers says besides, about how it computes and what else it returns."""
NOT_HERE: Mapping[str, Any] = {
    "constraints": None,
    "diversity_penalty": 0.0,
    "dola_layers": None,
    "force_words_ids": None,
    "num_beam_groups": 1,
    "penalty_alpha": None,
    "token_healing": False,
    "watermarking_config": None,
}
"""Settings of transformers that change the text and that nbpipes does not have, with the values that change nothing."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings under the names and with the defaults of transformers' GenerationConfig; printing shows what differs.

    max_length counts the prompt, max_new_tokens does not and wins. seed: makes sampling repeatable; the same prompt
    with the same seed gives the same text, whatever else is in the batch. output_scores: tell how likely tokens were.
    """

    max_length: int = DEFAULT_LENGTH
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    early_stopping: bool | Literal["never"] = False
    max_time: float | None = None
    stop_strings: str | Sequence[str] | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_return_sequences: int = 1
    use_cache: bool = True
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    min_p: float | None = None
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    repetition_penalty: float = 1.0
    encoder_repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    encoder_no_repeat_ngram_size: int = 0
    bad_words_ids: Sequence[Sequence[int]] | None = None
    sequence_bias: Mapping[tuple[int, ...], float] | Sequence[Any] | None = None
    renormalize_logits: bool = False
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | Sequence[int] | None = None
    remove_invalid_values: bool = False
    exponential_decay_length_penalty: tuple[int, float] | None = None
    suppress_tokens: Sequence[int] | None = None
    begin_suppress_tokens: Sequence[int] | None = None
    guidance_scale: float | None = None
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | Sequence[int] | None = None
    decoder_start_token_id: int | Sequence[int] | None = None
    num_assistant_tokens: int = 20
    num_assistant_tokens_schedule: Literal["constant", "heuristic", "heuristic_transient"] = "constant"
    assistant_confidence_threshold: float = 0.4
    output_scores: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_beams", "num_return_sequences"):
            _check(name, getattr(self, name), int, least=1)
        for name in ("top_k", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length"):
            _check(name, getattr(self, name) or 0, int, least=0)
        for name in ("max_new_tokens", "min_new_tokens"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), int, least=0)
        for name in ("repetition_penalty", "encoder_repetition_penalty"):
            _check(name, getattr(self, name), (int, float), above=0)
        if self.early_stopping not in (True, False, "never"):
            raise InputError(f"early_stopping must be True, False or 'never', not {self.early_stopping!r}")
        self._check_ids()
        self._check_sampling()
        self._check_several()

    def _check_ids(self) -> None:
        for name in IDS:
            value = getattr(self, name)
            listed = value if isinstance(value, list | tuple) else [value or 0]
            if not all(isinstance(number, int) for number in listed):
                raise InputError(f"{name} must be the id of a token, or a list of ids, not {value!r}")
        for words in self.bad_words_ids or ():
            if not words or not all(isinstance(number, int) for number in words):
                raise InputError(f"bad_words_ids must be a list of words, each a list of ids, and has {words!r}")
        texts: Any = self.stop_strings or ()
        if not isinstance(texts, str | list | tuple) or not all(isinstance(text, str) and text for text in texts):
            raise InputError(
                f"stop_strings must be a text or a list of texts, none of them empty: {self.stop_strings!r}"
            )

    def _check_sampling(self) -> None:
        if not self.do_sample:
            return
        _check("temperature", self.temperature, (int, float), above=0)
        for name in ("top_p", "typical_p", "min_p"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} must be a probability from 0 to 1, not {value!r}")

    def _check_several(self) -> None:
        if self.num_return_sequences == 1 or (self.num_beams == 1 and self.do_sample):
            return
        if self.num_beams == 1:
            raise InputError(
                f"num_return_sequences={self.num_return_sequences} needs do_sample=True or num_beams of at least as "
                "many: without them there is only one answer"
            )
        if self.num_return_sequences > self.num_beams:
            raise InputError(
                f"num_return_sequences ({self.num_return_sequences}) must not exceed num_beams ({self.num_beams})"
            )

    def updated(self, given: Mapping[str, Any]) -> Self:
        """These settings with the given ones in place. InputError for one that is unknown or makes no sense."""
        known = {item.name for item in fields(self)}
        for name in given:
            if name not in known:
                raise InputError(f"there is no generation setting {name!r}{nearest(name, known)}")
        changes = dict(given)
        if changes.get("temperature") == 0:
            changes |= {"do_sample": False, "temperature": 1.0}
        return replace(self, **changes)

    def changed(self) -> dict[str, Any]:
        """The settings that differ from the defaults, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {item.name: values[item.name] for item in fields(self) if values[item.name] != item.default}

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.changed().items())})"

    @property
    def ends(self) -> tuple[int, ...]:
        """The ids that end a text."""
        ids = self.eos_token_id
        return () if ids is None else (ids,) if isinstance(ids, int) else tuple(ids)

    @property
    def pad(self) -> int:
        """The id that fills up shorter texts: the pad token, else the first that ends a text, else 0."""
        if self.pad_token_id is not None:
            return self.pad_token_id
        return self.ends[0] if self.ends else 0

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end a text."""
        given = self.stop_strings
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    def longest(self, prompt: int, limit: int | None = None) -> int:
        """How many tokens a text with a prompt of so many may have in all. limit: what the model can take."""
        if self.max_new_tokens is not None:
            return prompt + self.max_new_tokens
        if self.max_length == DEFAULT_LENGTH:
            return prompt + DEFAULT_LENGTH if limit is None else min(prompt + DEFAULT_LENGTH, limit)
        return self.max_length


def _check(name: str, value: Any, kinds: Any, *, least: float | None = None, above: float | None = None) -> None:
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if not fits or (least is not None and value < least) or (above is not None and value <= above):
        bound = f"from {least} on" if least is not None else f"above {above}"
        raise InputError(f"{name} must be a number {bound}, not {value!r}")


NAMES = frozenset(item.name for item in fields(Settings))


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values of a JSON file that are settings. None where it means the default is left out."""
    plain = Settings()
    return {
        name: value
        for name, value in values.items()
        if name in NAMES and not (value is None and getattr(plain, name) is not None)
    }


def check_names(values: Mapping[str, Any], besides: Collection[str]) -> None:
    """InputError where a user's generation_config has a name that nobody knows, or a wish that cannot be fulfilled.

    besides: more names that may stand there.
    """
    everyone = NAMES | WITHOUT_EFFECT | NOT_HERE.keys() | set(besides)
    for name, value in values.items():
        if name not in everyone and value is not None and not name.startswith("_"):
            raise InputError(f"generation_config has {name!r}, which is no setting{nearest(name, everyone)}")
        if name in NOT_HERE and value not in (None, NOT_HERE[name]):
            raise InputError(f"generation_config asks for {name}={value!r}, a way to write that nbpipes does not have")


def resolve(
    defaults: Mapping[str, Any],
    model: Mapping[str, Any],
    task: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    pad: int | None = None,
) -> Settings:
    """The settings of a pipeline, as transformers 4.57 finds them, with the user's word above all others.

    defaults: of the kind of pipeline. model: from generation_config.json, or from the config of an old model.
    task: the model's `task_specific_params` for this task. given: by the user. pad: the tokenizer's pad id.
    """
    plain, model = Settings(), known(model)
    values = dict(defaults) | {name: value for name, value in model.items() if value != getattr(plain, name)}
    own_length = "max_new_tokens" in defaults and values.get("max_new_tokens") == defaults["max_new_tokens"]
    if own_length and values.get("max_length", DEFAULT_LENGTH) != DEFAULT_LENGTH:
        values["max_new_tokens"] = None  # the model's own length counts for more than that of any pipeline
    values |= known(task)
    if given.get("max_length") is not None and given.get("max_new_tokens") is None:
        values["max_new_tokens"] = None
    settings = plain.updated(values | dict(given))
    return settings if settings.pad_token_id is not None or pad is None else replace(settings, pad_token_id=pad)
