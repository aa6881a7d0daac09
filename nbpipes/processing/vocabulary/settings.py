"""What the JSON files beside a vocabulary say, merged with the defaults of its class and a caller's wishes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken

from nbpipes.errors import TokenizerError, nearest
from nbpipes.hub.repo import Repo
from nbpipes.processing.vocabulary.styles import ROLES, Style
from nbpipes.processing.vocabulary.table import find

ROLE_NAMES = tuple(f"{role}_token" for role in ROLES)
SIDES = ("right", "left")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")

# Upstream writes 1e30 where no length is known.
UNLIMITED = 10**20

OVERRIDES = {
    *ROLE_NAMES,
    *("additional_special_tokens", "extra_special_tokens", "chat_template", "clean_up_tokenization_spaces"),
    *("model_input_names", "model_max_length", "padding_side", "truncation_side", "split_special_tokens"),
    *("add_bos_token", "add_eos_token", "add_prefix_space", "trim_offsets", "legacy", "src_lang", "extra_ids"),
    *("do_lower_case", "strip_accents", "tokenize_chinese_chars", "keep_accents", "split_by_punct"),
    *("mask_token_sent", "offset", "use_fast"),
    *("word_delimiter_token", "replace_word_delimiter_char", "target_lang"),
}

# Settings of one type that may also be null.
TYPES = {"src_lang": str, "mask_token_sent": str, "strip_accents": bool}

PIECE_FILES = ("spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model")

Token = str | AddedToken


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about a tokenizer that is not its vocabulary.

    from_json: whether the backend is in tokenizer.json, or must be built from older files.
    values: settings by their names in tokenizer_config.json, over the defaults of the class.
    tokens: special tokens by name ("pad_token", ...), in upstream's order; an AddedToken brings flags of its own.
    additional: special tokens without a name. added: tokens beside the vocabulary, by id.
    legacy: whether `added` stood in a file of its own, so that tokenizer.json knows the flags better.
    templates: chat templates by name; the usual one is "default".
    given: what tokenizer_config.json and the caller say, without the defaults.
    """

    style: Style
    from_json: bool
    values: Mapping[str, Any]
    tokens: Mapping[str, Token]
    additional: tuple[Token, ...]
    added: Mapping[int, AddedToken]
    legacy: bool
    templates: Mapping[str, str]
    given: Mapping[str, Any]

    @property
    def model_max_length(self) -> int | None:
        """Longest sequence the model takes, in tokens; None where none is known."""
        longest = self.values.get("model_max_length", self.values.get("max_len"))
        if longest is None:
            return None
        if isinstance(longest, bool) or not isinstance(longest, int | float) or not longest > 0:
            raise TokenizerError(f"model_max_length must be a positive number, not {longest!r}")
        return int(longest) if longest < UNLIMITED else None

    @property
    def model_input_names(self) -> tuple[str, ...]:
        """What the model takes, in order."""
        names = self.values.get("model_input_names") or self.style.inputs
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise TokenizerError(f"model_input_names must be a list of names, not {names!r}")
        return tuple(names)

    def side(self, name: str, default: str) -> str:
        """Return "left" or "right" for setting `name`."""
        value = self.values.get(name, default)
        if value not in SIDES:
            raise TokenizerError(f"{name} must be 'left' or 'right', not {value!r}")
        return value


def read(repo: Repo, overrides: Mapping[str, Any]) -> Settings:
    """Read the settings of the tokenizer in `repo`; `overrides` win over what its files say.

    Raises TypeError for an unknown override, TokenizerError for files that contradict the format.
    """
    for name in overrides:
        if name not in OVERRIDES:
            raise TypeError(f"a tokenizer has no setting {name!r}{nearest(name, OVERRIDES)}")
    saved = repo.json_or_empty("tokenizer_config.json")
    style = _style(repo, saved)
    values = {**style.settings, **saved}
    legacy = "added_tokens_decoder" not in saved
    if legacy:
        values |= _special_map(repo, values)
    values |= overrides
    for name in ("src_lang", "legacy"):
        if values.get(name) is None and name in style.settings:
            values[name] = style.settings[name]
    for name, kind in TYPES.items():
        if not isinstance(values.get(name), kind | None):
            raise TokenizerError(f"{name} must be a {kind.__name__}, not {values[name]!r}")
    added = _legacy_added(repo, values) if legacy else _numbered(saved["added_tokens_decoder"])
    from_json = repo.has("tokenizer.json") and not _rebuilt(repo, style, saved | dict(overrides))
    return Settings(
        style=style,
        from_json=from_json,
        values=values,
        tokens=_tokens(style, values, added.values(), () if from_json else style.loose),
        additional=tuple(_token(token) for token in _additional(style, values)),
        added=added,
        legacy=legacy,
        templates=_templates(repo, values, overrides),
        given=saved | {name: value for name, value in overrides.items() if name != "use_fast"},
    )


def _style(repo: Repo, saved: Mapping[str, Any]) -> Style:
    named = saved.get("tokenizer_class")
    config = repo.json_or_empty("config.json")
    named = named or config.get("tokenizer_class")
    model_type = config.get("model_type")
    return find(named if isinstance(named, str) else None, model_type if isinstance(model_type, str) else None)


