"""The base of all pipelines: preprocess, forward, postprocess, and the call that runs items through them."""

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from nbpipes.engine import compute
from nbpipes.engine.answers import OnError, kept, results
from nbpipes.engine.compat import Documented
from nbpipes.engine.devices import pick_device
from nbpipes.engine.drafts import drafted
from nbpipes.engine.events import Event
from nbpipes.engine.inputs import Given, LazyResults, by_name, sort_out
from nbpipes.engine.loop import ChunkOutput, run
from nbpipes.engine.options import Options
from nbpipes.engine.progress import Progress, notebook
from nbpipes.engine.saving import Saved
from nbpipes.engine.streaming import Streamed
from nbpipes.engine.tuning import FIRST_WINDOW, Limits, Sizes
from nbpipes.errors import InputError
from nbpipes.layers.linear import device_of
from nbpipes.models.outputs import Output
from nbpipes.processing.batch import Batch, Chunk, even, pack
from nbpipes.processing.text import Tokenizer
from nbpipes.results.makers import remember
from nbpipes.results.records import annotate, annotate_batch

OptionsT = TypeVar("OptionsT", bound=Options)


class Pipeline(Documented, Saved, Streamed, Generic[OptionsT]):
    """Runs items through a model: input → chunks → batches → model → results.

    A task overrides `preprocess` (an item becomes one or many chunks), `postprocess` (the answers to its chunks become
    its result), and where the default does not do, `_forward`, `collate` or `arguments`: the documents' own words.

    model: a loaded model. tokenizer, feature_extractor, image_processor, processor: what prepares the inputs.
    device: "auto" (a GPU if there is one), a number, a name or a torch.device. batch_size: the most chunks in one
    forward, None = as many as are fast. options: the task's own keywords, as defaults for the calls.
    num_workers, framework, modelcard, args_parser and binary_output are accepted for old code and change nothing.
    """

    options_class: ClassVar[type[Options]] = Options
    budget: ClassVar[int] = 1536
    """Total size of the chunks in one forward: beyond it activations leave the processor's cache."""
    window: ClassVar[int] = FIRST_WINDOW
    """Items of a list that are read before the first forward."""
    kind: ClassVar[str] = ""
    """The task's id, by which its results are drawn; `task` is what the user called it."""
    wanted: ClassVar[str] = "a text"
    """What one item is, for error messages."""
    input_names: ClassVar[tuple[str, ...]] = ("inputs",)
    """Keywords that may bring what a call is given."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Tokenizer | None = None,
        feature_extractor: Any = None,
        image_processor: Any = None,
        processor: Any = None,
        modelcard: Any = None,
        framework: str | None = None,
        task: str = "",
        device: int | str | torch.device | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        args_parser: Any = None,
        binary_output: bool = False,
        **options: Any,
    ) -> None:
        if framework not in (None, "pt"):
            raise InputError(f"framework {framework!r} is not supported: nbpipes computes with PyTorch")
        self.task, self.binary_output, self.modelcard = task, binary_output, modelcard
        where = pick_device(device)
        # A model that is there already stays as it is: moving undoes what makes it fast on its device.
        self.model: Any = model if device_of(model) == where else model.to(where)
        self.tokenizer, self.feature_extractor = tokenizer, feature_extractor
        self.image_processor, self.processor = image_processor, processor
        self.known = _sizes(model, tokenizer)
        self.batch_size = _checked_batch_size(batch_size)
        self.sizes = Sizes(self.budget)
        self.options: OptionsT = self.options_class().updated(options, self.task)  # type: ignore[assignment]
        remember(self)

    # ------------------------------------------------------------------ the steps of a task

    def preprocess(self, item: Any, options: OptionsT | None = None) -> Iterator[Chunk]:
        """Cuts an item into chunks for the model. Runs on the caller's thread and must not touch the model."""
        raise NotImplementedError(f"{type(self).__name__} must define preprocess")

    def collate(self, chunks: Sequence[Chunk]) -> Batch:
        """Makes one batch of chunks; by default packs texts without padding. It may hold more than the chunks, at its
        end: their answers are left out."""
        return pack(even(chunks) if self.device.type == "cpu" else chunks, self.device, self.known)

    def _forward(self, inputs: Mapping[str, Any], options: OptionsT) -> Output:
        """Runs the model on a batch."""
        return self.model(**inputs)

    def postprocess(self, outputs: Sequence[ChunkOutput], options: OptionsT | None = None) -> Any:
        """Makes an item's result of the answers to its chunks: plain Python values."""
        raise NotImplementedError(f"{type(self).__name__} must define postprocess")

    def is_item(self, value: Any) -> bool:
        """Whether a call's input is one item rather than many."""
        return isinstance(value, str)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        """Sorts out a call: its items; are they one, a list, lazy? Takes inputs by name out of options."""
        if len(args) != 1:
            unknown = [name for name in options if name not in self.options_class.names()]
            other = f"; {unknown[0]}= is none of its keywords" if unknown else ""
            raise TypeError(
                f"{self.task or type(self).__name__} takes one input: {self.wanted}, or many of them{other}"
            )
        return sort_out(args[0], self.is_item, self.wanted)

    def present(self, result: Any, item: Any, options: OptionsT) -> Any:
        """What a call on a single item gives back: its result, nested as the documents show it."""
        return result

    # ------------------------------------------------------------------ running

    def forward(self, chunks: Chunk | Iterable[Chunk], options: OptionsT | None = None) -> Any:
        """Runs the model on one chunk or a batch of them, on the compute thread, without gradients.

        Returns a ChunkOutput for a chunk, a list of them for many.
        """
        if isinstance(chunks, Chunk):
            return self.forward([chunks], options)[0]
        given, chunks = options or self.options, list(chunks)

        def work() -> list[Output]:
            with torch.inference_mode():
                batch = self.collate(chunks)
                return self._forward(batch.inputs, given).cpu().split(batch.counts)

        size = sum(chunk.size for chunk in chunks)
        outputs = compute.run(work, size=size, kind=id(self))[: len(chunks)]
        return [ChunkOutput(chunk, out) for chunk, out in zip(chunks, outputs, strict=True)]

    def events(
        self, items: Iterable[Any], *, sized: bool = True, batch_size: int | None = None, **options: Any
    ) -> Iterator[Event]:
        """Runs items and tells what happens: Started, Batched, Tuned, and for each item in order Done or Failed. Tasks
        that write tell Partial texts too; an interrupt of these gives what is there as Done before it is raised.

        sized: False keeps the engine from reading ahead where the source has to wait (see engine/loop.py).
        """
        chosen = self.options.updated(options, self.task)
        return run(self, items, chosen, self.limits(batch_size), sized=sized, partial=True)

    def limits(self, batch_size: int | None = None) -> Limits:
        """How much goes into one forward; what is learnt of it on the way stays with the pipeline."""
        batch_size = _checked_batch_size(batch_size) or self.batch_size
        return Limits(batch_size, self.budget, tuned=True, sizes=self.sizes, window=self.window)

    def __call__(
        self,
        *args: Any,
        batch_size: int | None = None,
        num_workers: int | None = None,
        on_error: OnError = "raise",
        progress: bool | None = None,
        **options: Any,
    ) -> Any:
        """Runs one item, a list (gives a list) or a dataset or generator (gives an iterator).

        on_error: "raise" raises the error of a bad item, with its index in a note, after the results before it;
        "record" puts a Failure in the place of its result, "skip" nothing.
        progress: whether a bar is shown; None shows it where a run takes more than a second.
        options: the task's keywords, for this call only; an unknown one is a TypeError.
        An interrupt or error carries what was done before it, half a text included, as its attribute `partial`.
        """
        given = self.arguments(by_name(args, options, self.input_names), options)
        chosen = self.options.updated(options, self.task)
        limits, many = self.limits(batch_size), given.shape != "one"
        watched = progress is not False and given.shape != "lazy" and notebook() is not None

        def start(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
            lazy, sized = given.shape == "lazy", given.size is not None
            events = run(self, items, chosen, limits, sized=sized, soon=lazy, partial=watched)
            bar = Progress(given.size, self.kind, progress if many else False)
            return results(drafted(events, shown=watched), on_error, bar, note=many)

        if given.shape == "lazy":
            return LazyResults(given, lambda items: (self.annotated(r, item) for item, r in start(items)))
        pairs: list[tuple[Any, Any]] = []
        with kept(pairs, given, lambda: self._answer(pairs, chosen, many)):
            pairs.extend(start(given.items))
        return self._answer(pairs, chosen, many)

    def _answer(self, pairs: Sequence[tuple[Any, Any]], options: OptionsT, many: bool) -> Any:
        """What a call gives back: many results, or the one that there is."""
        if not many:
            for item, result in pairs:
                return self.annotated(self.present(result, item, options), item)
            return None
        return self.gather([result for _, result in pairs], [item for item, _ in pairs], options)

    def gather(self, results: list[Any], items: list[Any], options: OptionsT) -> Any:
        """What a call on a list gives back."""
        return annotate_batch(results, self.kind, items, self.meta)

    def annotated(self, result: Any, item: Any) -> Any:
        """The result, aware of its task, item and model."""
        return annotate(result, self.kind, item, self.meta)


def _sizes(model: Any, tokenizer: Any) -> tuple[int, int] | None:
    """How many ids the model knows, and how many its tokenizer has where these are more; None where all fit."""
    known = getattr(getattr(model, "config", None), "vocab_size", None)
    if not isinstance(tokenizer, Tokenizer) or not isinstance(known, int) or len(tokenizer) <= known:
        return None
    return known, len(tokenizer)


def _checked_batch_size(batch_size: int | None) -> int | None:
    if batch_size is None:
        return None
    if not hasattr(batch_size, "__index__") or operator.index(batch_size) < 1:  # NumPy's whole numbers are fine
        raise InputError(
            f"batch_size must be a number from 1 on, or None to choose it automatically, not {batch_size!r}"
        )
    return operator.index(batch_size)
