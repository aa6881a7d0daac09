"""What TAPEX reads: a question, and a table as one line of text."""

from collections.abc import Sequence

from nbpipes.errors import InputError
from nbpipes.processing.tables.table import Table
from nbpipes.processing.text import Tokenizer

CELL_TOKENS = 15
"""Tokens of a cell that are read, unless the checkpoint says otherwise."""


class TapexReader:
    """Makes token ids of questions and tables: "question col : a | b row 1 : x | y row 2 : …"."""

    def __init__(self, tokenizer: Tokenizer, limit: int | None = None) -> None:
        """limit: tokens that the model reads at most."""
        self.tokenizer = tokenizer
        limits = [length for length in (tokenizer.model_max_length, limit) if length is not None]
        self.length = min(limits, default=None)
        self.lower = bool(tokenizer.settings.get("do_lower_case", False))
        self.cell_tokens = int(tokenizer.settings.get("max_cell_length", CELL_TOKENS))

    def read(self, question: str, table: Table, *, drop: bool | None = None) -> tuple[list[int], str]:
        """The ids, and what the user should know of how the table was read.

        drop: whether rows are left out where they do not all fit, those first that share no word with the question;
        None is True. InputError where they do not fit and none shall be left out, or where not even one fits.
        """
        cut = Table(table.names, tuple(tuple(map(self._cell, row)) for row in table.rows))
        ids = self.ids(question, cut)
        if self.length is None or len(ids) <= self.length:
            return ids, ""
        if drop is False:
            raise InputError(
                f"question and table have {len(ids):,} tokens, but the model reads at most {self.length:,}; "
                'truncation="drop_rows_to_fit" leaves out rows'
            )
        order = by_relevance(question, cut)
        few, many = 0, len(order)  # the most rows that fit lie between
        while many - few > 1:
            middle = (few + many) // 2
            fits = len(self.ids(question, cut.only(sorted(order[:middle])))) <= self.length
            few, many = (middle, many) if fits else (few, middle)
        if not few:
            raise InputError(f"not even one row of the table fits into the {self.length:,} tokens that the model reads")
        return self.ids(question, cut.only(sorted(order[:few]))), f"only {few:,} of {len(order):,} rows were read"

    def ids(self, question: str, table: Table) -> list[int]:
        """The ids of a question and all of a table, with the tokens that begin and end a text."""
        text = f"{question} {linearised(table)}" if question else linearised(table)
        return self.tokenizer.windows(text.lower() if self.lower else text, truncation=False)[0].ids

    def _cell(self, text: str) -> str:
        """A cell as it is read: a long one is cut after some tokens, and then its case is lost."""
        if not text.strip():
            return text
        read = "".join(map(str.lower, text)) if self.lower else text
        ids = self.tokenizer.windows(read, truncation=False, add_special_tokens=False)[0].ids
        if len(ids) < self.cell_tokens:
            return text
        return self.tokenizer.decode(ids[: self.cell_tokens], clean_up_tokenization_spaces=False)


def linearised(table: Table) -> str:
    """A table as text."""
    rows = (f"row {number} : {' | '.join(row)}" for number, row in enumerate(table.rows, 1))
    return " ".join((f"col : {' | '.join(table.names)}", *rows)).strip()


def by_relevance(question: str, table: Table) -> Sequence[int]:
    """The rows, those that share most words with the question first, and otherwise in order."""
    words = {word.strip("?!.,;:'\"()") for word in question.lower().split()} - {""}
    shared = [len(words & set(" ".join(row).lower().split())) for row in table.rows]
    return sorted(range(len(table.rows)), key=lambda row: -shared[row])
