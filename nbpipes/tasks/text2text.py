"""Text from text: whatever a model was trained for, summaries, translations."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.generation.loop import Request, Written
from nbpipes.generation.settings import Settings
from nbpipes.processing.batch import Batch, Chunk, pack
from nbpipes.processing.languages import Languages
from nbpipes.tasks.text import longest, text_chunk, told
from nbpipes.tasks.writing import Writing, WritingOptions, judged

log = logging.getLogger(__name__)
RETURN_TYPES = ("tensors", "text")
"""What return_type may be, also as a number."""


@dataclass(frozen=True)
class TextToTextOptions(WritingOptions, Options):
    """return_tensors: token ids, as a tensor, instead of text. return_type: the same by one word; return_text changes
    nothing. clean_up_tokenization_spaces: take back spaces before marks. truncation: whether a text that is too long
    is cut. stop_sequence: a text that ends the generation; it is the last of what is returned.
    """

    return_tensors: bool | None = None
    return_text: bool | None = None
    return_type: int | str | None = None
    clean_up_tokenization_spaces: bool = False
    truncation: bool | str | None = None
    stop_sequence: str | None = None

    def __post_init__(self) -> None:
        if self.return_type not in (None, 0, 1, *RETURN_TYPES):
            raise InputError(f"return_type must be one of {', '.join(RETURN_TYPES)}, not {self.return_type!r}")

    @property
    def tensors(self) -> bool:
        """Whether ids are wanted instead of text."""
        return bool(self.return_tensors) if self.return_type is None else self.return_type in (0, "tensors")


@dataclass(frozen=True)
class TranslationOptions(TextToTextOptions):
    """src_lang, tgt_lang: the languages, for models that know several; others ignore them."""

    src_lang: str | None = None
    tgt_lang: str | None = None


OptionsT = TypeVar("OptionsT", bound=TextToTextOptions)


class TextToText(Writing[OptionsT]):
    """What the tasks have in common. An item is a text; its result is a list with one dict for each of
    num_return_sequences. A list of texts gives a flat list where each has one."""

    written: ClassVar[str] = ""
    """How the results' keys begin."""
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256, "num_beams": 4}

    def preprocess(self, item: Any, options: OptionsT | None = None) -> Iterator[Chunk]:
        given = options or self.options
        if not isinstance(item, str):
            raise InputError(f"an item must be {self.wanted}, not {told(item)}")
        settings = self.settings(given)
        cut = given.truncation or False
        limit = longest(self.tokenizer, self.model) if cut else None
        encoding = self.tokenizer.windows(self.prefix + item, truncation=cut, max_length=limit)[0]
        ids = self.marked(text_chunk(encoding, self.tokenizer, self.model.limit).inputs["input_ids"], given)
        self.check(len(ids), settings)
        beams = max(settings.num_beams, settings.num_return_sequences)
        yield Chunk({"input_ids": ids}, size=len(ids) + beams * settings.longest(1, self.model.limit))

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: OptionsT) -> Request:
        settings = self.settings(options)
        if options.stop_sequence:
            settings = settings.updated({"stop_strings": (*settings.stops, options.stop_sequence)})
        return about_sources(self, batch, chunks, settings, options)

    def postprocess(self, outputs: Sequence[ChunkOutput], options: OptionsT | None = None) -> list[dict[str, Any]]:
        given, texts = options or self.options, outputs[0].output.written
        settings = self.settings(given)
        begin = start_of(settings)
        if given.tensors:
            return [{f"{self.written}_token_ids": torch.tensor(ids)} for ids in _even(begin, texts, settings)]
        tidy = given.clean_up_tokenization_spaces

        def decode(new: Sequence[int]) -> str:
            return self.tokenizer.decode([begin, *new], True, tidy)

        return [{f"{self.written}_text": decode(text.tokens), **judged(decode, text)} for text in texts]

    def gather(self, results: list[Any], items: list[Any], options: OptionsT) -> Any:
        if all(isinstance(result, list) and len(result) == 1 for result in results):
            results = [result[0] for result in results]
        return super().gather(results, items, options)

    def marked(self, ids: list[int], options: OptionsT) -> list[int]:
        """The ids of a text as the model wants to see them."""
        return ids

    def check(self, length: int, settings: Settings) -> None:
        """Warns about a text of so many tokens that makes no sense with the settings."""

    @property
    def prefix(self) -> str:
        """What stands before each text, as the model was trained with it."""
        return str(self._task_settings.get("prefix") or self.model.config.raw.get("prefix") or "")


class Text2TextGenerationPipeline(TextToText[TextToTextOptions]):
    """Writes what a model was trained to answer to a text.

    pipe("question: What is 42? context: 42 is the answer.")  # [{"generated_text": "…"}]
    """

    options_class = TextToTextOptions
    kind = "text2text-generation"
    written = "generated"


