"""Answers found in a table (table-question-answering): what they add up to, and the table with its cells marked."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from nbpipes.display import kit, plain
from nbpipes.results.tables import Grid, computed, numbers_of, places

COLUMNS = 12  # columns of a table that are shown
FIRST = 5  # rows at the top of a table that is not shown whole
AROUND = 1  # rows shown before and after one with an answer
EACH = 6  # rows of a table in a batch
CELL = (
    "text-align:left;vertical-align:baseline;padding:.15em .8em .15em .4em;border:0;max-width:24em;"
    f"border-bottom:1px solid {kit.FAINT};overflow-wrap:anywhere"
)
HEAD = f"{CELL};position:sticky;top:0;background:var(--jp-layout-color0,Canvas);font-weight:600"
COUNT = f"{CELL};{kit.MUTED};text-align:right;font-variant-numeric:tabular-nums"
WITH_ANSWER = "background:rgba(119,170,221,.16)"

Answer = Mapping[str, Any]
Marks = Mapping[tuple[int, int], list[int]]
"""By row and column, the numbers of the questions that a cell answers."""


def draw(value: Any, source: Any, room: int) -> str:
    """Return the questions with their answers, and the table with the answering cells marked."""
    return _draw(kit.ROWS, value, source, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return the first items of a batch one below the other."""
    return kit.blocks(partial(_draw, EACH), values, sources, room)


