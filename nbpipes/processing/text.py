"""Text to token ids and back."""

import os
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Encoding
from tokenizers import Tokenizer as Backend

from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.encodings import (
    CODE,
    Explained,
    LookedUp,
    as_inputs,
    as_items,
    as_pair,
    complaint,
    complaint_of,
    numbers,
    padded_length,
    without_codes,
)
from nbpipes.processing.saving import NO_LIMIT, copy, save
from nbpipes.processing.special import SpecialTokens
from nbpipes.processing.truncation import Cutters, check_parts, room, strategy
from nbpipes.processing.vocabulary.build import LOOKED_UP, WORD_END, LookedUpParts, load_looked_up
from nbpipes.processing.vocabulary.build import load as load_backend
from nbpipes.processing.vocabulary.finish import finish
from nbpipes.processing.vocabulary.pieces import SPACE
from nbpipes.processing.vocabulary.settings import UNLIMITED, Settings, read, text_of

# What English text loses when the spaces that stand between its tokens are taken back.
CLEANED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")

Text = str | Sequence[str]


def tidied(text: str) -> str:
    """Takes back spaces before marks and contractions, as English text has it."""
    for mark in CLEANED:
        text = text.replace(mark, mark.strip())
    return text


class Tokenizer(SpecialTokens):
    """Cuts text into the tokens of one checkpoint.

    Threads may share a tokenizer: a call never changes it.

    backend: the tokenizer of the tokenizers library, without truncation and padding.
    model_max_length: longest sequence the model takes, in tokens; None where the checkpoint does not say.
    padding_side, truncation_side: "right" or "left".
    model_input_names: what the model wants, in order ("input_ids", "token_type_ids", ...).
    chat_template: the Jinja text; chat_templates: all of them by name.
    src_lang: the language that texts are marked with, None where the class marks none.
    continuing_subword_prefix: what marks a token that continues a word ("##"), "" where nothing does.
    """

    is_fast = True

    def __init__(self, backend: Backend, settings: Settings, repo: Repo | None = None) -> None:
        padding = backend.padding or {}
        truncation = backend.truncation or {}
        finish(backend, settings)
        named = {name: text_of(token) for name, token in settings.tokens.items()}
        super().__init__(backend, named, tuple(text_of(token) for token in settings.additional))
        style, values = settings.style, settings.values
        self.model_max_length = settings.model_max_length
        self.padding_side = settings.side("padding_side", padding.get("direction", style.padding_side))
        self.truncation_side = settings.side("truncation_side", truncation.get("direction", "right"))
        self.model_input_names = settings.model_input_names
        tidy = style.reads == "wordpiece" and not settings.from_json  # upstream's default for these files only
        self.clean_up_tokenization_spaces = bool(values.get("clean_up_tokenization_spaces", tidy))
        self.chat_templates = dict(settings.templates)
        self.chat_template = self.chat_templates.get("default")
        self.continuing_subword_prefix: str = getattr(backend.model, "continuing_subword_prefix", None) or ""
        self.vocab_size = backend.get_vocab_size(with_added_tokens=False)
        self.src_lang: str | None = values.get("src_lang") if "src_lang" in style.settings else None
        self._words_need_space = style.spaced and not values.get("add_prefix_space", False)
        # CLIP's decoder leaves its mark of a word's end in the text.
        self._word_end = WORD_END if style.name == "CLIPTokenizer" else ""
        # tokenizers 0.23 names an added token by its normalized form: "[new]" for "[NEW]".
        added = backend.get_added_tokens_decoder()
        self._names = {i: one.content for i, one in added.items() if backend.id_to_token(i) != one.content}
        self._special = frozenset(i for i, one in added.items() if one.special)
        self._settings = settings
        self._repo = repo
        self._cutters = Cutters(backend)

    @classmethod
    def load(cls, repo: Repo, **overrides: Any) -> "Tokenizer":
        """Load the tokenizer of `repo` from tokenizer.json or, without one, from the older files of its class.

        overrides: settings of tokenizer_config.json to use instead of those in the repository (padding_side,
            truncation_side, model_max_length, pad_token, additional_special_tokens, do_lower_case, ...).
            use_fast is accepted and has no effect.

        Raises TypeError for an unknown override, TokenizerError for missing, damaged or unknown files.
        """
        settings = read(repo, overrides)
        if settings.style.reads in LOOKED_UP and not settings.from_json:
            return LookedUpTokenizer(load_looked_up(repo, settings), settings, repo)
        return cls(load_backend(repo, settings), settings, repo)

    def __len__(self) -> int:
        return self.backend.get_vocab_size(with_added_tokens=True)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What tokenizer_config.json and the defaults of its class say, for readers of more than text."""
        return self._settings.values

    def windows(
        self,
        text: Text,
        pair: Text | None = None,
        *,
        truncation: Any = "longest_first",
        max_length: int | None = None,
        stride: int | None = None,
        add_special_tokens: bool = True,
        is_split_into_words: bool = False,
    ) -> list[Encoding]:
        """Return the encoding of `text` or, with `stride`, all windows that it takes to cover it, in order.

        text, pair: texts, or lists of words where is_split_into_words. An empty pair is no pair.
        truncation: "longest_first", "only_first", "only_second" or "do_not_truncate"; True is "longest_first".
        max_length: tokens of a window, special ones included; None is model_max_length.
        stride: tokens that neighbouring windows share.

        Raises InputError for something that is no text, and where max_length and stride leave no room;
        TooShortError where the part to be cut has fewer tokens than must go.
        """
        encoding = self._encode(
            text, pair or None, truncation, max_length, stride, add_special_tokens, is_split_into_words
        )
        return [encoding] if stride is None else [encoding, *encoding.overflowing]

    def _encode(
        self,
        text: Text,
        pair: Text | None,
        truncation: Any,
        max_length: int | None,
        stride: int | None,
        special: bool,
        words: bool,
    ) -> Encoding:
        if words and self._words_need_space:
            raise InputError(f"{self._settings.style.name} takes words only if loaded with add_prefix_space=True")
        how, length = strategy(truncation), self._length(max_length)
        backend = self.backend
        with Explained(lambda: complaint(text, words) or ("" if pair is None else complaint(pair, words))):
            if how is not None and length is not None:
                left = room(backend, length, stride, pair is not None, special)
                if stride and pair is not None:
                    check_parts(backend, (text, pair), left, stride, how, words)
                backend = self._cutters.get(length, stride or 0, how, self.truncation_side)
            return backend.encode(text, pair, words, special)

    def _length(self, max_length: int | None) -> int | None:
        length = self.model_max_length if max_length is None else max_length
        return None if isinstance(length, int | float) and length >= UNLIMITED else length

    def encode_batch(
        self,
        items: Sequence[str | tuple[str, str]],
        *,
        truncation: Any = "longest_first",
        max_length: int | None = None,
        add_special_tokens: bool = True,
    ) -> list[Encoding]:
        """Return the encodings of many texts or pairs of texts, computed in parallel. Parameters as in `windows`.

        Raises InputError that names the first item which is no text.
        """
        inputs = [item if isinstance(item, str) else as_pair(item, place) for place, item in enumerate(items)]
        how, length = strategy(truncation), self._length(max_length)
        backend = self.backend
        if how is not None and length is not None:
            room(backend, length, None, any(not isinstance(item, str) for item in inputs), add_special_tokens)
            backend = self._cutters.get(length, 0, how, self.truncation_side)
        with Explained(lambda: complaint_of(inputs)):
            return backend.encode_batch(inputs, add_special_tokens=add_special_tokens)

    def __call__(
        self,
        text: Text | Sequence[Text],
        text_pair: Text | Sequence[Text] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: Any = False,
        truncation: Any = None,
        max_length: int | None = None,
        is_split_into_words: bool = False,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
    ) -> dict[str, Any]:
        """Return what a model takes: input_ids, attention_mask and what else it names, as lists or tensors.

        text, text_pair: one text (then each value is one list), or a list of texts (then a list of lists).
        padding: True or "longest", "max_length", False. truncation: as in `windows`; None cuts only where max_length
            is given. return_tensors: "pt" or "np"; a single text becomes a batch of one.

        Raises InputError where `windows` does, for texts of unequal length that shall become one tensor, and for
        padding without a pad token.
        """
        if truncation is None and max_length is not None and padding is False:
            truncation = True
        items, several = as_items(text, text_pair, is_split_into_words)
        encodings = [
            self._encode(*item, truncation, max_length, None, add_special_tokens, is_split_into_words) for item in items
        ]
        longest = padded_length(padding, self._length(max_length), encodings)
        if longest is not None:
            if self.pad_token is None or self.pad_token_id is None:
                raise InputError("padding needs a pad token; tokenizer.pad_token = tokenizer.eos_token gives one")
            for encoding in encodings:
                encoding.pad(longest, direction=self.padding_side, pad_id=self.pad_token_id, pad_token=self.pad_token)
        wanted = {
            "input_ids": True,
            "token_type_ids": return_token_type_ids,
            "attention_mask": return_attention_mask,
            "special_tokens_mask": return_special_tokens_mask,
            "offset_mapping": return_offsets_mapping,
        }
        chosen = [name for name, on in wanted.items() if (name in self.model_input_names if on is None else on)]
        return as_inputs(encodings, chosen, return_tensors, several)

    def decode(
        self, ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> str:
        """Return the text of token ids: a number, a list or a tensor of one dimension."""
        try:
            listed = numbers(ids)
            if self._names.keys() & listed:
                kept = [number for number in listed if not skip_special_tokens or number not in self._special]
                tokens = self.convert_ids_to_tokens(kept)
                text = self.convert_tokens_to_string([token for token in tokens if token is not None])
            else:
                text = self.backend.decode(listed, skip_special_tokens=skip_special_tokens)
        except (TypeError, OverflowError) as error:
            raise InputError(f"token ids must be whole numbers from 0 up: {reprlib.repr(ids)}") from error
        if self._word_end:
            text = text.replace(self._word_end, " ").strip()
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return tidied(text) if clean_up_tokenization_spaces else text

    def batch_decode(
        self,
        sequences: Iterable[Any],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> list[str]:
        """Return the text of each of several lists of token ids."""
        return [self.decode(ids, skip_special_tokens, clean_up_tokenization_spaces) for ids in sequences]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Return the token of an id, or the list of those of several; None for an id that the vocabulary lacks."""
        if isinstance(ids, int):
            return self._names.get(ids) or self.backend.id_to_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self.convert_ids_to_tokens(number) for number in numbers(ids) if number not in skipped]

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """Return the id of a token, or the list of those of several; a token without one gets that of unk_token."""
        if isinstance(tokens, str):
            number = self.backend.token_to_id(tokens)
            return self.unk_token_id if number is None else number
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Return the text that tokens stand for."""
        decoder = self.backend.decoder
        return " ".join(tokens) if decoder is None else decoder.decode(list(tokens))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """Write the tokenizer into `folder`, where nbpipes and transformers can load it; return the paths written."""
        settings = self._settings
        config = {
            **settings.given,
            **self.special_tokens_map,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "model_input_names": list(self.model_input_names),
            "model_max_length": NO_LIMIT if self.model_max_length is None else self.model_max_length,
            "padding_side": self.padding_side,
            "truncation_side": self.truncation_side,
        }
        config.setdefault("tokenizer_class", settings.style.name or "PreTrainedTokenizerFast")
        return save(Path(folder), self.backend, config, self.chat_templates, self._repo)


class LookedUpTokenizer(Tokenizer):
    """A tokenizer that cuts texts with another one and has ids of its own for the pieces (Marian, M2M100)."""

    def __init__(self, parts: LookedUpParts, settings: Settings, repo: Repo | None = None) -> None:
        super().__init__(parts.known, settings, repo)
        self._reader, self._writer, self._coded = Tokenizer(parts.reader, settings), parts.writer, parts.coded
        added = {one.content: i for i, one in parts.known.get_added_tokens_decoder().items()}
        marks = sorted((one.content for one in parts.reader.get_added_tokens_decoder().values()), key=len, reverse=True)
        self._marks = re.compile(f"({'|'.join(map(re.escape, marks))})")
        if self._coded:
            parts.reader.add_tokens([AddedToken(CODE, normalized=False)])
        self._ids: dict[str, Any] = {} if parts.names is None else {**parts.names, **added}
        self._apart = frozenset(token for token, i in added.items() if i >= self.vocab_size)

    def _encode(
        self,
        text: Text,
        pair: Text | None,
        truncation: Any,
        max_length: int | None,
        stride: int | None,
        special: bool,
        words: bool,
    ) -> Any:
        how = (truncation, max_length, stride, special, words)
        found = self._reader._encode(self._shown(text), None if pair is None else self._shown(pair), *how)
        return self._looked_up(found, (text, pair))

    def encode_batch(
        self,
        items: Sequence[str | tuple[str, str]],
        *,
        truncation: Any = "longest_first",
        max_length: int | None = None,
        add_special_tokens: bool = True,
    ) -> list[Any]:
        how = {"truncation": truncation, "max_length": max_length, "add_special_tokens": add_special_tokens}
        shown = [tuple(map(self._shown, item)) if isinstance(item, tuple) else self._shown(item) for item in items]
        found = self._reader.encode_batch(shown, **how)
        pairs = [(item, None) if isinstance(item, str) else item for item in items]
        return [self._looked_up(one, pair) for one, pair in zip(found, pairs, strict=True)]

    def _shown(self, text: Any) -> Any:
        """What the reader sees of a text."""
        return without_codes(text, self._marks) if self._coded and isinstance(text, str) else text

    def _looked_up(self, found: Encoding, texts: Sequence[Any]) -> LookedUp:
        if not self._ids:
            return LookedUp(found, self.convert_tokens_to_ids, texts, self.unk_token, self._piece)
        return LookedUp(found, lambda names: [self._ids.get(name, self.unk_token_id) for name in names], texts, None)

    def _piece(self, text: str) -> str:
        """A piece that the reader does not know, as it writes it."""
        normalizer = self._reader.backend.normalizer
        return text if normalizer is None else normalizer.normalize_str(text).lstrip(SPACE)

    def decode(
        self, ids: Any, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool | None = None
    ) -> str:
        if self._ids:
            return super().decode(ids, skip_special_tokens, clean_up_tokenization_spaces).strip()
        try:
            tokens = [token or self.unk_token or "" for token in self.convert_ids_to_tokens(numbers(ids))]
        except (TypeError, OverflowError) as error:
            raise InputError(f"token ids must be whole numbers from 0 up: {reprlib.repr(ids)}") from error
        skipped = set(self.all_special_tokens) if skip_special_tokens else ()
        kept = [token for token in tokens if token not in skipped]
        parts, run = list[str](), list[str]()
        for token in kept:
            if token in self._apart:
                parts += [self.convert_tokens_to_string(run), token]
                run = []
            else:
                run.append(token)
        text = " ".join(filter(None, [*parts, self.convert_tokens_to_string(run)]))
        return tidied(text) if clean_up_tokenization_spaces else text

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        if self._ids:
            return super().convert_tokens_to_string(tokens)
        special, text, run = set(self.all_special_tokens), "", list[str]()
        for token in tokens:
            if token in special:
                text += super().convert_tokens_to_string(run).lstrip(" ") + token + " " * self._coded
                run = []
            else:
                run.append(token)
        return (text + super().convert_tokens_to_string(run).lstrip(" ")).strip()

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        if self._writer is None or not isinstance(ids, int) or ids in self._special:
            return super().convert_ids_to_tokens(ids, skip_special_tokens)
        return self._writer.id_to_token(ids) or self.unk_token

    def save_pretrained(self, folder: str | os.PathLike[str]) -> tuple[str, ...]:
        """Copy the tokenizer's files into `folder`; return the paths written."""
        return copy(Path(folder), self._repo)
