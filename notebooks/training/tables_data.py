"""Tables by chance with questions about them, and which cells answer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

AGGREGATORS = ("NONE", "SUM", "AVERAGE", "COUNT")
NONE, SUM, AVERAGE, COUNT = range(4)
HIGH = ("highest", "largest", "most", "biggest", "greatest")
LOW = ("lowest", "smallest", "least", "fewest")
MORE, LESS = "more", "less"
ASIDE = 5
"""Every fifth word is kept for the test tables, so that answers there cannot be learnt by heart."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a table. cells: row and column of what answers it, from 0; all are of one column."""

    text: str
    column: int
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
    asked = tuple(made.question(chance, words, values) for _ in range(count))
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

    def question(self, chance: random.Random, words: Sequence[str], values: dict[int, list[float]]) -> Question:
        """A question of a kind by chance. words: for names that are not in the table. values: of columns of numbers."""
        column = chance.choice(list(values))
        if chance.random() < 0.3:
            return self._value(chance, chance.choice((column, self.kind)), words)
        numbers = (self._most, self._most, self._top, self._more, self._which, self._sum, self._sum_kind)
        made = chance.choice((*numbers, self._kind, self._count_kind, self._count))
        return made(chance, column, values[column])

    def _value(self, chance: random.Random, column: int, words: Sequence[str]) -> Question:
        row = chance.randrange(len(self.things))
        first, head, thing = self.names[0], self.names[column], self.things[row]
        absent = chance.random() < 0.12
        if absent:
            thing = chance.choice([word for word in words if not any(word in one for one in self.things)])
        forms = (
            *(f"what is the {head} of {thing}?", f"{head} of {thing}", f"what {head} does {thing} have?"),
            *(f"how many {head} does {thing} have?", f"how many {head} does the {thing} {first} have?"),
            *(f"how much {head} has {thing}?", f"which {head} is {thing} in?", f"what is the {head} for {thing}?"),
        )
        cells = () if absent else ((row, column),)
        return Question(chance.choice(forms), column, cells, NONE, "value of nothing" if absent else "value")

    def _which(self, chance: random.Random, column: int, _: list[float]) -> Question:
        value = chance.choice(self.columns[column])
        first, head = self.names[0], self.names[column]
        forms = (
            *(f"which {first} has a {head} of {value}?", f"which {first} has {value} {head}?"),
            *(f"who has {value} {head}?", f"what {first} has the {head} {value}?"),
        )
        rows = [i for i, other in enumerate(self.columns[column]) if other == value]
        return Question(chance.choice(forms), 0, _of(0, rows), NONE, "which")

    def _most(self, chance: random.Random, column: int, values: list[float]) -> Question:
        word, rows = _extreme(chance, values)
        first, head = self.names[0], self.names[column]
        forms = (
            *(f"which {first} has the {word} {head}?", f"what {first} has the {word} {head}?"),
            *(f"{first} with the {word} {head}", f"what is the {first} with the {word} {head}?"),
        )
        return Question(chance.choice(forms), 0, _of(0, rows), NONE, "most")

    def _top(self, chance: random.Random, column: int, values: list[float]) -> Question:
        word, rows = _extreme(chance, values)
        forms = (f"what is the {word} {self.names[column]}?", f"the {word} {self.names[column]}")
        return Question(chance.choice(forms), column, _of(column, rows), NONE, "top")

    def _of_kind(self, chance: random.Random) -> tuple[str, list[int]]:
        kind = chance.choice(self.columns[self.kind])
        return kind, [i for i, other in enumerate(self.columns[self.kind]) if other == kind]

    def _kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        first = self.names[0]
        forms = (
            *(f"which {first} are in {kind}?", f"list the {first} of {kind}"),
            *(f"{first} with {self.names[self.kind]} {kind}", f"which {first} has {self.names[self.kind]} {kind}?"),
        )
        return Question(chance.choice(forms), 0, _of(0, rows), NONE, "kind")

    def _count(self, chance: random.Random, column: int, values: list[float]) -> Question:
        first = self.names[0]
        forms = (f"how many {first} are there?", f"count the {first}", f"what is the number of {first}?")
        return Question(chance.choice(forms), 0, _of(0, range(len(self.things))), COUNT, "count")

    def _count_kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        first = self.names[0]
        forms = (f"how many {first} are in {kind}?", f"how many {first} have {self.names[self.kind]} {kind}?")
        return Question(chance.choice(forms), 0, _of(0, rows), COUNT, "count of a kind")

    def _more(self, chance: random.Random, column: int, values: list[float]) -> Question:
        pivot, more = chance.choice(values), chance.random() < 0.5
        rows = [i for i, value in enumerate(values) if (value > pivot if more else value < pivot)]
        if not rows:
            return self._most(chance, column, values)
        first, word = self.names[0], MORE if more else LESS
        told = f"{word} than {self.columns[column][values.index(pivot)]} {self.names[column]}?"
        if chance.random() < 0.5:
            return Question(f"how many {first} have {told}", 0, _of(0, rows), COUNT, "count of more")
        return Question(f"which {first} have {told}", 0, _of(0, rows), NONE, "more")

    def _sum(self, chance: random.Random, column: int, values: list[float]) -> Question:
        return _added(chance, self.names[column], "", column, range(len(values)))

    def _sum_kind(self, chance: random.Random, column: int, values: list[float]) -> Question:
        kind, rows = self._of_kind(chance)
        return _added(chance, self.names[column], f" in {kind}", column, rows)


def _of(column: int, rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The cells of some rows in one column."""
    return tuple((row, column) for row in rows)


def _extreme(chance: random.Random, values: Sequence[float]) -> tuple[str, list[int]]:
    """A word for the largest or smallest value, and where it stands."""
    words, best = chance.choice(((HIGH, max), (LOW, min)))
    return chance.choice(words), [i for i, value in enumerate(values) if value == best(values)]


def _added(chance: random.Random, head: str, where: str, column: int, rows: Sequence[int]) -> Question:
    kind, cells = "sum of a kind" if where else "sum", _of(column, rows)
    if chance.random() < 0.5:
        forms = (
            *(f"what is the total {head}{where}?", f"the sum of {head}{where}"),
            *(f"what is the {head} in total{where}?", f"how many {head} in total{where}?"),
        )
        return Question(chance.choice(forms), column, cells, SUM, kind)
    forms = (
        *(f"what is the average {head}{where}?", f"the mean {head}{where}"),
        *(f"what {head} on average{where}?", f"average {head}{where}"),
    )
    return Question(chance.choice(forms), column, cells, AVERAGE, kind.replace("sum", "average"))
