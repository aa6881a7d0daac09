"""What the tasks that write text share: their settings, and writing step by step."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypeVar

import torch

from nbpipes.engine import compute
from nbpipes.engine.loop import ChunkOutput, Growth, Interrupted
from nbpipes.engine.options import Options
from nbpipes.engine.pipeline import Pipeline
from nbpipes.errors import InputError
from nbpipes.generation.generate import Decoder, decoder_of, writer
from nbpipes.generation.loop import Request, Writer, Written
from nbpipes.generation.settings import NAMES, Settings, check_names, resolve
from nbpipes.generation.tongues import Tongue, Tongues
from nbpipes.processing.batch import Batch, Chunk, pack


@dataclass(frozen=True)
class WritingOptions(Options):
    """Settings of the generation: the keywords of transformers' `generate`, and `seed` for repeatable sampling.

    None stands for what the model and the task say; `pipe.generation_config` shows it. generation_config replaces all
    that: Settings, a dict of them, or transformers' own object. generate_kwargs: the same settings as a dict, of which
    those count that are not given by name. assistant_model: a smaller model that makes
    suggestions, which the model takes over where it agrees. assistant_tokenizer: the assistant's, where it has another
    vocabulary.
    output_scores: results tell, under "tokens", how likely each new token was among those that could be chosen.
    return_dict_in_generate changes nothing.
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int | None = None
    min_new_tokens: int | None = None
    early_stopping: bool | Literal["never"] | None = None
    max_time: float | None = None
    stop_strings: str | Sequence[str] | None = None
    do_sample: bool | None = None
    num_beams: int | None = None
    num_return_sequences: int | None = None
    use_cache: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    epsilon_cutoff: float | None = None
    eta_cutoff: float | None = None
    repetition_penalty: float | None = None
    encoder_repetition_penalty: float | None = None
    length_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    encoder_no_repeat_ngram_size: int | None = None
    bad_words_ids: Sequence[Sequence[int]] | None = None
    sequence_bias: Mapping[tuple[int, ...], float] | Sequence[Any] | None = None
    renormalize_logits: bool | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | Sequence[int] | None = None
    remove_invalid_values: bool | None = None
    exponential_decay_length_penalty: tuple[int, float] | None = None
    suppress_tokens: Sequence[int] | None = None
    begin_suppress_tokens: Sequence[int] | None = None
    guidance_scale: float | None = None
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | Sequence[int] | None = None
    decoder_start_token_id: int | Sequence[int] | None = None
    num_assistant_tokens: int | None = None
    num_assistant_tokens_schedule: Literal["constant", "heuristic", "heuristic_transient"] | None = None
    assistant_confidence_threshold: float | None = None
    output_scores: bool | None = None
    seed: int | None = None
    return_dict_in_generate: bool | None = None
    generation_config: Any = None
    generate_kwargs: Mapping[str, Any] | None = None
    prefix_allowed_tokens_fn: Callable[[int, torch.Tensor], Sequence[int]] | None = None
    logits_processor: Sequence[Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] | None = None
    stopping_criteria: Sequence[Callable[[torch.Tensor, None], Any]] | None = None
    assistant_model: Any = None
    assistant_tokenizer: Any = None

    def updated(self, given: Mapping[str, Any], task: str = "") -> Self:
        inner = given.get("generate_kwargs") or {}
        if not isinstance(inner, Mapping):
            raise InputError(f"generate_kwargs must be a dict of settings, not {type(inner).__name__}")
        return super().updated({**inner, **given, "generate_kwargs": None} if inner else given, task)

    def settings(self) -> dict[str, Any]:
        """Those that were given, by name."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}


Told = Generator[Growth, None, list[ChunkOutput]]
OptionsT = TypeVar("OptionsT", bound=WritingOptions)


@dataclass(frozen=True, slots=True)
class Texts:
    """What was written for one chunk."""

    written: list[Written]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class Writing(Pipeline[OptionsT]):
    """A pipeline whose model writes. A task says how a batch becomes a `Request`."""

    budget: ClassVar[int] = 8192
    """Tokens, prompts and answers together, whose keys and values are kept at a time."""
    window: ClassVar[int] = 64
    """For each token all weights are read once, for many texts as for few."""
    writing_defaults: ClassVar[Mapping[str, Any]] = {}
    """Settings that the pipeline has where neither the user nor the model says otherwise."""
    config_names: ClassVar[frozenset[str]] = frozenset()
    """What a generation_config may hold for this task besides settings."""

    @property
    def writes(self) -> bool:
        """Whether the model writes: some tasks have other models too."""
        return True

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: OptionsT) -> Request:
        """What to write for a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define request")

    @property
    def generation_config(self) -> Settings:
        """The settings of a call without keywords."""
        return self.settings(self.options)

    def settings(self, options: OptionsT) -> Settings:
        """The settings of a call: the user's, else the model's, else those of this task."""
        given = options.settings()
        own = options.generation_config
        if own is not None:
            values = _values(own)
            check_names(values, self.config_names | self.model_settings.keys())
            return resolve({}, values, {}, given, pad=self._pad)
        return resolve(self.writing_defaults, self.model_settings, self._task_settings, given, pad=self._pad)

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        """One batch of exactly these chunks: each of them is written about."""
        return pack(chunks, self.device, self.known)

    def forward(self, chunks: Chunk | Iterable[Chunk], options: OptionsT | None = None) -> Any:
        """Writes on, for one chunk or a batch of them. Returns a ChunkOutput for a chunk, a list of them for a list."""
        if not self.writes:
            return super().forward(chunks, options)
        if isinstance(chunks, Chunk):
            return self.forward([chunks], options)[0]
        steps = self._write(list(chunks), options or self.options, tell=False)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def forward_stream(self, chunks: Sequence[Chunk], options: OptionsT) -> Told:
        """The same, and tells after each step the number of a chunk and the new text that it has by now."""
        return self._write(chunks, options, tell=True) if self.writes else self._at_once(chunks, options)

    def _at_once(self, chunks: Sequence[Chunk], options: OptionsT) -> Told:
        yield from ()  # there is nothing to tell on the way
        return self.forward(chunks, options)

    def _write(self, chunks: Sequence[Chunk], options: OptionsT, *, tell: bool) -> Told:
        """Each step is a job of its own for the compute thread, so an interrupt waits for one token at most; what is
        there by then is in the Interrupted that it raises."""
        work: Writer | None = None
        ids: dict[int, list[int]] = {}
        try:
            work = compute.run(lambda: self._writer(chunks, options))
            while not work.finished:
                progress = compute.run(work.advance, size=len(chunks), kind=id(work))
                for number, added in progress.added.items() if tell else ():
                    ids[number] = progress.after(ids.get(number, []), added)
                    text = self.tokenizer.decode(ids[number], skip_special_tokens=True)
                    yield number, text.rstrip("\ufffd")  # half a character is no text yet
        except KeyboardInterrupt:
            if work is None:
                raise
            # In the queue behind the step that was under way.
            raise Interrupted(_outputs(chunks, compute.run(work.results))) from None
        return _outputs(chunks, work.results())

    def _writer(self, chunks: Sequence[Chunk], options: OptionsT) -> Writer:
        return writer(decoder_of(self.model), self.request(self.collate(chunks), chunks, options))

    def assistant(self, options: OptionsT) -> Decoder | None:
        """The decoder of the model that helps, if there is one. InputError where it speaks another language."""
        given = options.assistant_model
        if given is None:
            return None
        model = getattr(given, "model", given)
        if not hasattr(model, "config"):
            raise InputError(
                "assistant_model must be a loaded model here; pipeline(…, assistant_model='name') loads one"
            )
        ours, theirs = (one.config.raw.get("vocab_size") for one in (self.model, model))
        if ours != theirs and options.assistant_tokenizer is None:
            raise InputError(
                f"the assistant has a vocabulary of {theirs} tokens, the model one of {ours}: pass assistant_tokenizer="
            )
        return decoder_of(model)

    def tongues(self, options: OptionsT) -> Tongues | None:
        """How ids become those of an assistant with a tokenizer of its own, if there is one."""
        if options.assistant_model is None or options.assistant_tokenizer is None:
            return None
        return Tongues(_tongue(self.tokenizer), _tongue(options.assistant_tokenizer))

    @property
    def _pad(self) -> int | None:
        return None if self.tokenizer is None else self.tokenizer.pad_token_id

    @cached_property
    def model_settings(self) -> dict[str, Any]:
        """What the checkpoint says: in generation_config.json, or, before there was one, in config.json. Names
        that mean nothing here may be among it; `settings` leaves them out."""
        repo, config = self.model.repo, self.model.config
        if repo is not None and repo.has("generation_config.json"):
            return repo.json("generation_config.json")
        return config.writing

    @cached_property
    def _task_settings(self) -> dict[str, Any]:
        return dict((self.model.config.task_specific_params or {}).get(self.task) or {})


