"""Extractive question answering: which part of a text answers a question about it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from tokenizers import Encoding

from nbpipes.engine.inputs import Given, sort_out
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.span_search import Flags, chances, likeliest_spans
from nbpipes.tasks.text import longest, text_chunk

Answer = dict[str, Any]


@dataclass(frozen=True)
class QuestionAnsweringOptions(Options):
    """top_k: how many answers, best first. max_answer_len: tokens of an answer at most.
    max_seq_len: tokens of question and context that are read at once, 384 unless the model takes fewer.
    doc_stride: tokens that the windows of a longer context share; 128, or half of a short max_seq_len.
    handle_impossible_answer: lets "" compete, with the score that the model gives to no answer.
    align_to_words: makes answers begin and end with words; not for languages written without spaces.
    padding and max_question_len change nothing. topk: old name of top_k.
    """

    top_k: int = 1
    max_answer_len: int = 15
    max_seq_len: int | None = None
    doc_stride: int | None = None
    handle_impossible_answer: bool = False
    align_to_words: bool = True
    padding: bool | str | None = None
    max_question_len: int = 64
    topk: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("top_k", 1), ("max_answer_len", 1), ("max_seq_len", 1), ("doc_stride", 0)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise InputError(f"{name} must be a number from {least} on, not {value!r}")

    def updated(self, given: Mapping[str, Any], task: str = "") -> Self:
        """None leaves an option as it was; topk becomes top_k."""
        stated = self.stated(given)
        if "topk" in stated:
            warnings.warn("topk is deprecated: use top_k", stacklevel=3)
            stated.setdefault("top_k", stated.pop("topk"))
        return super().updated(stated, task)


class MissingTextError(InputError, KeyError):
    """An item does not say its question or its context."""


@dataclass(frozen=True, slots=True)
class SquadExample:
    """A question and the text that should hold the answer."""

    question_text: str
    context_text: str


@dataclass(frozen=True, slots=True)
class Window:
    """The context of an item, and the part of it that a chunk reads. side: whether it comes first (0) or second (1)."""

    context: str
    encoding: Encoding
    side: int

    def characters(self, first: int, last: int, *, align: bool) -> tuple[int, int]:
        """Where in the context the tokens from `first` to `last` lie, or with align the words that they are part of."""
        opening = self._word(first) if align else None
        closing = self._word(last) if align else None
        if opening is None or closing is None:
            offsets = self.encoding.offsets
            opening, closing = offsets[first], offsets[last]
        return opening[0], closing[1]

    def _word(self, token: int) -> tuple[int, int] | None:
        """Where the word lies that a token is part of; None for a token that is no text."""
        word = self.encoding.token_to_word(token)
        return None if word is None else self.encoding.word_to_chars(word, self.side)


class QuestionAnsweringPipeline(Pipeline[QuestionAnsweringOptions]):
    """Finds the answer to a question in a text.

        pipeline("question-answering")(question="Where do I live?", context="My name is Wolfgang and I live in Berlin")
        # {"score": 0.91…, "start": 34, "end": 40, "answer": "Berlin"}

    An item is `{"question": …, "context": …}` or an object with `question_text` and `context_text`. Its result is one
    answer, or a list of them where there are several; start and end count characters of the context.
    """

    options_class = QuestionAnsweringOptions
    kind = "question-answering"
    wanted = 'question= and context=, or {"question": …, "context": …}'

    @staticmethod
    def create_sample(question: str | Sequence[str], context: str | Sequence[str]) -> SquadExample | list[SquadExample]:
        """A question with its context as one item, or lists of them as a list of items."""
        questions = [question] if isinstance(question, str) else question
        contexts = [context] if isinstance(context, str) else context
        samples = [SquadExample(*pair) for pair in zip(questions, contexts, strict=True)]
        return samples[0] if isinstance(question, str) else samples

    def is_item(self, value: Any) -> bool:
        return isinstance(value, dict) or hasattr(value, "question_text")

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """The items of a call: named, as one dict or example or many of them, or as two strings."""
        named = {name: options.pop(name) for name in ("question", "context", "X", "data") if name in options}
        if len(args) == 2 and all(isinstance(text, str) for text in args):
            given = _pairs(*args)
        elif args:
            given = super().arguments(args if len(args) == 1 else (list(args),), options)
        elif named.keys() >= {"question", "context"}:
            given = _pairs(named["question"], named["context"])
        elif named.keys() & {"X", "data"}:
            name, value = next((name, value) for name, value in named.items() if name in ("X", "data"))
            warnings.warn(f"{name}= is deprecated: use question= and context=", FutureWarning, stacklevel=3)
            given = super().arguments((value,), options)
        else:
            raise InputError(f"question answering needs {self.wanted}")
        return Given(given.items, "one") if given.shape == "list" and given.size == 1 else given

    def preprocess(self, item: Any, options: QuestionAnsweringOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        question, context = _texts(item)
        side = 1 if self.tokenizer.padding_side == "right" else 0
        for encoding in self._windows(question, context, side, given.max_seq_len, given.doc_stride):
            yield text_chunk(encoding, self.tokenizer, self.model.limit, Window(context, encoding, side))

    def _windows(
        self, question: str, context: str, side: int, max_seq_len: int | None, doc_stride: int | None
    ) -> list[Encoding]:
        """All of the context in windows, each with the question before it or, where side is 0, after it."""
        length = min(384, longest(self.tokenizer, self.model) or 384) if max_seq_len is None else max_seq_len
        stride = min(length // 2, 128) if doc_stride is None else doc_stride
        if stride > length:
            raise InputError(f"doc_stride ({stride}) is larger than max_seq_len ({length})")
        texts, how = ((question, context), "only_second") if side else ((context, question), "only_first")
        try:
            return self.tokenizer.windows(*texts, truncation=how, max_length=length, stride=stride)
        except InputError as error:
            asked = len(self.tokenizer.windows(question, truncation=False, add_special_tokens=False)[0])
            room = length - asked - self.tokenizer.backend.num_special_tokens_to_add(True)
            if stride < room:
                raise
            if doc_stride is None and room > 1:
                return self._windows(question, context, side, length, room // 2)
            raise InputError(
                f"of max_seq_len={length} tokens the question takes {asked} and leaves {max(room, 0)} for the context: "
                f"doc_stride={stride} must be less than that. Raise max_seq_len or lower doc_stride"
            ) from error

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: QuestionAnsweringOptions | None = None
    ) -> Answer | list[Answer]:
        given = options or self.options
        count = 2 * given.top_k + 10 if given.align_to_words else given.top_k  # aligned, several may become one
        found: dict[str, Answer] = {}
        nothing = 1e6
        for out in outputs:
            window: Window = out.chunk.note
            allowed, opening = self._allowed(window)
            start = chances(out.output.start.float().numpy(), allowed)
            end = chances(out.output.end.float().numpy(), allowed)
            if opening:
                nothing = min(nothing, float(start[0] * end[0]))
                start[0] = end[0] = 0.0
            for first, last, score in likeliest_spans(start, end, allowed, count, given.max_answer_len):
                place = window.characters(first, last, align=given.align_to_words)
                text = window.context[slice(*place)]
                answer = found.setdefault(
                    text.lower(), {"score": 0.0, "start": place[0], "end": place[1], "answer": text}
                )
                answer["score"] += score
        answers = list(found.values())
        if given.handle_impossible_answer:
            answers.append({"score": nothing, "start": 0, "end": 0, "answer": ""})
        answers.sort(key=lambda answer: -answer["score"])
        return answers[0] if len(answers[: given.top_k]) == 1 else answers[: given.top_k]

    def _allowed(self, window: Window) -> tuple[Flags, bool]:
        """Which tokens may be part of an answer, and whether the window opens with a token that is no text.

        These are the tokens of the context, and those that stand for the whole, which say "no answer".
        """
        ids, sides = window.encoding.ids, window.encoding.sequence_ids
        context = np.array([side == window.side for side in sides])
        return context | (np.array(ids) == self.tokenizer.cls_token_id), not context[0]

    def span_to_answer(self, text: str, start: int, end: int) -> Answer:
        """The words of a text that hold its tokens from `start` to `end`, where words end at spaces."""
        words, first, last, token, place = [], 0, 0, 0, 0
        for word in text.split(" "):
            if token > end:
                break
            if token >= start:
                words.append(word)
            if token == start:
                first = place
            if token == end:
                last = place + len(word)
            encoding = self.tokenizer.windows(word, truncation=False, add_special_tokens=False)[0]
            token, place = token + len(encoding), place + len(word) + 1
        return {"answer": " ".join(words), "start": first, "end": min(len(text), last)}


def _pairs(question: Any, context: Any) -> Given:
    """Questions and contexts as items: one and one, many about one context, or many with a context each."""
    asked = sort_out(question, lambda value: isinstance(value, str), "a question")
    told = sort_out(context, lambda value: isinstance(value, str), "a context")
    match asked.shape, told.shape:
        case ("one", "one") | ("list", "list"):
            questions, contexts = list(asked.items), list(told.items)
        case ("list", "one"):
            questions = list(asked.items)
            contexts = list(told.items) * len(questions)
        case _:
            raise InputError(
                "give one context for all questions, or a list of questions and a list of their contexts; "
                'for a stream, give items {"question": …, "context": …}'
            )
    if len(questions) != len(contexts):
        raise InputError(f"there are {len(questions)} questions, but {len(contexts)} contexts")
    items = [{"question": one, "context": text} for one, text in zip(questions, contexts, strict=True)]
    return Given(items, asked.shape)


def _texts(item: Any) -> tuple[str, str]:
    """The question and the context of an item."""
    if not isinstance(item, dict):
        item = {name: getattr(item, f"{name}_text", None) for name in ("question", "context")}
    for name in ("question", "context"):
        if name not in item:
            raise MissingTextError(
                f'an item must have "question" and "context"; this one has {", ".join(map(repr, item))}'
            )
        if not isinstance(item[name], str) or not item[name]:
            raise InputError(f"{name} must be a text that is not empty, not {item[name]!r:.80}")
    return item["question"], item["context"]
