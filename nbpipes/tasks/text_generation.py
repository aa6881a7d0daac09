"""Text generation: goes on with a text, or answers in a chat."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, Literal

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.generation.loop import Request, Written, room
from nbpipes.generation.settings import Settings
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.chat import check_chat, choose_template, is_chat, render
from nbpipes.tasks.text import longest, told
from nbpipes.tasks.writing import Writing, WritingOptions, judged

log = logging.getLogger(__name__)
RETURN_TYPES = ("tensors", "new_text", "full_text")
"""What return_type may be, also as a number."""
ENCODE = ("add_special_tokens", "truncation", "max_length", "padding")
"""Keywords of tokenizer_encode_kwargs for plain texts; for chats all of them go to the template."""


@dataclass(frozen=True)
class TextGenerationOptions(WritingOptions, Options):
    """return_full_text: the prompt (or the whole chat) stands before the new text; False gives the new text alone.
    return_tensors: token ids, those of the prompt included, instead of text. return_type: the same by one word.
    clean_up_tokenization_spaces, skip_special_tokens: how ids become text. prefix: stands before each prompt.
    handle_long_generation: "hole" drops the beginning of prompts that are too long.
    stop_sequence: a text that ends the generation; it is the last of what is returned.
    add_special_tokens, truncation: how a text becomes ids; max_length bounds the whole, prompt and answer.
    tokenizer_encode_kwargs: more for the tokenizer, or for the template of a chat (tools, documents, …).
    continue_final_message: go on with the last message of a chat; None does so if it is the assistant's.
    padding changes nothing.
    """

    return_full_text: bool | None = None
    return_tensors: bool | None = None
    return_text: bool | None = None
    return_type: int | str | None = None
    clean_up_tokenization_spaces: bool = True
    prefix: str | None = None
    handle_long_generation: Literal["hole"] | None = None
    stop_sequence: str | None = None
    add_special_tokens: bool | None = None
    truncation: bool | str | None = None
    padding: bool | str | None = None
    continue_final_message: bool | None = None
    skip_special_tokens: bool = True
    tokenizer_encode_kwargs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        names = ("return_full_text", "return_text", "return_tensors")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) > 1 and self.return_type is None:
            raise InputError(f"{given[0]} and {given[1]} exclude each other")
        if self.handle_long_generation not in (None, "hole"):
            raise InputError(f"handle_long_generation must be 'hole' or None, not {self.handle_long_generation!r}")
        if self.return_type not in (None, 0, 1, 2, *RETURN_TYPES):
            raise InputError(f"return_type must be one of {', '.join(RETURN_TYPES)}, not {self.return_type!r}")

    @property
    def wanted(self) -> str:
        """What to give back: one of RETURN_TYPES."""
        if self.return_type is not None:
            return self.return_type if isinstance(self.return_type, str) else RETURN_TYPES[self.return_type]
        if self.return_tensors:
            return "tensors"
        return "new_text" if self.return_full_text is False else "full_text"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text or a chat, and whether its last message goes on."""

    given: Any
    continued: bool = False


