"""Document question answering: which words of a page answer a question about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from tokenizers import Encoding

from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.processing.batch import Batch, Chunk, pack
from nbpipes.processing.documents.boxes import SCALE, Box
from nbpipes.processing.documents.ocr import recognise
from nbpipes.processing.documents.page import Page, read_page
from nbpipes.processing.images import Pixels, stack
from nbpipes.processing.media import is_url
from nbpipes.results.pictures import remember
from nbpipes.results.records import Record, Records
from nbpipes.tasks.images import check_timeout
from nbpipes.tasks.span_search import chances, likeliest_spans
from nbpipes.tasks.text import longest, text_chunk

Answer = dict[str, Any]


@dataclass(frozen=True)
class DocumentQuestionAnsweringOptions(Options):
    """top_k: how many answers, best first. max_answer_len: tokens of an answer at most.
    max_seq_len: tokens of question and page that are read at once, as many as the model takes unless given.
    doc_stride: tokens that the windows of a longer page share; half of max_seq_len, at most 256, unless given.
    max_question_len: tokens of the question at most; the rest is cut off.
    handle_impossible_answer: lets "" compete, with the score that the model gives to no answer.
    page: of a PDF, from 1 on. lang, tesseract_config: for recognising words on an image without word_boxes.
    timeout: seconds that a download may take, None = 10. padding changes nothing.
    """

    top_k: int = 1
    max_answer_len: int = 15
    max_seq_len: int | None = None
    doc_stride: int | None = None
    max_question_len: int = 64
    handle_impossible_answer: bool = False
    page: int = 1
    lang: str | None = None
    tesseract_config: str = ""
    padding: bool | str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        least = {"top_k": 1, "max_answer_len": 1, "max_seq_len": 1, "doc_stride": 0, "max_question_len": 1, "page": 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < bound):
                raise InputError(f"{name} must be a number from {bound} on, not {value!r}")
        check_timeout(self.timeout)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a page that a chunk reads. picture: of the page, where its item cannot be drawn again.
    pixels: of the page, for models that look at it."""

    encoding: Encoding
    words: list[str]
    boxes: list[Box]
    picture: Image.Image | None
    pixels: Pixels | None


