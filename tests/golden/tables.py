"""Tables and questions by chance: numbers with units, dates, gaps, scripts, wide and tall ones."""

import random

Columns = dict[str, list[str]]

NAMES = ["Name", "Year", "Stars", "Price (€)", "date of birth", "Größe", "順位", "a_b", "Pop. 2010", "", "Country/Area"]
WORDS = [
    "France",
    "new york",
    "Zoë",
    "東京",
    "Rust, Python and NodeJS",
    "naïve façade",
    "x" * 120,
    "the second",
    "No. 5",
]
GAPS = ["", "?", "n/a", "nan", "-", "--", " ", "N/A", "…", "_", "EMPTY"]
MONTHS = ["january", "Feb", "march", "Apr", "May", "June", "jul", "August", "Sept", "October", "Nov", "december"]
HOSTILE = [
    "[SEP] a ? [EMPTY]",
    "[CLS]",
    "a [MASK]",
    "##ing",
    "1 2 3 4 5 6 7",
    "İstanbul",
    "ΣΑΣ",
    "½ ² ٣",
    "\u200b",
    "a\u0301 b",
]
ASKED = [
    "How many",
    "What is the largest",
    "which one is more than",
    "was it before",
    "Who is the third",
    "?",
    "the total of",
]


def number(chance: random.Random) -> str:
    value = chance.choice((chance.randrange(3000), chance.randrange(10**7), chance.uniform(-50, 50), 1990, 0))
    form = chance.choice(
        ("{}", "{:,}", "{} km", "$ {:,}", "{}%", "+{}", "-{}", "{}th", "{} (est.)", "{:.2e}", ".{}", "{}s")
    )
    try:
        return form.format(value)
    except ValueError:
        return str(value)


def date(chance: random.Random) -> str:
    year, month, day = chance.randrange(1650, 2030), chance.randrange(1, 14), chance.randrange(1, 33)
    name = MONTHS[(month - 1) % 12]
    forms = (
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{year}-{month:02}-{day:02}",
        f"{month}-{day}-{year}",
        f"{day}.{month}.{year}",
        f"{name} {year}",
        f"{name}",
        f"{year}",
        f"{year}s",
        f"{year}-{month}",
        f"Monday, {name} {day}",
        f"born {day} {name}  {year} in Rome",
        f"{name} {day}",
    )
    return chance.choice(forms)


def words(chance: random.Random) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(chance.choice((1, 1, 1, 2, 4))))


def anything(chance: random.Random) -> str:
    letters = "".join(chr(chance.randrange(32, 0x3000)) for _ in range(5))
    return chance.choice((number, date, words, lambda _: chance.choice(GAPS), lambda _: letters))(chance)


def table(chance: random.Random) -> Columns:
    """A table of a shape by chance; most columns hold one kind of value, with gaps."""
    width, height = chance.choice(
        ((1, 1), (3, 4), (4, 8), (5, 12), (2, 60), (1, 90), (20, 3), (40, 1), (8, 20), (3, 130))
    )
    columns: Columns = {}
    for place in range(width):
        kind = chance.choice((number, number, date, date, words, anything))
        gaps = chance.choice((0, 0, 0.1, 0.25, 0.35))
        cells = [chance.choice(GAPS) if chance.random() < gaps else kind(chance) for _ in range(height)]
        if chance.random() < 0.05:
            cells[chance.randrange(height)] = chance.choice(HOSTILE)
        columns[f"{chance.choice(NAMES)}{place if chance.random() < 0.7 or place == 0 else f' {place}'}"] = cells
    return columns


def question(chance: random.Random) -> str:
    """A question, which may speak of numbers and dates."""
    parts = [chance.choice(ASKED)]
    parts += [chance.choice((number, date, words, anything))(chance) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    return " ".join(parts)