def _draw(most: int, value: Any, source: Any, room: int) -> str:
    entries = value if isinstance(value, list) else [value]
    answers = [entry for entry in entries if isinstance(entry, dict)]
    if not answers or "answer" not in answers[0]:
        return plain.draw(value, source, room)
    queries, grid = questions(source), grid_of(source)
    asked = queries + [None] * (len(answers) - len(queries))
    lines = (_line(answer, asked[i], i, len(answers)) for i, answer in enumerate(answers))
    taken = kit.fit(lines, room // 3 - 200, kit.ROWS)
    html = "".join(taken) + kit.more(len(answers) - len(taken), "answer")
    if grid is None or not grid.names:
        return html
    marks: dict[tuple[int, int], list[int]] = {}
    for number, answer in enumerate(answers):
        for place in places(answer, grid):
            marks.setdefault(place, []).append(number)
    return html + _table(grid, marks, most, len(answers) > 1, room - kit.size(html))


def questions(source: Any) -> list[Any]:
    """What was asked: the question of an item, or its questions."""
    query = source.get("query") if isinstance(source, Mapping) else None
    return list(query) if isinstance(query, list | tuple) else [query]


def grid_of(source: Any) -> Grid | None:
    """The table of an item, None where it has none that can be shown."""
    try:
        return Grid(source["table"]) if isinstance(source, Mapping) and "table" in source else None
    except ValueError:
        return None


def summary(answer: Answer) -> tuple[str, str, str]:
    """How an answer reads: the aggregator, what comes of it, and the cells; "" for what there is not."""
    aggregator, value = answer.get("aggregator"), computed(answer)
    words = str(answer.get("answer") or "")
    cells = answer.get("cells")
    if value is None:
        return "", "", "" if cells == [] else words  # an aggregator of nothing says nothing
    cells = cells if isinstance(cells, list) else []
    told = f"{len(cells):,} cell{'' if len(cells) == 1 else 's'}"
    missing = len(cells) - len(numbers_of(cells))
    if aggregator != "COUNT" and missing:
        told += f", {missing:,} of them without a number"
    return str(aggregator), f"{value:,}", told


def _line(answer: Answer, question: Any, number: int, count: int) -> str:
    html = f'<span style="{kit.MUTED}">{number + 1}.</span> ' if count > 1 else ""
    if isinstance(question, str):
        html += f"<b>{kit.escape(question, 500)}</b>"
    aggregator, value, words = summary(answer)
    if value:
        chip = kit.chip(kit.escape(aggregator, 40), kit.PALETTE[3])
        told = f'{chip} → <b>{kit.escape(value, 40)}</b> <span style="{kit.MUTED}">of {kit.escape(words, 120)}</span>'
    else:
        told = kit.escape(words, 500) if words.strip() else "<i>no cell of the table</i>"
    meta = getattr(answer, "meta", None)
    read = meta.get("read") if isinstance(meta, Mapping) else None
    note = f'<div style="{kit.MUTED}">{kit.escape(read, 300)}</div>' if isinstance(read, str) else ""
    return f'<div dir="auto" style="margin-bottom:.3em">{html}<div>{told}</div>{note}</div>'


def _table(grid: Grid, marks: Marks, most: int, numbered: bool, room: int) -> str:
    """The table, or the rows and columns of a large one that hold answers and those around them."""
    columns = shown_columns({column for _, column in marks}, len(grid.names), COLUMNS)
    rows = shown_rows({row for row, _ in marks}, grid.height, most)
    head = kit.cell("", HEAD, "th") + "".join(kit.cell(kit.escape(grid.names[i], 60), HEAD, "th") for i in columns)
    start = (
        f'<div style="overflow:auto;max-height:32em"><table style="{kit.TABLE};border-collapse:separate;'
        f'border-spacing:0"><thead><tr style="background:none">{head}</tr></thead><tbody>'
    )
    end = "</tbody></table></div>"
    taken = kit.fit(_rows(grid, rows, columns, marks, numbered), room - kit.size(start + end) - 400, 3 * most)
    html = f"{start}{''.join(taken)}{end}"
    return html + kit.more(len(grid.names) - len(columns), "column")


def _rows(grid: Grid, rows: Sequence[int], columns: Sequence[int], marks: Marks, numbered: bool) -> Iterator[str]:
    last = -1
    for row in (*rows, grid.height):
        if row > last + 1:
            gap = f"⋮ {row - last - 1:,} more row{'' if row - last == 2 else 's'}"
            cell = f'<td colspan="{len(columns) + 1}" style="{CELL};{kit.MUTED}">{gap}</td>'
            yield f'<tr style="background:none">{cell}</tr>'
        last = row
        if row == grid.height:
            return
        cells = kit.cell(str(row), COUNT)
        answers = False
        for column in columns:
            text, numbers = kit.escape(grid.text(row, column), 160), marks.get((row, column))
            answers = answers or numbers is not None
            cells += kit.cell(text if numbers is None else _mark(text, numbers if numbered else ()), CELL)
        yield f'<tr style="{WITH_ANSWER if answers else "background:none"}">{cells}</tr>'


def _mark(html: str, numbers: Sequence[int]) -> str:
    colour = kit.PALETTE[0]
    style = f"background:{colour.fill};color:{kit.INK};border-bottom:2px solid {colour.line};border-radius:.2em"
    note = f" <sub>{', '.join(str(number + 1) for number in numbers[:9])}</sub>" if numbers else ""
    return f'<mark style="{style};padding:0 .3em"><b>{html or "(empty)"}</b>{note}</mark>'


def shown_rows(answering: set[int], height: int, most: int, first: int = FIRST) -> list[int]:
    """Rows of a table to be shown: all of a small one, else those with answers, some around them, and the first."""
    if height <= most:
        return list(range(height))
    shown: dict[int, None] = dict.fromkeys(sorted(answering)[: most - 2])
    around = (row + step for row in list(shown) for step in (-AROUND, AROUND))
    for row in (*around, *range(first if answering else most)):
        if len(shown) >= most:
            break
        if 0 <= row < height:
            shown[row] = None
    return sorted(shown)


def shown_columns(wanted: set[int], count: int, most: int) -> list[int]:
    """Columns to be shown: the first ones, and those with answers."""
    first = sorted(wanted)[:most]
    others = [column for column in range(min(count, most + len(first))) if column not in wanted]
    return sorted([*first, *others[: most - len(first)]])
