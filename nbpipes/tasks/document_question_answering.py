"""Document question answering: which words of a page answer a question about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from PIL import Image

from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.generation.loop import Request
from nbpipes.models.heads import Head
from nbpipes.processing.batch import Batch, Chunk, pack
from nbpipes.processing.documents.boxes import Box
from nbpipes.processing.documents.ocr import recognise
from nbpipes.processing.documents.page import Page, read_page
from nbpipes.processing.download import is_url
from nbpipes.processing.images import Pixels, stack
from nbpipes.results.pictures import remember
from nbpipes.results.records import Record, Records
from nbpipes.tasks.document_pointing import Lengths, Pointing
from nbpipes.tasks.document_writing import Asked, Sight, about_pages, question_chunk, written_answers
from nbpipes.tasks.images import check_timeout, readers
from nbpipes.tasks.writing import Writing, WritingOptions

PAGES = 4
"""Large pages that are written about at a time: keys and values of each take about 150 MB."""


@dataclass(frozen=True)
class DocumentQuestionAnsweringOptions(WritingOptions, Options):
    """top_k: how many answers, best first. max_answer_len: tokens of an answer at most.
    max_seq_len: tokens of question and page that are read at once, as many as the model takes unless given.
    doc_stride: tokens that the windows of a longer page share; half of max_seq_len, at most 256, unless given.
    max_question_len: tokens of the question at most; the rest is cut off.
    handle_impossible_answer: lets "" compete, with the score that the model gives to no answer.
    page: of a PDF, from 1 on. lang, tesseract_config: for recognising words on an image without word_boxes.
    timeout: seconds that a download may take, None = 10. padding changes nothing.
    The rest is for models that write their answer; these read no words, and need none.
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

    def settings(self) -> dict[str, Any]:
        # Here top_k counts answers.
        return {name: value for name, value in super().settings().items() if name != "top_k"}