class DocumentQuestionAnsweringPipeline(Pipeline[DocumentQuestionAnsweringOptions]):
    """Finds the answer to a question on a page.

        pipeline("document-question-answering")("invoice.png", "What is the invoice number?")
        # [{"score": 0.42…, "answer": "us-001", "start": 16, "end": 16}]

    An item is `{"image": …, "question": …}`, with the words of the page as "word_boxes" where they are known; an image
    is whatever the image tasks take, or a PDF. Its result is a list of answers; start and end count words of the page.
    `answer.meta["boxes"]` are the boxes of its words, in thousandths of the page.
    """

    options_class = DocumentQuestionAnsweringOptions
    kind = "document-question-answering"
    wanted = '(image, question), image= and question=, or {"image": …, "question": …}'

    def is_item(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """The items of a call: image and question, by place or by name, or one dict or many of them."""
        named = {name: options.pop(name) for name in ("image", "question", "word_boxes") if name in options}
        if len(args) > 3:
            raise TypeError(f"document question answering takes {self.wanted}")
        named = dict(zip(("image", "question", "word_boxes"), args, strict=False)) | named
        if isinstance(named.get("question"), str):
            return Given((named,), "one")
        if "image" not in named:
            raise InputError(f"document question answering needs {self.wanted}")
        return super().arguments((named["image"],), options)

    def preprocess(self, item: Any, options: DocumentQuestionAnsweringOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        question = _question(item)
        page = read_page(item.get("image"), item.get("word_boxes"), page=given.page, timeout=given.timeout)
        words, boxes = page.words, page.boxes
        if words is None or boxes is None:
            words, boxes = self._recognised(page, given)
        if not words:
            return
        picture, pixels = _picture(item.get("image"), page), self._pixels(page)
        for encoding in self._windows(question, words, given):
            window = Window(encoding, words, boxes, picture, pixels)
            chunk = text_chunk(encoding, self.tokenizer, self.model.limit, window)
            inputs = {"input_ids": encoding.ids, "token_type_ids": encoding.type_ids}
            places = self._places(encoding, boxes)
            yield Chunk(inputs | {"bbox": places}, window, chunk.size, group=pixels is not None)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        images = [chunk.note.pixels for chunk in chunks if chunk.note.pixels is not None]
        if not images:
            return super().collate(chunks)
        batch = pack(chunks, self.device)
        return Batch(batch.inputs | {"pixel_values": stack(images).to(self.device)}, batch.counts)

    def _pixels(self, page: Page) -> Pixels | None:
        """The page as the model sees it, where it does."""
        if page.image is None or self.image_processor is None or "pixel_values" not in self.model.accepts:
            return None
        return self.image_processor.prepare(page.image)

    def _recognised(self, page: Page, options: DocumentQuestionAnsweringOptions) -> tuple[list[str], list[Box]]:
        if page.image is None:
            raise InputError(f"document question answering needs {self.wanted}")
        return recognise(page.image, options.lang, options.tesseract_config)

    def _windows(self, question: str, words: list[str], options: DocumentQuestionAnsweringOptions) -> list[Encoding]:
        """All words of a page in windows, each behind the question."""
        length = options.max_seq_len or longest(self.tokenizer, self.model) or 512
        stride = min(length // 2, 256) if options.doc_stride is None else options.doc_stride
        if self.tokenizer.padding_side != "right":
            raise InputError("document question answering needs a tokenizer whose padding_side is 'right'")
        return self.tokenizer.windows(
            self._asked(question, options.max_question_len),
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
            whole = self.tokenizer.windows(words, truncation=False, add_special_tokens=False, is_split_into_words=True)[
                0
            ]
            if len(whole) <= limit:
                break
            words = words[: max(1, min(len(words) - 1, whole.word_ids[limit]))]
        return words

    def _places(self, encoding: Encoding, boxes: list[Box]) -> list[Box]:
        """The box of each token: that of its word, one of their own for separators, and none for the rest."""
        sep, between = self.tokenizer.sep_token_id, self.tokenizer.settings.get("sep_token_box", [SCALE] * 4)
        tokens = zip(encoding.ids, encoding.sequence_ids, encoding.word_ids, strict=True)
        return [
            boxes[word] if side == 1 and word is not None else between if token == sep else [0] * 4
            for token, side, word in tokens
        ]

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: DocumentQuestionAnsweringOptions | None = None
    ) -> list[Answer]:
        given = options or self.options
        answers: list[Answer] = []
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
            for first, last, score in likeliest_spans(start, end, allowed, given.top_k, given.max_answer_len):
                words = window.encoding.word_ids[first], window.encoding.word_ids[last]
                if words[0] is not None and words[1] is not None:
                    answers.append(_answer(window, words[0], words[1], score))
        if given.handle_impossible_answer and outputs:
            answers.append(Record({"score": nothing, "answer": "", "start": 0, "end": 0}))
        return sorted(answers, key=lambda answer: -answer["score"])[: given.top_k]

    def annotated(self, result: Any, item: Any) -> Any:
        """The answers, each aware of where it stands on the page."""
        answers = [Record(one, self.kind, item, self.meta | one.meta) for one in result]
        return Records(answers, self.kind, item, self.meta)

    def gather(self, results: list[Any], items: list[Any], options: DocumentQuestionAnsweringOptions) -> Any:
        annotated = [self.annotated(result, item) for result, item in zip(results, items, strict=True)]
        return super().gather(annotated, items, options)


def _answer(window: Window, first: int, last: int, score: float) -> Record:
    """Words of a page as an answer that knows where they stand."""
    answer = {"score": score, "answer": " ".join(window.words[first : last + 1]), "start": first, "end": last}
    about: dict[str, Any] = {"boxes": window.boxes[first : last + 1]}
    return Record(answer, meta=about if window.picture is None else about | {"page": window.picture})


SHOWN = 1024
"""Pixels of the longer side of a page that is kept for drawing."""


def _picture(source: Any, page: Page) -> Image.Image | None:
    """A small picture of a page of a PDF, which is drawn with the answer; images are opened again for that."""
    if page.image is None:
        return None
    if not page.rendered:
        if isinstance(source, str) and is_url(source):
            remember(source, page.image)
        return None
    small = page.image.copy()
    small.thumbnail((SHOWN, SHOWN))
    return small


def _question(item: Any) -> str:
    """The question of an item."""
    if not isinstance(item, Mapping):
        raise InputError(f'an item must be {{"image": …, "question": …}}, not {type(item).__name__}')
    question = item.get("question")
    if not isinstance(question, str) or not question.split():
        raise InputError(f"question must be a text that is not empty, not {question!r:.80}")
    return question
