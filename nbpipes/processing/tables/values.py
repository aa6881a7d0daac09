"""Numbers and dates in texts, and how those of a column compare: what TAPAS is told about the values in a table.

After the reference code of TAPAS (number_utils.py), oddities included: models were trained on what it finds.
"""

import datetime
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

Date = tuple[float | None, float | None, float | None]
"""Year, month, day; None for what a text does not say."""
Value = float | Date
Key = float | tuple[float | None, ...]
"""What values of one column are compared by."""

COMMON = 0.7
"""Part of a column's cells that must hold values of one kind before they count."""
EQUAL, LESS, GREATER = 1, 2, 4
"""Relations of a number in the question to a cell, as bits."""
YEARS = range(1700, 2017)
LONGEST_DATE = 5
"""Words of a date."""

CARDINALS = "zero one two three four five six seven eight nine ten eleven twelve".split()
ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
WORDS = {word: float(number) for words in (CARDINALS, ORDINALS) for number, word in enumerate(words)}
MONTHS = "january february march april may june july august september october november december".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
SUFFIXES = ("st", "nd", "rd", "th")

NUMBER = re.compile(r"((^|\s)[+-])?((\.\d+)|(\d+(,\d\d\d)*(\.\d*)?))")
FIELDS = {
    "%A": f"(?:{'|'.join(DAYS)})",
    "%B": f"(?P<month_name>{'|'.join(MONTHS)})",
    "%b": f"(?P<month_name>{'|'.join(month[:3] for month in MONTHS)})",
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>1[0-2]|0[1-9]|[1-9])",
    "%d": r"(?P<day>3[0-1]|[1-2]\d|0[1-9]|[1-9])",
}
FORMATS = (
    *("%B", "%Y", "%Ys", "%b %Y", "%B %Y", "%B %d", "%b %d", "%d %b", "%d %B", "%B %d, %Y", "%d %B %Y"),
    *("%m-%d-%Y", "%Y-%m-%d", "%Y-%m", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%A, %b %d", "%A, %B %d"),
)
"""How a date may be written; the first that fits counts."""


def _pattern(form: str) -> re.Pattern[str]:
    text = form.replace(".", r"\.").replace(" ", r"\s+")
    for field, pattern in FIELDS.items():
        text = text.replace(field, pattern)
    return re.compile(text)


DATES = tuple(map(_pattern, FORMATS))
TELLING = re.compile(rf"\d|(?<![^\W_])(?:{'|'.join((*WORDS, *MONTHS))})(?![^\W_])")
"""A text without any of this holds no value; most do not."""


@lru_cache(maxsize=1 << 14)
def values_of(text: str) -> tuple[Value, ...]:
    """The numbers and dates in a text, in order: the longest that do not lie within others."""
    text = " ".join(text.lower().split())
    if not TELLING.search(text):
        return ()
    found: dict[tuple[int, int], list[Value]] = {}
    for match in NUMBER.finditer(text):
        if (number := _number(match[0])) is not None:
            found.setdefault(match.span(), []).append(number)
    for place in spans(text, 1):
        if place in found:
            continue
        word = text[slice(*place)]
        numbers = [number for number in (_number(word), WORDS.get(word)) if number is not None]
        if numbers:
            found[place] = [*numbers]
    for place in spans(text, LONGEST_DATE):
        if (date := _date(text[slice(*place)])) is not None:
            found.setdefault(place, []).append(date)
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(found, key=lambda place: (place[0] - place[1], place[0])):
        if not any(first <= start and end <= last for first, last in chosen):
            chosen.append((start, end))
    return tuple(value for place in sorted(chosen) for value in found[place])


def spans(text: str, words: int) -> Iterator[tuple[int, int]]:
    """Where runs of up to so many words begin and end; all that is neither letter nor digit parts words."""
    starts: list[int] = []
    flags = [False, *(char.isalnum() for char in text), False]
    for index, (before, here, after) in enumerate(zip(flags, flags[1:], flags[2:], strict=False)):
        if not here:
            continue
        if not before:
            starts.append(index)
        if not after:
            for start in starts[-words:]:
                yield start, index + 1


def _number(text: str) -> float | None:
    for suffix in SUFFIXES:
        if text.endswith(suffix):
            text = text.removesuffix(suffix)
            break
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return None if math.isnan(value) or value == math.inf else value


def _date(text: str) -> Date | None:
    for pattern in DATES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        name = parts.get("month_name")
        month = _month(name) if name else _whole(parts.get("month"))
        year, day = _whole(parts.get("year")), _whole(parts.get("day"))
        try:
            date = datetime.date(1900 if year is None else year, month or 1, day or 1)
        except ValueError:  # the 31st of April
            continue
        if date.year in YEARS:
            return _float(year), _float(month), _float(day)
    return None


def _month(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name))


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)


# ---------------------------------------------------------------------- columns


def column_values(cells: Sequence[Sequence[Value]]) -> dict[int, Value]:
    """The value of each cell that has one of the column's kind, by row; none where too few cells agree.

    cells: the values in each cell of a column.
    """
    counts = Counter(kind for values in cells for kind in {type(value) for value in values})
    if not counts:
        return {}
    most = max(counts.values())
    if most < len(cells) * COMMON:
        return {}
    kind = tuple if counts[tuple] == most else float
    firsts = ((row, next((value for value in values if type(value) is kind), None)) for row, values in enumerate(cells))
    return {row: value for row, value in firsts if value is not None}


def keys(values: Mapping[int, Value], other: Value | None = None) -> tuple[dict[int, Key], Key | None] | None:
    """What the values of a column, and another beside them, are compared by; None where they cannot be compared.

    Numbers are themselves; of dates the parts that all of them have.
    """
    known = [*values.values(), *(() if other is None else (other,))]
    if not known or len({type(value) for value in known}) > 1:
        return None
    dates = [value for value in known if isinstance(value, tuple)]
    if not dates:
        return dict(values), other
    parts = [part for part in range(3) if all(date[part] is not None for date in dates)]
    if not parts:
        return None

    def key(value: Value) -> Key:
        assert isinstance(value, tuple)
        return tuple(value[part] for part in parts)

    return {row: key(value) for row, value in values.items()}, None if other is None else key(other)


def ranks(values: Mapping[int, Value]) -> dict[int, tuple[int, int]]:
    """The rank of each row's value from the smallest, and from the largest, both from 1; equal values share them."""
    found = keys(values)
    if found is None:
        return {}
    order = {key: rank for rank, key in enumerate(sorted(set(found[0].values())))}
    return {row: (order[key] + 1, len(order) - order[key]) for row, key in found[0].items()}


def relations(values: Mapping[int, Value], asked: Sequence[Value]) -> dict[int, int]:
    """For each row how the values in a question compare with the row's: EQUAL, LESS and GREATER, added up."""
    bits: dict[int, int] = {}
    for value in asked:
        found = keys(values, value) if values else None
        if found is None:
            continue
        for row, key in found[0].items():
            bits[row] = bits.get(row, 0) | _relation(found[1], key)
    return bits


def _relation(asked: Key | None, cell: Key) -> int:
    if asked == cell:
        return EQUAL
    return LESS if asked < cell else GREATER  # pyright: ignore[reportOperatorIssue]  both are of one kind


def is_blank(text: str) -> bool:
    """Whether a text counts as an empty cell: no letters or digits, or a word that says so."""
    text = text.lower().strip()
    return text in ("n/a", "?", "nan") or not re.search(r"[^\W_]", text)
