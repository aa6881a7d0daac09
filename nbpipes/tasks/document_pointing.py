"""Answers that a model finds among the words of a page: windows over the words, and the spans that answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from tokenizers import Encoding

from nbpipes.engine.loop import ChunkOutput
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.processing.documents.boxes import SCALE, Box
from nbpipes.processing.images import Pixels
from nbpipes.processing.text import Tokenizer
from nbpipes.results.records import Record
from nbpipes.tasks.span_search import chances, likeliest_spans
from nbpipes.tasks.text import longest, text_chunk


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a page that a chunk reads. picture: of the page, where its item cannot be drawn again.
    pixels: of the page, for models that look at it."""

    encoding: Encoding
    words: list[str]
    boxes: list[Box]
    picture: Image.Image | None
    pixels: Pixels | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of a window, of the question in it, and of what neighbouring windows share; None = as is usual."""

    window: int | None
    question: int
    shared: int | None


class Pointing:
    """Cuts pages into windows for a model, and reads its answers."""

    def __init__(self, tokenizer: Tokenizer, model: Any) -> None:
        self.tokenizer, self.model = tokenizer, model

    def chunks(
        self,
        question: str,
        words: list[str],
        boxes: list[Box],
        lengths: Lengths,
        picture: Image.Image | None,
        pixels: Pixels | None,
    ) -> Iterator[Chunk]:
        """A chunk for each window over the words of a page."""
        for encoding in self._windows(question, words, lengths):
            window = Window(encoding, words, boxes, picture, pixels)
            chunk = text_chunk(encoding, self.tokenizer, self.model.limit, window)
            inputs = {"input_ids": encoding.ids, "token_type_ids": encoding.type_ids}
            places = self._places(encoding, boxes)
            yield Chunk(inputs | {"bbox": places}, window, chunk.size, group=pixels is not None)

    def _windows(self, question: str, words: list[str], lengths: Lengths) -> list[Encoding]:
        """All words of a page in windows, each behind the question."""
        length = lengths.window or longest(self.tokenizer, self.model) or 512
        stride = min(length // 2, 256) if lengths.shared is None else lengths.shared
        if self.tokenizer.padding_side != "right":
            raise InputError("document question answering needs a tokenizer whose padding_side is 'right'")
        return self.tokenizer.windows(
            self._asked(question, lengths.question),
            words,
            truncation="only_second",
            max_length=length,
            stride=stride,
            is_split_into_words=True,
        )

    def _asked(self, question: str, limit: int) -> list[str]:
        """The words of a question, less those beyond so many tokens."""
        words = question.split()
        while len(words) > 1:
            pieces = self.tokenizer.windows(words, truncation=False, add_special_tokens=False, is_split_into_words=True)
            cut = pieces[0].word_ids[limit] if len(pieces[0]) > limit else None
            if cut is None:
                break
            words = words[: max(1, min(len(words) - 1, cut))]
        return words

    def _places(self, encoding: Encoding, boxes: list[Box]) -> list[Box]:
        """The box of each token: that of its word, one of their own for separators, and none for the rest."""
        sep, between = self.tokenizer.sep_token_id, self.tokenizer.settings.get("sep_token_box", [SCALE] * 4)
        tokens = zip(encoding.ids, encoding.sequence_ids, encoding.word_ids, strict=True)
        return [
            boxes[word] if side == 1 and word is not None else between if token == sep else [0] * 4
            for token, side, word in tokens
        ]

    def answers(
        self, outputs: Sequence[ChunkOutput], top_k: int, max_answer_len: int, *, impossible: bool
    ) -> list[Record]:
        """The best answers of all windows. impossible: whether "" is one of them."""
        answers: list[Record] = []
        nothing = 1e6
        for out in outputs:
            window: Window = out.chunk.note
            ids, sides = window.encoding.ids, window.encoding.sequence_ids
            opening = np.array(ids) == self.tokenizer.cls_token_id
            allowed = np.array([side == 1 for side in sides]) | opening
            start = chances(out.output.start.float().numpy(), allowed)
            end = chances(out.output.end.float().numpy(), allowed)
            nothing = min(nothing, float(start[0] * end[0]))
            start[0] = end[0] = 0.0
            for first, last, score in likeliest_spans(start, end, allowed, top_k, max_answer_len):
                words = window.encoding.word_ids[first], window.encoding.word_ids[last]
                if words[0] is not None and words[1] is not None:
                    answers.append(_answer(window, words[0], words[1], score))
        if impossible and outputs:
            answers.append(Record({"score": nothing, "answer": "", "start": 0, "end": 0}))
        return sorted(answers, key=lambda answer: -answer["score"])[:top_k]


def _answer(window: Window, first: int, last: int, score: float) -> Record:
    """Words of a page as an answer that knows where they stand, and which other words the page has."""
    answer = {"score": score, "answer": " ".join(window.words[first : last + 1]), "start": first, "end": last}
    about: dict[str, Any] = {"boxes": window.boxes[first : last + 1], "words": window.words, "places": window.boxes}
    return Record(answer, meta=about if window.picture is None else about | {"page": window.picture})