class TextGenerationPipeline(Writing[TextGenerationOptions]):
    """Writes on from a text, or answers in a chat.

        pipe("Once upon a time", max_new_tokens=20)                       # [{"generated_text": "Once upon a time …"}]
        pipe([{"role": "user", "content": "Who wrote Faust?"}])           # the chat, with the answer as last message

    An item is a text, or a chat: a list of messages. Its result is a list with one dict for each of
    num_return_sequences.
    """

    options_class = TextGenerationOptions
    kind = "text-generation"
    wanted = 'a text, or a chat: [{"role": "user", "content": …}, …]'
    input_names = ("inputs", "text_inputs")
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "do_sample": True, "temperature": 0.7}

    def is_item(self, value: Any) -> bool:
        return isinstance(value, str | dict) or is_chat(value)

    def preprocess(self, item: Any, options: TextGenerationOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        settings = self.settings(given)
        ids, prompt, extra = self._encoded(item, given)
        if not ids:
            if settings.bos_token_id is None:
                raise InputError("the prompt is empty, and this model has no token that begins a text")
            ids = [settings.bos_token_id]
        if given.handle_long_generation == "hole":
            ids = ids[-self._kept(len(ids), settings) :]
        trained = self.model.config.raw.get("max_position_embeddings")
        if isinstance(trained, int) and len(ids) >= trained and self.model.limit is None:
            said = "the prompt has %s tokens, and the model was trained on at most %s: it may answer badly; shorten it"
            log.warning(said, len(ids), trained)
        whole = room(self._lengthened(settings, extra), len(ids), self.model.limit)
        group = next(_NUMBERS) if given.assistant_model is not None else None
        yield Chunk({"input_ids": ids}, (prompt, extra), whole, group=group)

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: TextGenerationOptions) -> Request:
        settings = self.settings(options)
        if options.stop_sequence:
            settings = settings.updated({"stop_strings": (*settings.stops, options.stop_sequence)})
        return Request(
            inputs=batch.inputs,
            prompts=[chunk.inputs["input_ids"] for chunk in chunks],
            settings=self._lengthened(settings, chunks[0].note[1]),
            limit=self.model.limit,
            decode=lambda ids: self.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
            prefix_allowed_tokens_fn=options.prefix_allowed_tokens_fn,
            logits_processor=options.logits_processor or (),
            stopping_criteria=options.stopping_criteria or (),
            assistant=self.assistant(options),
            tongues=self.tongues(options),
        )

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: TextGenerationOptions | None = None
    ) -> list[dict[str, Any]]:
        given, (answer,) = options or self.options, outputs
        ids, (prompt, _) = answer.chunk.inputs["input_ids"], answer.chunk.note
        texts: list[Written] = answer.output.written
        if given.wanted == "tensors":
            pad, whole = self.settings(given).pad, max(len(text.tokens) for text in texts)
            return [
                {"generated_token_ids": [*ids, *text.tokens, *[pad] * (whole - len(text.tokens))]} for text in texts
            ]
        before = len(self._decoded(ids, given)) if prompt.given else 0

        def decode(new: Sequence[int]) -> str:
            return self._decoded([*ids, *new], given)[before:]

        found = []
        for text in texts:
            new = decode(text.tokens)
            whole = new if given.wanted == "new_text" else _whole(prompt, new)
            found.append({"generated_text": whole, **judged(decode, text)})
        return found

    def _decoded(self, ids: Sequence[int], given: TextGenerationOptions) -> str:
        return self.tokenizer.decode(ids, given.skip_special_tokens, given.clean_up_tokenization_spaces)

    def _encoded(self, item: Any, given: TextGenerationOptions) -> tuple[list[int], Prompt, int]:
        """The ids of an item, what it was, and how many ids its prefix has."""
        more = dict(given.tokenizer_encode_kwargs or {})
        if is_chat(item):
            text, prompt = self._rendered(item, given, more)
            plain = {"truncation": given.truncation, "max_length": given.max_length, "add_special_tokens": False}
            return self._ids(text, plain), prompt, 0
        if not isinstance(item, str):
            raise InputError(f"an item must be {self.wanted}, not {told(item)}")
        unknown = [name for name in more if name not in ENCODE]
        if unknown:
            raise TypeError(f"tokenizer_encode_kwargs has no {unknown[0]!r} for a text; it has {', '.join(ENCODE)}")
        prefix = self._prefix(given)
        plain = {"truncation": given.truncation, "max_length": given.max_length}
        if given.add_special_tokens is not None:
            plain["add_special_tokens"] = given.add_special_tokens
        extra = len(self._ids(prefix, {"add_special_tokens": bool(given.add_special_tokens)})) if prefix else 0
        return self._ids(prefix + item, plain | more), Prompt(item), extra

    def _ids(self, text: str, how: Mapping[str, Any]) -> list[int]:
        cut = how.get("truncation") or False
        bound = how.get("max_length") or longest(self.tokenizer, self.model)
        return self.tokenizer.windows(
            text,
            truncation=cut,
            max_length=bound if cut else None,
            add_special_tokens=how.get("add_special_tokens", True),
        )[0].ids

    def _rendered(self, chat: Any, given: TextGenerationOptions, more: dict[str, Any]) -> tuple[str, Prompt]:
        check_chat(chat)
        goes_on = given.continue_final_message
        if goes_on is None:
            goes_on = chat[-1]["role"] == "assistant"
        template = choose_template(
            self.tokenizer.chat_templates, more.pop("chat_template", None), tools=bool(more.get("tools"))
        )
        tokens = self.tokenizer.special_tokens_map
        variables = {"tools": None, "documents": None} | tokens | {"add_generation_prompt": not goes_on} | more
        return render(template, chat, variables, continue_final_message=goes_on), Prompt(list(chat), goes_on)

    def _prefix(self, given: TextGenerationOptions) -> str:
        """What stands before each prompt: the user's word, else what the model was trained with."""
        if given.prefix is not None:
            return given.prefix
        return str(self._task_settings.get("prefix") or self.model.config.raw.get("prefix") or "")

    def _kept(self, prompt: int, settings: Settings) -> int:
        """How many ids of a prompt fit beside those to be written."""
        limit = longest(self.tokenizer, self.model)
        new = settings.longest(prompt) - prompt
        if new < 0:
            raise InputError(f"the prompt has {prompt:,} tokens, more than max_length; set max_new_tokens instead")
        if limit is None or prompt + new <= limit:
            return prompt
        if limit <= new:
            raise InputError(f"max_new_tokens={new:,} leaves no room for the prompt: the model reads {limit:,} tokens")
        return limit - new

    def _lengthened(self, settings: Settings, extra: int) -> Settings:
        """A prefix of so many ids does not count against the lengths that the user gives."""
        if not extra or settings.max_new_tokens is not None:
            return settings
        least = settings.min_length + extra if settings.min_length and settings.min_new_tokens is None else 0
        return settings.updated({"max_length": settings.max_length + extra, "min_length": least})


_NUMBERS = count()
"""Chunks with a number of their own as group are never put together."""


def _whole(prompt: Prompt, new: str) -> Any:
    """The text, or the chat, with what is new."""
    if isinstance(prompt.given, str):
        return prompt.given + new
    if not prompt.continued:
        return [*prompt.given, {"role": "assistant", "content": new}]
    last = dict(prompt.given[-1])
    last["content"] = _extended(last["content"], new)
    return [*prompt.given[:-1], {"role": last["role"], "content": last["content"]}]


def _extended(content: Any, new: str) -> Any:
    """The content of a message with more text; of several blocks the last text grows."""
    if isinstance(content, str):
        return content + new
    blocks = [dict(block) for block in content]
    last = max(i for i, block in enumerate(blocks) if "text" in block)
    blocks[last]["text"] += new
    return blocks