def _rebuilt(repo: Repo, style: Style, given: Mapping[str, Any]) -> bool:
    """Whether the class goes back to its SentencePiece file: always, or because tokenizer.json has no such switch."""
    wished = style.older or (given.get("add_prefix_space") is not None and "legacy" in style.settings)
    return wished and any(repo.has(name) for name in PIECE_FILES)


def _numbered(decoder: Any) -> dict[int, AddedToken]:
    try:
        return {int(number): _added(token) for number, token in decoder.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise TokenizerError(f"added_tokens_decoder of tokenizer_config.json is damaged: {error}") from error


def _special_map(repo: Repo, values: Mapping[str, Any]) -> dict[str, Any]:
    special = repo.json_or_empty("special_tokens_map.json")
    more = special.get("additional_special_tokens")
    if isinstance(more, list):
        known = _listed(values)
        special["additional_special_tokens"] = known + [token for token in more if token not in known]
    return special


def _legacy_added(repo: Repo, values: Mapping[str, Any]) -> dict[int, AddedToken]:
    special = {text_of(_token(values[name])) for name in ROLE_NAMES if values.get(name) is not None}
    special |= {text_of(_token(token)) for token in _listed(values)}
    added = {}
    for content, number in repo.json_or_empty("added_tokens.json").items():
        if isinstance(number, bool) or not isinstance(number, int):
            raise TokenizerError(f"added_tokens.json gives {content!r} the id {number!r}, not a whole number")
        added[number] = AddedToken(content, normalized=content not in special, special=content in special)
    return added


def _tokens(
    style: Style, values: Mapping[str, Any], added: Iterable[AddedToken], loose: tuple[str, ...]
) -> dict[str, Token]:
    by_text = {token.content: token for token in added}
    tokens: dict[str, Token] = {}
    for role, name in zip(ROLES, ROLE_NAMES, strict=True):
        value = values.get(name, style.tokens.get(role))
        if value is None:
            continue
        token = _token(value)
        token = by_text.get(text_of(token), token)
        if isinstance(token, str) and role == "mask" and style.mask:
            token = AddedToken(token, lstrip=True, normalized="n" in style.mask, special=True)
        elif isinstance(token, str) and role in loose:
            token = AddedToken(token, normalized=True, special=True)
        tokens[name] = token
    more = values.get("extra_special_tokens") or {}
    if isinstance(more, Mapping):
        tokens |= {name: _token(value) for name, value in more.items()}
    return tokens


def _additional(style: Style, values: Mapping[str, Any]) -> list[Any]:
    """Return the special tokens without a name; some classes complete the list they are given."""
    given = values.get("additional_special_tokens")
    tokens = list(style.additional) if given is None else _listed(values)
    if "src_lang" in style.settings and (given is None or style.name != "NllbTokenizer"):
        return [*style.additional, *(token for token in tokens if token not in style.additional)]
    if "extra_ids" in style.settings and not any("<extra_id_" in text_of(_token(token)) for token in tokens):
        return tokens + [f"<extra_id_{i}>" for i in range(count_of(values, "extra_ids"))]
    if "offset" in style.settings:
        # Pegasus keeps the ids below its offset for pretraining.
        sentence, offset = values["mask_token_sent"], count_of(values, "offset")
        tokens = tokens if sentence is None or sentence in tokens else [sentence, *tokens]
        reserved = range(2, offset) if given is None else range(len(tokens), offset - 1)
        return tokens + [f"<unk_{i}>" for i in reserved]
    return tokens


def _listed(values: Mapping[str, Any]) -> list[Any]:
    given = values.get("additional_special_tokens")
    if given is not None and not isinstance(given, list | tuple):
        raise TokenizerError(f"additional_special_tokens must be a list, not {given!r}")
    return list(given or ())


def _templates(repo: Repo, values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, str]:
    if "chat_template" not in overrides and repo.has("chat_template.jinja"):
        return {"default": repo.path("chat_template.jinja").read_text(encoding="utf-8", errors="replace")}
    template = values.get("chat_template")
    if isinstance(template, str):
        return {"default": template}
    try:
        return {str(row["name"]): str(row["template"]) for row in template or ()}
    except (TypeError, KeyError) as error:
        raise TokenizerError("chat_template must be a text, or a list of {name, template}") from error


def _token(value: Any) -> Token:
    return value if isinstance(value, str | AddedToken) else _added(value)


def _added(value: Any) -> AddedToken:
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        flags = {name: value[name] for name in FLAGS if isinstance(value.get(name), bool)}
        return AddedToken(value["content"], **flags)
    raise TokenizerError(f"a special token must be a text, or an object with its content, not {value!r}")


def text_of(token: Token) -> str:
    """Return what a token looks like in a text."""
    return token if isinstance(token, str) else token.content


def count_of(values: Mapping[str, Any], name: str) -> int:
    """Return setting `name`, a count that no vocabulary exceeds."""
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
        raise TokenizerError(f"{name} must be a count, not {value!r}")
    return value
