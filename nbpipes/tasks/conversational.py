"""Conversations: a model answers, turn by turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.generation.loop import Request, room
from nbpipes.models.heads import Head
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.chat import check_chat, choose_template, is_chat, render
from nbpipes.results.conversation import Conversation
from nbpipes.tasks.text import told
from nbpipes.tasks.text2text import about_sources
from nbpipes.tasks.writing import Writing, WritingOptions

BLENDERBOT = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ ' ' }}{% endif %}{{ message['content'] }}"
    "{% if not loop.last %}{{ '  ' }}{% endif %}{% endfor %}{{ eos_token }}"
)
TEMPLATES: Mapping[str, str] = {
    "gpt2": "{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}",
    "blenderbot": BLENDERBOT,
    "blenderbot-small": BLENDERBOT,
}
"""How models that are older than chat templates were trained to see a conversation (gpt2: DialoGPT)."""


@dataclass(frozen=True)
class ConversationalOptions(WritingOptions, Options):
    """clean_up_tokenization_spaces: take back spaces before marks. min_length_for_response and minimum_tokens are
    accepted for old code and change nothing."""

    clean_up_tokenization_spaces: bool = True
    min_length_for_response: int = 32
    minimum_tokens: int = 10


class ConversationalPipeline(Writing[ConversationalOptions]):
    """Answers in conversations.

        conversation = pipe(Conversation("Is it good?"))
        conversation.messages[-1]["content"]

    An item is a Conversation, or a list of messages. Its result is the conversation, the same object, with one turn
    more.
    """

    options_class = ConversationalOptions
    kind = "conversational"
    wanted = 'a Conversation, or a list of messages: [{"role": "user", "content": …}, …]'
    input_names = ("inputs", "conversations")
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def is_item(self, value: Any) -> bool:
        return isinstance(value, Conversation) or is_chat(value)

    def preprocess(self, item: Any, options: ConversationalOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        if not self.is_item(item):
            raise InputError(f"an item must be {self.wanted}, not {told(item)}")
        conversation = item if isinstance(item, Conversation) else Conversation(item)
        check_chat(conversation.messages)
        templates = self.tokenizer.chat_templates or {"default": TEMPLATES.get(self.model.config.model_type, "")}
        template = choose_template({name: text for name, text in templates.items() if text}, None, tools=False)
        variables = self.tokenizer.special_tokens_map | {"add_generation_prompt": True}
        text = render(template, conversation.messages, variables)
        ids = self.tokenizer.windows(text, truncation=False, add_special_tokens=False)[0].ids
        limit, settings = self.model.limit, self.settings(given)
        if limit is not None and len(ids) > limit:
            raise InputError(f"the conversation has {len(ids):,} tokens, and the model reads at most {limit:,}")
        size = len(ids) + settings.longest(1, limit) if self._about else room(settings, len(ids), limit)
        yield Chunk({"input_ids": ids}, conversation, size)

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: ConversationalOptions) -> Request:
        settings = self.settings(options)
        if self._about:
            return about_sources(self, batch, chunks, settings, options)
        return Request(
            inputs=batch.inputs,
            prompts=[chunk.inputs["input_ids"] for chunk in chunks],
            settings=settings,
            limit=self.model.limit,
            decode=lambda ids: self.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
            prefix_allowed_tokens_fn=options.prefix_allowed_tokens_fn,
            logits_processor=options.logits_processor or (),
            stopping_criteria=options.stopping_criteria or (),
        )

    def postprocess(self, outputs: Sequence[ChunkOutput], options: ConversationalOptions | None = None) -> Conversation:
        given, (answer,) = options or self.options, outputs
        conversation: Conversation = answer.chunk.note
        ids = answer.output.written[0].tokens
        text = self.tokenizer.decode(ids, True, given.clean_up_tokenization_spaces)
        conversation.add_message({"role": "assistant", "content": text})
        conversation.meta = self.meta
        return conversation

    def gather(self, results: list[Any], items: list[Any], options: ConversationalOptions) -> Any:
        return results[0] if len(results) == 1 else super().gather(results, items, options)

    @property
    def _about(self) -> bool:
        """Whether the model reads with an encoder, and writes about what that has read."""
        return self.model.kind is Head.SEQ2SEQ