class DocumentQuestionAnsweringPipeline(Writing[DocumentQuestionAnsweringOptions]):
    """Finds the answer to a question on a page.

        pipeline("document-question-answering")("invoice.png", "What is the invoice number?")
        # [{"score": 0.42…, "answer": "us-001", "start": 16, "end": 16}]

    An item is `{"image": …, "question": …}`, with the words of the page as "word_boxes" where they are known; an image
    is whatever the image tasks take, or a PDF. Its result is a list of answers; start and end count words of the page.
    `answer.meta["boxes"]` are the boxes of its words, in thousandths of the page; "words" and "places" are all words of
    the page and their boxes. Models that write give the answer alone, None where they came to no end. Several questions
    about one image, or one question about several, are as many items.
    """

    options_class = DocumentQuestionAnsweringOptions
    kind = "document-question-answering"
    wanted = '(image, question), image= and question=, or {"image": …, "question": …}'
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def is_item(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """The items of a call: image and question, by place or by name, or one dict or many of them."""
        named = {name: options.pop(name) for name in ("image", "question", "word_boxes") if name in options}
        if len(args) > 3:
            raise TypeError(f"document question answering takes {self.wanted}")
        named = dict(zip(("image", "question", "word_boxes"), args, strict=False)) | named
        if isinstance(named.get("question"), str) and not isinstance(named.get("image"), list | tuple):
            return Given((named,), "one")
        if isinstance(named.get("question"), str | list | tuple):
            return Given(_spread(named), "list")
        if "image" not in named:
            raise InputError(f"document question answering needs {self.wanted}")
        return super().arguments((named["image"],), options)

    @property
    def writes(self) -> bool:
        """Whether the model writes its answer, and points at no words."""
        return self.model.kind is Head.VISION2SEQ

    @property
    def budget(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tokens, or for models that write pixels: of a few large pages."""
        return PAGES * 2560 * 1920 if self.writes else Pipeline.budget

    @property
    def readers(self) -> int:
        """Threads that decode, draw or recognise pages while others are computed."""
        return readers(self.device)

    def preprocess(self, item: Any, options: DocumentQuestionAnsweringOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        question = _question(item)
        source, word_boxes = item.get("image"), [] if self.writes else item.get("word_boxes")
        page = read_page(source, word_boxes, page=given.page, timeout=given.timeout)
        picture, pixels = _picture(source, page), self._pixels(page)
        if self.writes:
            if pixels is None:
                raise InputError("this model looks at the page: give an image, and image_processor= to pipeline()")
            yield question_chunk(self.tokenizer, question, Asked(pixels, picture))
            return
        words, boxes = page.words, page.boxes
        if words is None or boxes is None:
            words, boxes = self._recognised(page, given)
        if words:
            lengths = Lengths(given.max_seq_len, given.max_question_len, given.doc_stride)
            yield from self._pointing.chunks(question, words, boxes, lengths, picture, pixels)

    @cached_property
    def _pointing(self) -> Pointing:
        return Pointing(self.tokenizer, self.model)

    @cached_property
    def _sight(self) -> Sight:
        return Sight(self.model)

    def _pixels(self, page: Page) -> Pixels | None:
        """The page as the model sees it, where it does."""
        if page.image is None or self.image_processor is None or "pixel_values" not in self.model.accepts:
            return None
        return self.image_processor.prepare(page.image)

    def _recognised(self, page: Page, options: DocumentQuestionAnsweringOptions) -> tuple[list[str], list[Box]]:
        if page.image is None:
            raise InputError(f"document question answering needs {self.wanted}")
        return recognise(page.image, options.lang, options.tesseract_config)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        if self.writes:
            return super().collate(chunks)
        images = [chunk.note.pixels for chunk in chunks if chunk.note.pixels is not None]
        if not images:
            return Pipeline.collate(self, chunks)
        batch = pack(chunks, self.device, self.known)
        return Batch(batch.inputs | {"pixel_values": stack(images).to(self.device)}, batch.counts)

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: DocumentQuestionAnsweringOptions) -> Request:
        return about_pages(self, self._sight, batch, chunks, options)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: DocumentQuestionAnsweringOptions | None = None
    ) -> list[Record]:
        given = options or self.options
        if self.writes:
            return written_answers(self.tokenizer, outputs[0])[: given.top_k]
        impossible = given.handle_impossible_answer
        return self._pointing.answers(outputs, given.top_k, given.max_answer_len, impossible=impossible)

    def annotated(self, result: Any, item: Any) -> Any:
        """The answers, each aware of where it stands on the page."""
        if not isinstance(result, list):
            return super().annotated(result, item)
        answers = [Record(one, self.kind, item, self.meta | one.meta) for one in result]
        return Records(answers, self.kind, item, self.meta)

    def gather(self, results: list[Any], items: list[Any], options: DocumentQuestionAnsweringOptions) -> Any:
        annotated = [self.annotated(result, item) for result, item in zip(results, items, strict=True)]
        return super().gather(annotated, items, options)


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


def _spread(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Questions and images as items: as many of the one as of the other, or one of them for all. Words that are given
    belong to a single image."""
    image, question, words = named.get("image"), named["question"], named.get("word_boxes")
    images = list(image) if isinstance(image, list | tuple) else None
    questions = [question] * len(images or ()) if isinstance(question, str) else list(question)
    if images is None:
        return [{"image": image, "question": one, "word_boxes": words} for one in questions]
    if words is not None:
        raise InputError('word_boxes of several images belong into their items: [{"image": …, "word_boxes": …}, …]')
    if len(images) != len(questions):
        raise InputError(f"{len(images)} images and {len(questions)} questions do not belong together")
    return [{"image": one, "question": asked} for one, asked in zip(images, questions, strict=True)]


def _question(item: Any) -> str:
    """The question of an item."""
    if not isinstance(item, Mapping):
        raise InputError(f'an item must be {{"image": …, "question": …}}, not {type(item).__name__}')
    question = item.get("question")
    if not isinstance(question, str) or not question.split():
        raise InputError(f"question must be a text that is not empty, not {question!r:.80}")
    return question
