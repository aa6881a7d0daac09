"""What a tokenizer class changes in a backend once it is loaded: added tokens, normalizer, prefix space, templates."""

import json
from typing import Any

from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.processors import PostProcessor

from nbpipes.errors import TokenizerError
from nbpipes.processing.vocabulary.settings import FLAGS, Settings, Token, text_of


def finish(backend: Tokenizer, settings: Settings) -> None:
    """Make `backend` what the class of `settings` makes of it, without the truncation and padding it was saved with."""
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = bool(settings.values.get("split_special_tokens", False))
    _add_tokens(backend, settings)
    _normalizer(backend, settings)
    _prefix_space(backend, settings)
    if settings.style.rewrites or not settings.from_json:
        backend.post_processor = _post_processor(backend, settings)
    elif "trim_offsets" in settings.style.settings:
        _trim(backend, settings)


def _add_tokens(backend: Tokenizer, settings: Settings) -> None:
    present = backend.get_added_tokens_decoder()
    known = {token.content for token in present.values()}
    flags = {_flags(token) for token in present.values()}
    overruled = set(present) if settings.legacy and settings.from_json else set()
    wanted = [
        token
        for number, token in sorted(settings.added.items())
        if number not in overruled and _flags(token) not in flags
    ]
    names = known | {token.content for token in wanted}
    special: dict[str, Token] = {}
    for name, token in [*settings.tokens.items(), *(("", token) for token in settings.additional)]:
        if overruled and name in settings.values and text_of(token) in known:
            continue  # tokenizer.json knows the flags of this one better
        special.setdefault(text_of(token), token)
    wanted += [_special(token) for name, token in special.items() if name not in names or not isinstance(token, str)]
    backend.add_tokens([_special(token) if token.content in special else token for token in wanted])


def _special(token: Token) -> AddedToken:
    if isinstance(token, str):
        return AddedToken(token, normalized=False, special=True)
    kept = {name: getattr(token, name) for name in FLAGS if name != "special"}
    return AddedToken(token.content, special=True, **kept)


def _flags(token: AddedToken) -> tuple[Any, ...]:
    return (token.content, *(getattr(token, name) for name in FLAGS))


def _normalizer(backend: Tokenizer, settings: Settings) -> None:
    """Let tokenizer_config.json decide on case and accents of BERT: its tokenizer.json may say otherwise."""
    if settings.style.reads != "wordpiece" or not isinstance(backend.normalizer, normalizers.BertNormalizer):
        return
    state = json.loads(backend.normalizer.__getstate__())
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=state["clean_text"],
        handle_chinese_chars=bool(settings.values["tokenize_chinese_chars"]),
        strip_accents=settings.values["strip_accents"],
        lowercase=bool(settings.values["do_lower_case"]),
    )


def _prefix_space(backend: Tokenizer, settings: Settings) -> None:
    if isinstance(backend.pre_tokenizer, pre_tokenizers.ByteLevel):
        state = json.loads(backend.pre_tokenizer.__getstate__())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(
            add_prefix_space=bool(settings.values.get("add_prefix_space", False)), use_regex=state["use_regex"]
        )


def _trim(backend: Tokenizer, settings: Settings) -> None:
    if isinstance(backend.post_processor, processors.RobertaProcessing):
        state = json.loads(backend.post_processor.__getstate__())
        backend.post_processor = _roberta(settings, tuple(state["cls"]), tuple(state["sep"]))


def _post_processor(backend: Tokenizer, settings: Settings) -> PostProcessor:
    """Return the post-processor that puts the special tokens of the class around a text."""
    style, values = settings.style, settings.values
    switches = {role: f"add_{role}_token" for role in ("bos", "eos")}
    left_out = {role for role, name in switches.items() if name in style.settings and not values[name]}
    if not style.single or (style.reads == "bytes" and left_out):
        return processors.ByteLevel(trim_offsets=False)
    used: dict[str, int] = {}

    def pieces(template: str) -> list[str]:
        parts = [part.split(":") for part in template.split()]
        return [
            f"{part}:{number}" if part.startswith("$") else f"{_token_of(part, backend, settings, used)}:{number}"
            for part, number in parts
            if part not in left_out
        ]

    single, pair = pieces(style.single), pieces(style.pair)
    if "trim_offsets" in style.settings:
        first, last = single[0].rsplit(":", 1)[0], single[-1].rsplit(":", 1)[0]
        return _roberta(settings, (first, used[first]), (last, used[last]))
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=list(used.items()))


def _roberta(settings: Settings, first: tuple[str, int], last: tuple[str, int]) -> PostProcessor:
    values = settings.values
    return processors.RobertaProcessing(
        last,  # by place: the second parameter is `cls` in tokenizers 0.22 and has another name in 0.23
        first,
        trim_offsets=bool(values["trim_offsets"]),
        add_prefix_space=bool(values.get("add_prefix_space", False)),
    )


def _token_of(role: str, backend: Tokenizer, settings: Settings, used: dict[str, int]) -> str:
    """Return the token of `role`, and note its id in `used`."""
    language = settings.values.get("src_lang") if role == "language" else None
    if language is not None and f"__{language}__" in settings.style.additional:
        language = f"__{language}__"
    token = language or settings.tokens.get(f"{role}_token")
    number = None if token is None else backend.token_to_id(text_of(token))
    if token is None or number is None:
        raise TokenizerError(f"{settings.style.name} needs a {role} token; {token!r} is not in the vocabulary")
    used[text_of(token)] = number
    return text_of(token)