class SummarizationPipeline(TextToText[TextToTextOptions]):
    """Sums up texts.

    pipe("A long article …", max_length=60)  # [{"summary_text": "…"}]
    """

    options_class = TextToTextOptions
    kind = "summarization"
    written = "summary"
    input_names = ("inputs", "documents")

    def check(self, length: int, settings: Settings) -> None:
        name, most = bound_of(settings)
        if name != "max_length":
            return
        if most < settings.min_length:
            log.warning("min_length=%s is more than max_length=%s", settings.min_length, most)
        if length < most:
            log.warning(
                "max_length=%s is more than the %s tokens of the text; a summary is usually shorter: max_length=%s",
                *(most, length, length // 2),
            )


class TranslationPipeline(TextToText[TranslationOptions]):
    """Translates texts.

    pipeline("translation_en_to_fr")("How old are you?")  # [{"translation_text": "…"}]

    Models that know several languages need src_lang and tgt_lang, unless the task names them.
    """

    options_class = TranslationOptions
    kind = "translation"
    written = "translation"

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: TranslationOptions) -> Request:
        request = super().request(batch, chunks, options)
        if not self._languages.marked:
            return request
        target = self._languages.id(self._pair(options)[1])
        return about_sources(self, batch, chunks, request.settings.updated({"forced_bos_token_id": target}), options)

    def marked(self, ids: list[int], options: TranslationOptions) -> list[int]:
        return self._languages.said(ids, self._pair(options)[0]) if self._languages.marked else ids

    def check(self, length: int, settings: Settings) -> None:
        name, most = bound_of(settings)
        if length > 0.9 * most:
            log.warning("the text has %s tokens, and %s=%s may cut its translation", length, name, most)

    @cached_property
    def pair(self) -> str:
        """The task with its languages: as the user named it, or else the first that the model says it was made for."""
        known = self.model.config.task_specific_params or {}
        if self.task != "translation" or "translation" in known:
            return self.task
        first = next((name for name in known if name.startswith("translation")), self.task)
        if first != self.task:
            log.warning("task 'translation' does not say from which language into which: taking %s", first)
        return first

    @cached_property
    def _languages(self) -> Languages:
        return Languages(self.tokenizer)

    @cached_property
    def _task_settings(self) -> dict[str, Any]:
        return dict((self.model.config.task_specific_params or {}).get(self.pair) or {})

    def _pair(self, options: TranslationOptions) -> tuple[str, str]:
        """The languages of a call; InputError where they are not known."""
        source, target = options.src_lang, options.tgt_lang
        parts = self.pair.split("_")
        if source is None and target is None and len(parts) == 4:
            source, target = parts[1], parts[3]
        if source is None or target is None:
            raise InputError("this model knows several languages: name two of them, src_lang= and tgt_lang=")
        return source, target


def about_sources(
    pipe: Writing[Any], batch: Batch, chunks: Sequence[Chunk], settings: Settings, options: WritingOptions
) -> Request:
    """What to write about the texts of a batch, for a model with an encoder."""
    prompts = [[start_of(settings)] for _ in chunks]
    begun = pack([Chunk({"input_ids": prompt}) for prompt in prompts], pipe.device).inputs
    return Request(
        inputs=batch.inputs | {"prompt_ids": begun["input_ids"], "prompts": begun["layout"]},
        prompts=prompts,
        settings=settings,
        sources=[chunk.inputs["input_ids"] for chunk in chunks],
        limit=pipe.model.limit,
        decode=lambda ids: pipe.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
        prefix_allowed_tokens_fn=options.prefix_allowed_tokens_fn,
        logits_processor=options.logits_processor or (),
        stopping_criteria=options.stopping_criteria or (),
    )


def start_of(settings: Settings) -> int:
    """The id that what a decoder writes begins with; InputError where nothing says which."""
    start = settings.decoder_start_token_id
    start = settings.bos_token_id if start is None else start
    if not isinstance(start, int):
        raise InputError("decoder_start_token_id must be the id that a text begins with; neither you nor the model say")
    return start


def bound_of(settings: Settings) -> tuple[str, int]:
    """The setting that bounds what is written, and the bound; max_length does not count beside max_new_tokens."""
    if settings.max_new_tokens is not None:
        return "max_new_tokens", settings.max_new_tokens
    return "max_length", settings.longest(1)


def _even(begin: int, texts: Sequence[Written], settings: Settings) -> Iterator[list[int]]:
    """The ids of texts, filled up to the longest as the reference does: after beams not with a pad whose id is 0."""
    fill = settings.pad
    if settings.num_beams > 1 and not fill:
        fill = settings.ends[0] if settings.ends else -1
    length = max(len(text.tokens) for text in texts)
    for text in texts:
        yield [begin, *text.tokens, *[fill] * (length - len(text.tokens))]
