"""Asking a model that points at cells: questions in turn, tables in windows, and rows that are asked again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbpipes.engine.loop import ChunkOutput
from nbpipes.models.outputs import Cells
from nbpipes.processing.batch import Chunk
from nbpipes.processing.tables.table import Table
from nbpipes.processing.tables.tapas import Cell, Read, TapasReader, TokenTable
from nbpipes.processing.tables.windows import Window, plan, split
from nbpipes.tasks.table_cells import Found, Place, answer, found, joined, marked

SHRUNK = 0.5
"""Rows that answer are asked again as long as so few of them are left each time."""
Ask = Callable[[list[Chunk]], Sequence[Any]]
"""Gives the model's answers to chunks, in their order."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question about one window of a table. told: what the user should know of how the table is read."""

    question: Cell
    window: Window
    read: Read
    told: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a chunk asks: one question, or all of an item's, each with the cells that answered the one before.

    first: the number of its first question. count: questions of the item.
    """

    texts: Table
    table: TokenTable
    steps: tuple[Step, ...]
    first: int = 0
    count: int = 1


@dataclass(slots=True)
class Answers:
    """What a model answered to the questions of a chunk, in order."""

    cells: list[Cells]

    def __getitem__(self, name: str) -> Any:
        return self.cells[0][name]


@dataclass(frozen=True, slots=True)
class Pointing:
    """How questions are asked, and answers read.

    rows: so many the model tells apart. aggregators: their names; none: the number of the one that leaves cells as
    they are.
    """

    reader: TapasReader
    rows: int
    aggregators: tuple[str, ...] = ()
    none: int | None = None

    def chunks(
        self, texts: Table, queries: Sequence[str], truncation: bool | str | None, *, sequential: bool
    ) -> Iterator[Chunk]:
        """What to ask: a chunk for each question and window, or of sequential questions one for each window."""
        table = self.reader.table(texts)
        asked = [self.reader.question(query) for query in queries]
        plans = [plan(self.reader, one, table, truncation, self.rows) for one in asked]
        if sequential and any(len(one.windows) > 1 for one in plans):
            # The longest question leaves the least room: windows made for it do for all.
            plans = [max(zip(asked, plans, strict=True), key=lambda pair: len(pair[0].ids))[1]] * len(plans)
        steps = [
            [self._step(one, table, window, how.told) for window in how.windows]
            for one, how in zip(asked, plans, strict=True)
        ]
        if sequential:
            for conversation in zip(*steps, strict=True):
                yield _chunk(Asked(texts, table, conversation, 0, len(asked)))
        else:
            for number, windows in enumerate(steps):
                for step in windows:
                    yield _chunk(Asked(texts, table, (step,), number, len(asked)))

    def _step(self, asked: Cell, table: TokenTable, window: Window, told: str = "") -> Step:
        rows = window.rows
        part = table if rows == tuple(range(len(rows))) else table.only(rows)
        return Step(asked, window, self.reader.read(asked, part, len(rows), window.words), told)

    def in_turn(self, chunks: Sequence[Chunk], ask: Ask) -> list[Answers]:
        """What the model says to the questions of each chunk: the first of all chunks in one batch, then the next."""
        answers = [Answers([]) for _ in chunks]
        for turn in range(max(len(chunk.note.steps) for chunk in chunks)):
            places = [i for i, chunk in enumerate(chunks) if turn < len(chunk.note.steps)]
            under_way = [_marked(chunks[i], turn, answers[i]) if turn else chunks[i] for i in places]
            for i, cells in zip(places, ask(under_way), strict=False):  # a batch may hold more than was asked
                answers[i].cells.append(cells)
        return answers

    def answers(
        self, outputs: Sequence[ChunkOutput], ask: Ask, *, sequential: bool
    ) -> Iterator[tuple[dict[str, Any], str]]:
        """The answer to each question of an item, and what the user should know of how it was found.

        ask: gives the ChunkOutputs of more chunks.
        """
        previous: list[Place] | None = None
        for number in range(outputs[0].chunk.note.count):
            pairs = [
                (out.chunk.note.steps[turn], out.output.cells[turn])
                for out in outputs
                if 0 <= (turn := number - out.chunk.note.first) < len(out.chunk.note.steps)
            ]
            best, told = self._best(outputs[0].chunk.note, pairs, previous, ask)
            if sequential:
                previous = best.chosen
            yield answer(best, outputs[0].chunk.note.texts.rows, self.aggregators, self.none), told

    def _best(
        self, asked: Asked, pairs: Sequence[tuple[Step, Cells]], previous: list[Place] | None, ask: Ask
    ) -> tuple[Found, str]:
        """What was found for a question, and what the user should know of how.

        Each window answers for itself. So where several do, the rows that hold their answers are asked once more
        alone, as long as that leaves few of them: the largest of each window becomes the largest of all. Where it
        leaves many, as for a count, the answers of all windows belong together.
        """
        question, told = pairs[0][0].question, pairs[0][0].told
        parts = [found(cells, step.read, step.window) for step, cells in pairs]
        best = whole = joined(parts) if len(parts) > 1 else parts[0]
        if len(whole.rows) > SHRUNK * asked.table.rows:
            return whole, told
        while sum(bool(part.chosen) for part in parts) > 1:
            rows = best.rows
            windows = split(self.reader, question, asked.table.only(rows), self.rows)
            windows = [Window(tuple(rows[row] for row in window.rows), window.words) for window in windows]
            parts = self._again(asked, [self._step(question, asked.table, one) for one in windows], previous, ask)
            best = joined(parts)
            if not best.chosen or (len(parts) > 1 and len(best.rows) > SHRUNK * len(rows)):
                return whole, told
            told = f"{told}; {len(rows):,} with possible answers were read again together"
        return best, told

    def _again(self, asked: Asked, steps: list[Step], previous: list[Place] | None, ask: Ask) -> list[Found]:
        """What is found where a question is asked about other windows."""
        if previous is not None:
            steps = [replace(step, read=marked(step.read, step.window, previous)) for step in steps]
        outputs = [out for step in steps for out in ask([_chunk(replace(asked, steps=(step,)))])]
        return [found(out.output.cells[0], step.read, step.window) for out, step in zip(outputs, steps, strict=True)]


def _chunk(asked: Asked) -> Chunk:
    return Chunk(_inputs(asked.steps[0].read), asked, sum(len(step.read.ids) for step in asked.steps))


def _marked(chunk: Chunk, turn: int, answers: Answers) -> Chunk:
    """A question with the cells that answered the one before."""
    last, step = chunk.note.steps[turn - 1 : turn + 1]
    before = found(answers.cells[-1], last.read, last.window).chosen
    return Chunk(_inputs(marked(step.read, step.window, before)), size=len(step.read.ids))


def _inputs(read: Read) -> dict[str, Any]:
    return {"input_ids": read.ids.tolist(), "token_type_ids": read.types.tolist()}
