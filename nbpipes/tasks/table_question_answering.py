"""Table question answering: which cells of a table answer a question, and what they add up to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch

from nbpipes.engine import compute
from nbpipes.engine.inputs import Given
from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.generation.loop import Request
from nbpipes.models.heads import Head
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.tables.table import Table, is_table, read_table
from nbpipes.processing.tables.tapas import TapasReader
from nbpipes.processing.tables.tapex import TapexReader
from nbpipes.processing.tables.windows import TRUNCATIONS
from nbpipes.results.records import Record, Records
from nbpipes.results.tables import computed
from nbpipes.tasks.table_pointing import Answers, Pointing
from nbpipes.tasks.text2text import about_sources
from nbpipes.tasks.writing import Writing, WritingOptions

PADDINGS = (True, False, None, "longest", "max_length", "do_not_pad")


@dataclass(frozen=True)
class TableQuestionAnsweringOptions(WritingOptions, Options):
    """sequential: questions about one table are asked one after the other, each with the cells that answered the one
    before, as SQA models want it. truncation: None reads all rows, in windows where they do not fit (or the rows
    nearest to the question, by models that write); "drop_rows_to_fit" or True only the first rows, "do_not_truncate"
    or False all of them at once. padding changes nothing. The rest is for models that write their answer.
    """

    sequential: bool = False
    padding: bool | str | None = True
    truncation: bool | str | None = None

    def __post_init__(self) -> None:
        for name, values in (("padding", PADDINGS), ("truncation", (True, False, None, *TRUNCATIONS))):
            if getattr(self, name) not in values:
                listed = ", ".join(map(repr, values))
                raise InputError(f"{name} must be one of {listed}, not {getattr(self, name)!r}")


class TableQuestionAnsweringPipeline(Writing[TableQuestionAnsweringOptions]):
    """Answers questions about a table.

        pipe = pipeline("table-question-answering")
        pipe(table={"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}, query="How many stars?")
        # {"answer": "SUM > 36542, 4512", "coordinates": [(0, 1), (1, 1)], "cells": ["36542", "4512"],
        #  "aggregator": "SUM"}

    An item is `{"table": …, "query": …}` with one question or a list of them; a table is a dict of columns or a
    DataFrame. Its result is one answer, or a list with one for each question. `answer.meta["value"]` is what the
    aggregator makes of the cells; `answer.meta["read"]` says how a table was read that is too large for the model.
    """

    options_class = TableQuestionAnsweringOptions
    kind = "table-question-answering"
    wanted = '(table, query), table= and query=, or {"table": …, "query": …}'
    writing_defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def is_item(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def arguments(self, args: tuple[Any, ...], options: dict[str, Any]) -> Given:
        named = {name: options.pop(name) for name in ("table", "query") if name in options}
        if len(args) > 2 or (len(args) == 2 and named) or (args and "table" in named):
            raise TypeError(f"table question answering takes {self.wanted}")
        table = args[0] if args else named.get("table")
        query = args[1] if len(args) == 2 else named.get("query")
        if table is None:
            raise InputError(f"table is None; table question answering needs {self.wanted}")
        if query is not None or (is_table(table) and not _names_both(table)):
            return Given(({"table": table, "query": query},), "one")
        given = super().arguments((table,), options)
        return Given(given.items, "one") if given.shape == "list" and given.size == 1 else given

    def preprocess(self, item: Any, options: TableQuestionAnsweringOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        texts, queries = _parts(item)
        if self.writes:
            yield from self._in_words(texts, queries, given)
        else:
            yield from self._pointing.chunks(texts, queries, given.truncation, sequential=given.sequential)

    def _in_words(self, texts: Table, queries: Sequence[str], given: TableQuestionAnsweringOptions) -> Iterator[Chunk]:
        """A chunk for each question to a model that writes."""
        settings = self.settings(given)
        drop = None if given.truncation is None else given.truncation in (True, "drop_rows_to_fit")
        beams = max(settings.num_beams, settings.num_return_sequences)
        for query in queries:
            ids, told = self._tapex.read(query, texts, drop=drop)
            yield Chunk({"input_ids": ids}, told, len(ids) + beams * settings.longest(1, self.model.limit))

    @property
    def writes(self) -> bool:
        """Whether the model writes its answer, and points at no cells."""
        return self.model.kind is Head.SEQ2SEQ

    @cached_property
    def _pointing(self) -> Pointing:
        config = self.model.config
        reader = TapasReader(self.tokenizer, self.model.limit)
        return Pointing(reader, config.max_num_rows - 1, config.aggregators, config.no_aggregation_label_index)

    @cached_property
    def _tapex(self) -> TapexReader:
        return TapexReader(self.tokenizer, self.model.limit)

    def forward(self, chunks: Chunk | Iterable[Chunk], options: TableQuestionAnsweringOptions | None = None) -> Any:
        if self.writes:
            return super().forward(chunks, options)
        if isinstance(chunks, Chunk):
            return self.forward([chunks], options)[0]
        given, chunks = options or self.options, list(chunks)

        def ask(asked: Sequence[Chunk]) -> list[Any]:
            batch = self.collate(asked)
            return self._forward(batch.inputs, given).cpu().split(batch.counts)

        def work() -> list[Answers]:
            with torch.inference_mode():
                return self._pointing.in_turn(chunks, ask)

        return [ChunkOutput(chunk, out) for chunk, out in zip(chunks, compute.run(work), strict=True)]

    def postprocess(self, outputs: Sequence[ChunkOutput], options: TableQuestionAnsweringOptions | None = None) -> Any:
        given = options or self.options
        if self.writes:
            written = ((out.chunk.note, text) for out in outputs for text in out.output.written)
            pairs = [
                ({"answer": self.tokenizer.decode(text.tokens, skip_special_tokens=True)}, told)
                for told, text in written
            ]
        else:
            pairs = self._pointing.answers(outputs, lambda more: self.forward(more, given), sequential=given.sequential)
        answers = [_record(result, told) for result, told in pairs]
        return answers if len(answers) > 1 else answers[0]

    def request(self, batch: Batch, chunks: Sequence[Chunk], options: TableQuestionAnsweringOptions) -> Request:
        return about_sources(self, batch, chunks, self.settings(options), options)

    def gather(self, results: list[Any], items: list[Any], options: TableQuestionAnsweringOptions) -> Any:
        annotated = [self.annotated(result, item) for result, item in zip(results, items, strict=True)]
        return super().gather(annotated, items, options)

    def annotated(self, result: Any, item: Any) -> Any:
        """The answers, each aware of its own question."""
        if isinstance(result, Record):
            return Record(result, self.kind, item, self.meta | result.meta)
        if (
            isinstance(result, list)
            and not isinstance(result, Records)
            and len(result) == len(queries := _queries(item))
        ):
            parts = [{**item, "query": query} for query in queries]
            answers = [self.annotated(one, part) for one, part in zip(result, parts, strict=True)]
            return Records(answers, self.kind, item, self.meta)
        return super().annotated(result, item)


def _record(result: dict[str, Any], told: str) -> Record:
    """An answer that knows what its cells add up to, and how the table was read."""
    about = {"value": computed(result), "read": told or None}
    return Record(result, meta={name: value for name, value in about.items() if value is not None})


def _names_both(value: Any) -> bool:
    return isinstance(value, Mapping) and "table" in value and "query" in value


def _queries(item: Mapping[str, Any]) -> list[Any]:
    query = item["query"]
    return [query] if isinstance(query, str) else list(query)


def _parts(item: Any) -> tuple[Table, list[str]]:
    """The table and the questions of an item."""
    if not isinstance(item, Mapping):
        raise InputError(f'an item must be {{"table": …, "query": …}}, not {type(item).__name__}')
    for name in ("table", "query"):
        if item.get(name) is None:
            raise InputError(f'an item must have a "table" and a "query"; the {name} is missing')
    query = item["query"]
    if not isinstance(query, str | Sequence) or not all(isinstance(one, str) for one in query):
        raise InputError(f"the query must be a question or a list of questions, not {query!r:.80}")
    queries = _queries(item)
    if not queries or not all(queries):
        raise InputError("query is empty: ask a question")
    return read_table(item["table"]), queries