def _values(config: Any) -> Mapping[str, Any]:
    """The settings in a generation_config: one of ours, a dict, or an object that gives one, as transformers' does."""
    values: Any = config.changed() if isinstance(config, Settings) else config
    values = values.to_dict() if hasattr(values, "to_dict") else values
    if not isinstance(values, Mapping):
        raise InputError(f"generation_config must be Settings or a dict of settings, not {type(config).__name__}")
    return values


def _tongue(tokenizer: Any) -> Tongue:
    return Tongue(
        lambda text: tokenizer.windows(text, truncation=False, add_special_tokens=False)[0].ids,
        lambda ids: tokenizer.decode(ids, clean_up_tokenization_spaces=False),
    )


def judged(decode: Callable[[Sequence[int]], str], text: Written) -> dict[str, Any]:
    """What a result tells of its tokens where that was asked for: {"tokens": [{"text": …, "score": …}, …]}.

    decode: gives the text of the first new ids. Of a character that takes several tokens only the last one has text.
    """
    if not text.chances:
        return {}
    found, before = [], ""
    for i, chance in enumerate(text.chances):
        whole = decode(text.tokens[: i + 1])
        so_far = before if whole.endswith("\ufffd") else whole
        found.append({"text": so_far[len(before) :], "score": chance})
        before = so_far
    return {"tokens": found}


def _outputs(chunks: Sequence[Chunk], written: list[list[Written]]) -> list[ChunkOutput]:
    return [ChunkOutput(chunk, Texts(texts)) for chunk, texts in zip(chunks, written, strict=True)]
