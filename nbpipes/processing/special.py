"""The special tokens of a tokenizer, as attributes that keep name and id together."""

from collections.abc import Mapping
from typing import overload

from tokenizers import Tokenizer as Backend

from nbpipes.errors import InputError
from nbpipes.processing.vocabulary.styles import ROLES

ROLE_NAMES = tuple(f"{role}_token" for role in ROLES)


class _Token:
    """Attribute `pad_token` and the like: the token of a role, None where there is none."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "_Token": ...
    @overload
    def __get__(self, instance: "SpecialTokens", owner: type) -> str | None: ...
    def __get__(self, instance: "SpecialTokens | None", owner: type) -> "_Token | str | None":
        return self if instance is None else instance.named.get(self.name)

    def __set__(self, instance: "SpecialTokens", token: str | None) -> None:
        instance.assign(self.name, token)


class _TokenId:
    """Attribute `pad_token_id` and the like: the id of the token that stands in `pad_token`."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.removesuffix("_id")

    @overload
    def __get__(self, instance: None, owner: type) -> "_TokenId": ...
    @overload
    def __get__(self, instance: "SpecialTokens", owner: type) -> int | None: ...
    def __get__(self, instance: "SpecialTokens | None", owner: type) -> "_TokenId | int | None":
        if instance is None:
            return self
        token = instance.named.get(self.name)
        return None if token is None else instance.backend.token_to_id(token)

    def __set__(self, instance: "SpecialTokens", number: int | None) -> None:
        token = None if number is None else instance.backend.id_to_token(number)
        if number is not None and token is None:
            raise InputError(f"{self.name}_id cannot be {number}: the vocabulary has no such id")
        instance.assign(self.name, token)


class SpecialTokens:
    """Special tokens by name, and the ids that a backend gives them.

    named: token by name, "pad_token" and the like, in upstream's order; None where a role has none.
    additional_special_tokens: those without a name.
    Setting an attribute (`tokenizer.pad_token = tokenizer.eos_token`) changes the role, not the vocabulary.
    """

    bos_token, bos_token_id = _Token(), _TokenId()
    eos_token, eos_token_id = _Token(), _TokenId()
    unk_token, unk_token_id = _Token(), _TokenId()
    sep_token, sep_token_id = _Token(), _TokenId()
    pad_token, pad_token_id = _Token(), _TokenId()
    cls_token, cls_token_id = _Token(), _TokenId()
    mask_token, mask_token_id = _Token(), _TokenId()

    def __init__(self, backend: Backend, named: Mapping[str, str], additional: tuple[str, ...]) -> None:
        self.backend = backend
        self.named = dict.fromkeys(ROLE_NAMES) | dict(named)
        self.additional_special_tokens = list(additional)

    def get_vocab(self) -> dict[str, int]:
        """Return the id of every token, added tokens included."""
        return self.backend.get_vocab(with_added_tokens=True)

    def assign(self, name: str, token: str | None) -> None:
        """Let `token` have the role `name`, or none where it is None. InputError where the vocabulary lacks it."""
        known = isinstance(token, str) and self.backend.token_to_id(token) is not None
        if token is not None and not known:
            raise InputError(f"{name} cannot be {token!r}: the vocabulary has no such token")
        self.named[name] = token

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """The special tokens by name, with those that have none under "additional_special_tokens"."""
        tokens: dict[str, str | list[str]] = {name: token for name, token in self.named.items() if token}
        if self.additional_special_tokens:
            tokens["additional_special_tokens"] = list(self.additional_special_tokens)
        return tokens

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once."""
        named = (token for token in self.named.values() if token)
        return list(dict.fromkeys([*named, *self.additional_special_tokens]))

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens`."""
        ids = (self.backend.token_to_id(token) for token in self.all_special_tokens)
        return [number for number in ids if number is not None]
