"""A conversation as an object that grows turn by turn."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

from nbpipes.errors import InputError, need

log = logging.getLogger(__name__)
ROLES = ("user", "assistant", "system")


class _Drawn:
    """What a notebook shows."""

    task: ClassVar[str] = "conversational"
    source: ClassVar[None] = None
    messages: list[dict[str, str]]
    meta: dict[str, Any]

    def to_html(self) -> str:
        """Return the static HTML that a notebook shows."""
        return need("nbpipes.display").render(self.task, self.messages, None, self.meta)

    def _ipython_display_(self) -> None:
        need("nbpipes.notebook.publish").show(self)

    def _repr_html_(self) -> str:
        return self.to_html()


class Conversation(_Drawn):
    """Messages of a user and an assistant, with an id.

    conversation = Conversation("Going to the movies tonight - any suggestions?")
    conversation.add_message({"role": "assistant", "content": "The Big Lebowski."})

    messages: a text (what the user says first), or a list of {"role", "content"}. text, past_user_inputs and
    generated_responses are the old way to say the same: the past turns stand before the messages.
    """

    def __init__(
        self,
        messages: str | Sequence[Mapping[str, str]] | None = None,
        conversation_id: UUID | None = None,
        *,
        text: str | None = None,
        past_user_inputs: Sequence[str] | None = None,
        generated_responses: Sequence[str] | None = None,
    ) -> None:
        if generated_responses is not None and past_user_inputs is None:
            raise InputError("generated_responses answer past_user_inputs: give those too")
        messages = text if messages is None else messages
        self.uuid = conversation_id or uuid4()
        self.messages: list[dict[str, str]] = []
        responses = list(generated_responses or ())
        for i, said in enumerate(past_user_inputs or ()):
            self.messages.append({"role": "user", "content": said})
            self.messages += [{"role": "assistant", "content": answer} for answer in responses[i : i + 1]]
        if isinstance(messages, str):
            self.messages.append({"role": "user", "content": messages})
        else:
            self.messages += [dict(message) for message in messages or ()]
        self.meta: dict[str, Any] = {}
        self._processed = 0

    def add_message(self, message: Mapping[str, str]) -> None:
        """Adds a turn; InputError unless it has a known role and a content, and nothing else."""
        if set(message) != {"role", "content"}:
            raise InputError(f"a message has a role and a content, not {', '.join(message) or 'nothing'}")
        if message["role"] not in ROLES:
            raise InputError(f"the role of a message is one of {', '.join(ROLES)}, not {message['role']!r}")
        self.messages.append(dict(message))

    def add_user_input(self, text: str, overwrite: bool = False) -> None:
        """The old way to add a turn of the user; a second one in a row is ignored, or overwrites the first."""
        if self and self[-1]["role"] == "user":
            log.warning("the last turn is the user's already: it %s", "is replaced" if overwrite else "stays")
            if overwrite:
                self[-1] = {"role": "user", "content": text}
            return
        self.messages.append({"role": "user", "content": text})

    def append_response(self, response: str) -> None:
        """The old way to add a turn of the assistant."""
        self.messages.append({"role": "assistant", "content": response})

    def mark_processed(self) -> None:
        """Counts all turns so far as answered, for `past_user_inputs`."""
        self._processed = len(self.messages)

    def iter_texts(self) -> Iterator[tuple[bool, str]]:
        """Whether the user speaks, and what is said, turn by turn."""
        return ((message["role"] == "user", message["content"]) for message in self.messages)

    @property
    def past_user_inputs(self) -> list[str]:
        """What the user has said, without a last turn that is not answered yet."""
        texts = [text for is_user, text in self.iter_texts() if is_user]
        waits = bool(self) and self[-1]["role"] == "user" and self._processed < len(self)
        return texts[:-1] if waits else texts

    @property
    def generated_responses(self) -> list[str]:
        """What the assistant has said."""
        return [message["content"] for message in self.messages if message["role"] == "assistant"]

    @property
    def new_user_input(self) -> str:
        """The user's last turn."""
        return next(text for is_user, text in reversed([*self.iter_texts()]) if is_user)

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[dict[str, str]]:
        return iter(self.messages)

    def __getitem__(self, index: int) -> dict[str, str]:
        return self.messages[index]

    def __setitem__(self, index: int, message: dict[str, str]) -> None:
        self.messages[index] = message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conversation) and (self.uuid == other.uuid or self.messages == other.messages)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        turns = (f"{message['role']}: {message['content']}\n" for message in self.messages)
        return f"Conversation id: {self.uuid}\n{''.join(turns)}"
