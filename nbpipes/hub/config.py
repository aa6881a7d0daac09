"""config.json as frozen dataclasses, with upstream's default for every field that a file leaves out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from types import NoneType, UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from nbpipes.errors import ConfigError

MAX_LAYERS = 10_000
MAX_LABELS = 1_000_000
"""More labels than any model has; a damaged number must not fill the memory."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The fields that every model's config.json may hold. Families add theirs, named as in the file."""

    model_type: str = ""
    architectures: tuple[str, ...] = ()
    id2label: dict[str, str] | None = None
    label2id: dict[str, int] | None = None
    num_labels: int = 2
    problem_type: str | None = None
    function_to_apply: str | None = None
    pad_token_id: int | None = None
    tie_word_embeddings: bool = True
    task_specific_params: dict[str, Any] | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, raw: object) -> Self:
        """Reads a parsed config.json; ConfigError names the field that does not hold what it should."""
        if not isinstance(raw, Mapping):
            raise ConfigError(f"a config must be a JSON object, not {type(raw).__name__}")
        values: dict[str, Any] = {"raw": dict(raw)}
        for name, (kinds, optional) in field_kinds(cls).items():
            if name == "raw" or name not in raw:
                continue
            value = raw[name]
            if value is None and not optional:
                continue  # older files write null for "the default"
            values[name] = _checked(name, value, kinds)
        config = cls(**values)
        config.labels  # noqa: B018  a damaged label table is an error of the file, so it shows when the file is read
        return config

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits."""
        table = self.id2label
        if table is None:
            if not 0 <= self.num_labels <= MAX_LABELS:
                raise ConfigError(f"num_labels is {self.num_labels}; it must lie in 0…{MAX_LABELS}")
            return tuple(f"LABEL_{i}" for i in range(self.num_labels))
        try:
            named = {int(key): str(label) for key, label in table.items()}
        except ValueError:
            raise ConfigError(f"the keys of id2label must be numbers, not {sorted(table)[:5]}") from None
        if sorted(named) != list(range(len(named))):
            raise ConfigError(f"the keys of id2label must be 0…{len(named) - 1}, not {sorted(named)[:10]}")
        return tuple(named[i] for i in range(len(named)))

    @property
    def writing(self) -> dict[str, Any]:
        """What the file says of how texts are written, which is there where generation_config.json is not."""
        own = (
            *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
            *("forced_eos_token_id", "encoder_no_repeat_ngram_size"),
        )
        return {name: getattr(self, name, None) for name in own} | self.raw

    @property
    def label_ids(self) -> dict[str, int]:
        """The number of each class by its name, in the order of the file's label2id where it has one."""
        return dict(self.label2id) if self.label2id else {label: i for i, label in enumerate(self.labels)}


@lru_cache
def field_kinds(cls: type[Config]) -> dict[str, tuple[tuple[type, ...], bool]]:
    """For each field the types it accepts and whether it may be None."""
    hints = get_type_hints(cls)
    kinds = {}
    for item in fields(cls):
        hint = hints[item.name]
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        plain = tuple(get_origin(option) or option for option in options if option is not NoneType)
        kinds[item.name] = plain, NoneType in options
    return kinds


def _checked(name: str, value: Any, kinds: tuple[type, ...]) -> Any:
    if value is None or Any in kinds:
        return value
    if isinstance(value, bool):
        if bool in kinds:
            return value
    elif isinstance(value, int) and float in kinds and int not in kinds:
        return float(value)
    elif isinstance(value, float) and int in kinds and float not in kinds and value.is_integer():
        return int(value)
    elif isinstance(value, list) and tuple in kinds:
        return tuple(value)
    elif isinstance(value, kinds):
        if name.endswith("layers") and isinstance(value, int) and value > MAX_LAYERS:
            raise ConfigError(f"config field {name!r} is {value}; no model has more than {MAX_LAYERS} layers")
        return value
    wanted = " or ".join(kind.__name__ for kind in kinds)
    raise ConfigError(f"config field {name!r} must be {wanted}, not {str(value)[:80]!r}")
