"""What TAPAS reads: the tokens of a question and of a table's cells, each with seven types."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np

from nbpipes.errors import InputError
from nbpipes.processing.tables.table import Table
from nbpipes.processing.tables.values import Value, column_values, is_blank, ranks, relations, values_of
from nbpipes.processing.tables.words import WordRules
from nbpipes.processing.text import Tokenizer

Ints = np.ndarray
SEGMENT, COLUMN, ROW, PREVIOUS, RANK, INVERSE, RELATION = range(7)
"""The places of a token's types."""
DEFAULT_LENGTH = 512
KEPT_CELLS = 400_000
"""Cells of the tables that a reader remembers."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The tokens of a cell's text. starts: for each the place where its word begins. values: numbers and dates."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    values: tuple[Value, ...] = ()


class TokenTable:
    """A table whose cells are tokens; the first of `lines` is the header."""

    def __init__(self, lines: Sequence[Sequence[Cell]]) -> None:
        self.lines = lines

    @property
    def rows(self) -> int:
        return len(self.lines) - 1

    @property
    def columns(self) -> int:
        return len(self.lines[0])

    def only(self, rows: Sequence[int]) -> "TokenTable":
        """The table of some of its rows, with ranks of its own."""
        return TokenTable([self.lines[0], *(self.lines[row + 1] for row in rows)])

    @cached_property
    def costs(self) -> list[int]:
        """Tokens of each line."""
        return [sum(len(cell.ids) for cell in line) for line in self.lines]

    @cached_property
    def flat(self) -> Ints:
        """All tokens, `(4, tokens)`: id, column from 1, line from 0, place of the word in its cell."""
        parts = [
            (number, column, line, start)
            for line, cells in enumerate(self.lines)
            for column, cell in enumerate(cells, 1)
            for number, start in zip(cell.ids, cell.starts, strict=True)
        ]
        return np.array(parts, dtype=np.int64).reshape(-1, 4).T

    @cached_property
    def values(self) -> list[dict[int, Value]]:
        """For each column its values by row; columns of mixed texts have none."""
        return [column_values([line[i].values for line in self.lines[1:]]) for i in range(self.columns)]

    @cached_property
    def ranks(self) -> Ints:
        """Rank and inverse rank of every cell, `(2, lines, columns)`, 0 where it has none."""
        table = np.zeros((2, len(self.lines), self.columns), dtype=np.int64)
        for column, values in enumerate(self.values):
            for row, pair in ranks(values).items():
                table[:, row + 1, column] = pair
        return table

    def relations(self, asked: Sequence[Value]) -> Ints:
        """How the values of a question compare with every cell, `(lines, columns)`."""
        table = np.zeros((len(self.lines), self.columns), dtype=np.int64)
        for column, values in enumerate(self.values if asked else ()):
            for row, bits in relations(values, asked).items():
                table[row + 1, column] = bits
        return table


@dataclass(frozen=True, slots=True)
class Read:
    """A question with its table as a model reads them. ids: `(tokens,)`; types: `(tokens, 7)`."""

    ids: Ints
    types: Ints


class TapasReader:
    """Makes tokens of questions and tables, as the checkpoint's tokenizer settings have it.

    Threads may share it; it remembers the tables that it has read last.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int | None = None) -> None:
        """limit: tokens that the model can read at most, None for any number."""
        self.tokenizer = tokenizer
        usual = tokenizer.model_max_length or DEFAULT_LENGTH
        self.limit, self.length = limit, usual if limit is None else min(usual, limit)
        given = tokenizer.settings
        self.most_columns = given.get("max_column_id") or self.length
        self.most_rows = given.get("max_row_id") or self.length
        self.trim = int(given.get("cell_trim_length", -1))
        self.nameless = bool(given.get("strip_column_names", False))
        accents = given.get("strip_accents")
        self._words = WordRules(
            bool(given.get("do_lower_case", True)),
            None if accents is None else not accents,
            bool(given.get("tokenize_chinese_chars", True)),
        )
        named = {token.content: number for number, token in tokenizer.backend.get_added_tokens_decoder().items()}
        self._special = named
        self._parts = re.compile("(" + "|".join(map(re.escape, sorted(named, key=len, reverse=True))) + ")")
        self._blank = Cell((tokenizer.convert_tokens_to_ids(given.get("empty_token", "[EMPTY]")),), (0,))
        self._tables: OrderedDict[Table, TokenTable] = OrderedDict()
        self._lock = Lock()

    def table(self, table: Table) -> TokenTable:
        """The tokens of a table. InputError for more columns than the model knows."""
        if len(table.names) >= self.most_columns:
            raise InputError(
                f"the table has {len(table.names):,} columns; the model knows at most {self.most_columns - 1:,}. "
                "Leave out columns that the question is not about"
            )
        with self._lock:
            if table in self._tables:
                self._tables.move_to_end(table)
                return self._tables[table]
        names = [""] * len(table.names) if self.nameless else table.names
        made = TokenTable(list(self._cells([names, *table.rows])))
        with self._lock:
            self._tables[table] = made
            while len(self._tables) > 1 and sum(len(one.rows) * len(one.names) for one in self._tables) > KEPT_CELLS:
                self._tables.popitem(last=False)
        return made

    def question(self, text: str) -> Cell:
        """The tokens and values of a question."""
        return self._cell(text)

    def read(self, asked: Cell, table: TokenTable, rows: int, words: int | None = None) -> Read:
        """The tokens of a question and of the first rows of a table. words: of a cell are read at most, None is all."""
        number, column, line, start = table.flat
        kept = line <= rows
        if words is not None:
            kept &= start < words
        number, column, line = number[kept], column[kept], line[kept]
        opening = [self.tokenizer.cls_token_id, *asked.ids, self.tokenizer.sep_token_id]
        types = np.zeros((len(opening) + len(number), 7), dtype=np.int64)
        body = types[len(opening) :]
        body[:, SEGMENT], body[:, COLUMN], body[:, ROW] = 1, column, line
        body[:, RANK], body[:, INVERSE] = table.ranks[:, line, column - 1]
        body[:, RELATION] = table.relations(asked.values)[line, column - 1]
        return Read(np.concatenate((np.array(opening, dtype=np.int64), number)), types)

    def fit(self, asked: Cell, table: TokenTable) -> tuple[int, int]:
        """How many rows, and words of each cell, fit: as many rows as possible, and then words. (0, 1) if none do."""
        room = self.room(asked)
        rows = min(table.rows, self.most_rows - 1)
        longest = max((len(cell.ids) for line in table.lines for cell in line), default=0)
        most = longest if self.trim < 0 else min(longest, self.trim)
        # Tokens by line and by the place of their word, summed up over both: what so many rows and words cost.
        _, _, line, start = table.flat
        counts = np.zeros((len(table.lines), longest + 1), dtype=np.int64)
        np.add.at(counts, (line, start), 1)
        costs = counts.cumsum(0).cumsum(1)
        for count in range(rows, 0, -1):
            words = int(np.searchsorted(costs[count, : most + 1], room, side="right"))
            words = min(words, most)
            if words == most or (words > 0 and self.trim < 0):
                return count, words or 1
        return 0, 1

    def room(self, asked: Cell) -> int:
        """Tokens that a question leaves for the table."""
        return self.length - len(asked.ids) - 2

    def _cells(self, lines: Sequence[Sequence[str]]) -> Iterator[list[Cell]]:
        """The cells of lines of texts; equal texts are read once, all of them in one call of the tokenizer."""
        texts = dict.fromkeys(text for line in lines for text in line)
        plain = [text for text in texts if text.isascii() and not is_blank(text) and not self._parts.search(text)]
        encodings = self.tokenizer.encode_batch(plain, truncation=False, add_special_tokens=False)
        known = {
            text: Cell(*_pieces(one.ids, one.tokens), values_of(text))
            for text, one in zip(plain, encodings, strict=True)
        }
        return ([known[text] if text in known else self._cell(text) for text in line] for line in lines)

    def _cell(self, text: str) -> Cell:
        """The tokens of one text. Special tokens in it are what they say; what counts as blank is one token."""
        ids: list[int] = []
        starts: list[int] = []
        for part in self._parts.split(text):
            if part in self._special:
                found = [(self._special[part], part)]
            elif not part:
                continue
            elif is_blank(part):
                found = [(self._blank.ids[0], "")]
            else:
                pieces = (self.tokenizer.backend.model.tokenize(word) for word in self._words.words(part))
                found = [(piece.id, piece.value) for word in pieces for piece in word]
            more, begins = _pieces(*zip(*found, strict=True)) if found else ((), ())
            starts += [len(ids) + begin for begin in begins]
            ids += more
        return Cell(tuple(ids), tuple(starts), values_of(text))


def _pieces(ids: Sequence[int], tokens: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids, and for each the place where its word begins: pieces within a word are marked."""
    starts, begin = [], 0
    for place, token in enumerate(tokens):
        if not token.startswith("##"):
            begin = place
        starts.append(begin)
    return tuple(ids), tuple(starts)
