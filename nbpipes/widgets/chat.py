"""The view of a chat: its turns, other answers to the same question, and, with a model behind it, what is said next."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display import render
from nbpipes.display.chat import content_of, messages_of
from nbpipes.display.tokens import pieces_of
from nbpipes.errors import InputError
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, TEXT, View, score, text

SHOWN = 500
"""Turns that a view shows, the last ones."""
INTERVAL = 0.1
"""Seconds between two messages about a text that grows: browsers drop what comes faster."""
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A text so far, how many tokens it has, None where nobody counted, and the seconds that it took.

    stopped: it is the last of a text that was to go on.
    """

    text: str
    tokens: int | None = None
    seconds: float | None = None
    stopped: bool = False


Answer = Callable[[Sequence[Message], threading.Event], Iterator[Said]]
"""Writes the next turn of a chat, and says again and again how far it is; ends early when the event is set."""


@dataclass(slots=True)
class Turn:
    """One turn. before: the number of the turn that it follows, -1 for none. stopped: it was to go on."""

    before: int
    message: dict[str, Any]
    tokens: int | None = None
    seconds: float | None = None
    pieces: list[tuple[str, float]] = field(default_factory=list)
    stopped: bool = False


class Tree:
    """All turns of a chat, in which several may follow the same one, and the last one of those that are shown."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.last = -1

    @classmethod
    def of(cls, value: Any) -> "Tree":
        """The turns of a result: a chat, or several that differ in their last turn."""
        tree = cls()
        for entry in chats_of(value):
            chat, shared = entry["generated_text"], tree.path()
            keep = shared[: len(chat) - 1] if len(shared) == len(chat) else []
            at = keep[-1] if keep else -1
            for message in chat[len(keep) :]:
                at = tree.add(at, dict(message))
            tree.turns[at].pieces = pieces_of(entry)
        if tree.turns:
            tree.choose(tree.beside(tree.last)[0])
        return tree

    def add(self, before: int, message: dict[str, Any]) -> int:
        """Adds a turn and shows it; gives its number."""
        self.turns.append(Turn(before, message))
        self.last = len(self.turns) - 1
        return self.last

    def path(self) -> list[int]:
        """The numbers of the turns that are shown."""
        found, at = [], self.last
        while at >= 0:
            found.append(at)
            at = self.turns[at].before
        return found[::-1]

    def messages(self) -> list[dict[str, Any]]:
        """The messages that are shown."""
        return [self.turns[number].message for number in self.path()]

    def beside(self, number: int) -> list[int]:
        """The turns that follow the same one as this, itself included."""
        before = self.turns[number].before
        return [other for other, turn in enumerate(self.turns) if turn.before == before]

    def end(self, number: int) -> None:
        """Shows a turn as the last one."""
        self.last = number

    def choose(self, number: int) -> None:
        """Shows a turn, and of those after it the latest."""
        self.last = number
        while after := [other for other, turn in enumerate(self.turns) if turn.before == self.last]:
            self.last = after[-1]


def chats_of(value: Any) -> list[Mapping[str, Any]]:
    """The chats of a result, {"generated_text": messages}; none if it is of another kind, or a text is among them."""
    messages = value.messages if hasattr(value, "messages") else value
    if messages_of(messages) is not None:
        return [{"generated_text": messages}]
    entries = value if isinstance(value, list) else []
    chats = [one for one in entries if isinstance(one, Mapping) and messages_of(one.get("generated_text"))]
    return chats if len(chats) == len(entries) else []


def describe(value: Any, source: Any) -> dict[str, Any] | None:
    """What the front end draws; None for what is no chat."""
    return spec_of(Tree.of(value)) if chats_of(value) else None


def spec_of(tree: Tree, *, live: bool = False, writing: bool = False) -> dict[str, Any]:
    """What the front end draws of a tree. live: whether a model is there to answer. writing: whether it does."""
    path = tree.path()
    return {
        "about": f"Chat of {len(path):,} turns",
        "live": live,
        "writing": writing,
        "before": max(len(path) - SHOWN, 0),
        "turns": [_plain(tree, number) for number in path[-SHOWN:]],
    }


def _plain(tree: Tree, number: int) -> dict[str, Any]:
    turn, beside = tree.turns[number], tree.beside(number)
    content = content_of(turn.message)
    return {
        "number": number,
        "role": text(turn.message.get("role"), 40),
        "content": text(content, TEXT),
        "more": max(len(content) - TEXT, 0),
        "beside": beside,
        "tokens": turn.tokens,
        "seconds": score(turn.seconds),
        "stopped": turn.stopped,
        "pieces": [[text(piece, TEXT), score(chance)] for piece, chance in turn.pieces[:ENTRIES]],
    }


class Chat(View):
    """A chat. `messages` are the turns that are shown.

    answer: the model behind it, if there is one. changed: called after each turn.
    """

    name: ClassVar[str] = "chat"
    slow: ClassVar[frozenset[str]] = frozenset({"say", "edit", "again"})
    _esm = Unicode(bundle("chat")).tag(sync=True)

    def __init__(
        self,
        result: Any,
        spec: Mapping[str, Any],
        meta: Mapping[str, Any] | None = None,
        *,
        answer: Answer | None = None,
        changed: Callable[["Chat"], None] | None = None,
    ) -> None:
        self.tree, self.meta = Tree.of(result), dict(meta or {})
        if self.meta.pop("stopped", False):  # turns say it themselves, as others may follow
            for number in self.tree.beside(self.tree.last):
                self.tree.turns[number].stopped = True
        self.answer, self.changed = answer, changed
        self.stopping, self.busy = threading.Event(), threading.Lock()
        super().__init__(result, spec, self.meta)
        self.ops |= {"say": self._say, "edit": self._edit, "again": self._again, "choose": self._choose}
        self.ops |= {"stop": lambda args: self.stopping.set()}
        self.show()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The turns that are shown, as a pipeline takes and gives them."""
        return self.tree.messages()

    def to_html(self) -> str:
        turns = (self.tree.turns[number] for number in self.tree.path())
        marked = [turn.message | ({"stopped": True} if turn.stopped else {}) for turn in turns]
        return render("conversational", marked, None, self.meta)

    def parts(self) -> Sequence[Any]:
        return self.messages

    def show(self, *, writing: bool = False) -> None:
        """Draws what has changed."""
        self.spec = dict(self.spec) | spec_of(self.tree, live=self.answer is not None, writing=writing)

    def measured(self, tokens: int | None, seconds: float | None) -> None:
        """Tells what the last turn took."""
        turn = self.tree.turns[self.tree.last]
        turn.tokens, turn.seconds = tokens, seconds
        self.show()

    def close(self) -> None:
        self.stopping.set()
        super().close()

    def _say(self, args: Mapping[str, Any]) -> None:
        """The reader says something."""
        self._answered(lambda: self.tree.add(self.tree.last, {"role": "user", "content": _text_of(args)}))

    def _edit(self, args: Mapping[str, Any]) -> None:
        """The reader says something else instead; the first words stay beside it."""
        number, words = self._number(args), _text_of(args)
        message = {"role": self.tree.turns[number].message.get("role", "user"), "content": words}
        self._answered(lambda: self.tree.add(self.tree.turns[number].before, message))

    def _again(self, args: Mapping[str, Any]) -> None:
        """Another answer beside the one that is there."""
        number = self._number(args)
        self._answered(lambda: self.tree.end(self.tree.turns[number].before))

    def _choose(self, args: Mapping[str, Any]) -> None:
        """Goes over to another branch."""
        if self.busy.locked():
            raise InputError("an answer is being written: stop it first")
        self.tree.choose(self._number(args))
        self._tell()

    def _number(self, args: Mapping[str, Any]) -> int:
        number = args.get("number")
        if type(number) is not int or not 0 <= number < len(self.tree.turns):
            raise InputError(f"there are {len(self.tree.turns)} turns, and no turn {number!r}")
        return number

    def _answered(self, prepare: Callable[[], object]) -> None:
        """Changes the tree, and lets the model say the next turn unless the last one is its own."""
        if self.answer is None:
            raise InputError("this chat has no model behind it; %%pipe chat gives one that has")
        if not self.busy.acquire(blocking=False):
            raise InputError("an answer is being written: stop it first")
        try:
            prepare()
            self.stopping.clear()
            messages = self.messages
            if not messages or messages[-1].get("role") != "assistant":
                self._write(self.answer(messages, self.stopping))
        finally:
            self.busy.release()
            self._tell()

    def _write(self, answer: Iterator[Said]) -> None:
        number = self.tree.add(self.tree.last, {"role": "assistant", "content": ""})
        turn = self.tree.turns[number]
        self.show(writing=True)
        due = time.monotonic()
        try:
            for said in answer:
                turn.message["content"], turn.tokens, turn.seconds = said.text, said.tokens, said.seconds
                turn.stopped = said.stopped
                if time.monotonic() >= due:
                    due = time.monotonic() + INTERVAL
                    self.send({"turn": number, "text": text(said.text, TEXT), "tokens": said.tokens})
        except BaseException:
            if not turn.message["content"]:
                self.tree.turns.pop()
                self.tree.last = turn.before
            raise

    def _tell(self) -> None:
        self.show()
        if self.changed is not None:
            self.changed(self)


def _text_of(args: Mapping[str, Any]) -> str:
    words = args.get("text")
    if not isinstance(words, str) or not words.strip():
        raise InputError("there is nothing to say")
    return words
