"""Tables by chance with questions about them, and which cells answer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

AGGREGATORS = ("NONE", "SUM", "AVERAGE", "COUNT")
NONE, SUM, AVERAGE, COUNT = range(4)
HIGH = ("highest", "largest", "most", "biggest", "greatest")
LOW = ("lowest", "smallest", "least", "fewest")
ASIDE = 5
"""Every fifth word is kept for the test tables, so that answers there cannot be learnt by heart."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a table. cells: row and column of what answers it, rows from 0; all are of one column."""

    text: str
    cells: tuple[tuple[int, int], ...]
    aggregator: int = NONE
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A table as columns of texts, and questions about it."""

    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    questions: tuple[Question, ...]


def example(chance: random.Random, words: Sequence[str], count: int = 4, rows: int = 9) -> Example:
    """A table with a column of names, one or two of numbers, and one of kinds. words: it is made of. rows: at most."""
    height = chance.randint(2, rows)
    names = [chance.choice(words), *_heads(chance, words)]
    things = _different(chance, words, height)
    kinds = _different(chance, words, chance.randint(2, 3))
    columns: list[tuple[str, ...]] = [tuple(things), tuple(chance.choice(kinds) for _ in range(height))]
    numbers = [_numbers(chance, height) for _ in names[2:]]
    columns += [tuple(_shown(chance, column)) for column in numbers]
    order = [0, *chance.sample(range(1, len(names)), len(names) - 1)]
    made = Made([names[i] for i in order], [columns[i] for i in order], order.index(1), things)
    values = {order.index(2 + i): column for i, column in enumerate(numbers)}
    asked = tuple(made.question(chance, values) for _ in range(count))
    return Example(tuple(made.names), tuple(made.columns), asked)


def _heads(chance: random.Random, words: Sequence[str]) -> list[str]:
    heads = _different(chance, words, chance.randint(2, 4))
    return [f"{head} {chance.choice(words)}" if chance.random() < 0.2 else head for head in heads]


def _different(chance: random.Random, words: Sequence[str], count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(chance.choice(words) for _ in range(chance.choice((1, 1, 1, 2))))] = None
    return list(found)


def _numbers(chance: random.Random, count: int) -> list[float]:
    top = chance.choice((20, 100, 1000, 100_000, 10**8))
    if chance.random() < 0.2:
        return [chance.randint(1900, 2016) for _ in range(count)]
    if chance.random() < 0.25:
        return [round(chance.uniform(0, top), 1) for _ in range(count)]
    return [chance.randint(0, top) for _ in range(count)]


def _shown(chance: random.Random, column: Sequence[float]) -> list[str]:
    form = chance.choice(("{}", "{}", "{}", "{:,}", "{} km", "{} %"))
    return [form.format(value) for value in column]


@dataclass(slots=True)
class Made:
    """A table under way: `kind` is the column of kinds, `things` are the names in the first one."""

    names: list[str]
    columns: list[tuple[str, ...]]
    kind: int
    things: list[str]

    def question(self, chance: random.Random, values: dict[int, list[float]]) -> Question:
        """A question of a kind by chance."""
        column = chance.choice(list(values))
        makers = (self._value, self._value, self._which, self._most, self._most, self._top, self._kind, self._count)
        made = chance.choice((*makers, self._count_kind, self._more, self._sum, self._sum, self._sum_kind))
        return made(chance, column, values[column])

    def _value(self, chance: random.Random, column: int, _: list[float]) -> Question:
        column = chance.choice([column, column, self.kind])
        row = chance.randrange(len(self.things))
        head, thing = self.names[column], self.things[row]
        forms = (f"what is the {head} of {thing}?", f"{head} of {thing}", f"what {head} does {thing} have?")
        more = (f"how many {head} does {thing} have?", f"how much {head} has {thing}?", f"which {head} is {thing} in?")
        return Question(chance.choice((*forms, *forms, *more)), ((row, column),), NONE, "value")

    def _which(self, chance: random.Random, column: int, _: list[float]) -> Question:
        row = chance.randrange(len(self.things))
        value = self.columns[column][row]
        rows = [i for i, other in enumerate(self.columns[column]) if other == value]
        forms = (
            f"which {self.names[0]} has a {self.names[column]} of {value}?",
            f"who has {value} {self.names[column]}?",
        )
        return Question(chance.choice(forms), tuple((i, 0) for i in rows), NONE, "which")

    def _most(self, chance: random.Random, column: int, values: list[float]) -> Question:
        words, best = chance.choice(((HIGH, max), (LOW, min)))
        rows = [i for i, value in enumerate(values) if value == best(values)]
        word, head = chance.choice(words), self.names[column]
        forms = (f"which {self.names[0]} has the {word} {head}?", f"what {self.names[0]} has the {word} {head}?")
        return Question(
            chance.choice((*forms, f"{self.names[0]} with the {word} {head}")),
            tuple((i, 0) for i in rows),
            NONE,
            "most",
        )

    def _top(self, chance: random.Random, column: int, values: list[float]) -> Question:
        words, best = chance.choice(((HIGH, max), (LOW, min)))
        rows = [i for i, value in enumerate(values) if value == best(values)]
        return Question(
            f"what is the {chance.choice(words)} {self.names[column]}?", tuple((i, column) for i in rows), NONE, "top"
        )

    def _of_kind(self, chance: random.Random) -> tuple[str, list[int]]:
        kind = chance.choice(self.columns[self.kind])
        return kind, [i for i, other in enumerate(self.columns[self.kind]) if other == kind]

    def _kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        head = self.names[0]
        forms = (
            f"which {head} are in {kind}?",
            f"list the {head} of {kind}",
            f"{head} with {self.names[self.kind]} {kind}",
        )
        return Question(chance.choice(forms), tuple((i, 0) for i in rows), NONE, "kind")

    def _count(self, chance: random.Random, column: int, values: list[float]) -> Question:
        head = self.names[0]
        forms = (f"how many {head} are there?", f"count the {head}", f"what is the number of {head}?")
        return Question(chance.choice(forms), tuple((i, 0) for i in range(len(self.things))), COUNT, "count")

    def _count_kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        head = self.names[0]
        forms = (f"how many {head} are in {kind}?", f"how many {head} have {self.names[self.kind]} {kind}?")
        return Question(chance.choice(forms), tuple((i, 0) for i in rows), COUNT, "count of a kind")

    def _more(self, chance: random.Random, column: int, values: list[float]) -> Question:
        pivot, more = chance.choice(values), chance.random() < 0.5
        rows = [i for i, value in enumerate(values) if (value > pivot if more else value < pivot)]
        if not rows:
            return self._most(chance, column, values)
        word = "more" if more else "less"
        shown = self.columns[column][values.index(pivot)]
        if chance.random() < 0.5:
            text = f"how many {self.names[0]} have {word} than {shown} {self.names[column]}?"
            return Question(text, tuple((i, 0) for i in rows), COUNT, "count of more")
        return Question(
            f"which {self.names[0]} have {word} than {shown} {self.names[column]}?",
            tuple((i, 0) for i in rows),
            NONE,
            "more",
        )

    def _sum(self, chance: random.Random, column: int, values: list[float]) -> Question:
        rows = tuple((i, column) for i in range(len(values)))
        return _added(chance, self.names[column], "", rows)

    def _sum_kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        return _added(chance, self.names[column], f" in {kind}", tuple((i, column) for i in rows))


def _added(chance: random.Random, head: str, where: str, cells: tuple[tuple[int, int], ...]) -> Question:
    kind = "sum of a kind" if where else "sum"
    if chance.random() < 0.5:
        forms = (
            f"what is the total {head}{where}?",
            f"the sum of {head}{where}",
            f"what is the {head} in total{where}?",
        )
        return Question(chance.choice(forms), cells, SUM, kind)
    forms = (f"what is the average {head}{where}?", f"the mean {head}{where}", f"what {head} on average{where}?")
    return Question(chance.choice(forms), cells, AVERAGE, kind.replace("sum", "average"))
