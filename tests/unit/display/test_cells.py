"""How answers from tables are drawn: what they add up to, the cells marked, and what is left out of a large table."""

import re

import pandas as pd
import pytest

from nbpipes.display import render
from nbpipes.display.cells import shown_columns, shown_rows
from nbpipes.results import Record, annotate
from nbpipes.results.tables import Grid, computed

TASK = "table-question-answering"
STARS = {"Repository": ["Transformers", "<i>Datasets"], "Stars": ["36542", "4512"]}
BEST = {"answer": "AVERAGE > 36542", "coordinates": [(0, 1)], "cells": ["36542"], "aggregator": "AVERAGE"}


def shown(value, source) -> str:
    """The text that is read where all styles are stripped; marked cells in square brackets."""
    html = render(TASK, annotate(value, TASK, source, {}), source)
    html = re.sub(r"<mark[^>]*>", "[", html).replace("</mark>", "]").replace("</td>", " | ")
    return re.sub(r"<[^>]+>", "", html)


def test_the_value_stands_before_the_table_and_the_cell_is_marked():
    text = shown(BEST, {"table": STARS, "query": "How many stars?"})
    assert text.startswith("How many stars?AVERAGE → 36,542 of 1 cell")
    assert "0 | Transformers | [36542] | " in text
    assert "&lt;i&gt;Datasets | 4512" in text


def test_cells_of_several_questions_are_numbered():
    answers = [BEST, BEST | {"coordinates": [(0, 1), (1, 1)], "aggregator": "SUM", "cells": ["36542", "4512"]}]
    text = shown(answers, {"table": pd.DataFrame(STARS), "query": ["How many?", "In total?"]})
    assert "2. In total?SUM → 41,054 of 2 cells" in text
    assert "[36542 1, 2]" in text
    assert "[4512 2]" in text


def test_a_large_table_is_shown_around_its_answers():
    table = {"n": list(range(5000)), "word": ["x"] * 5000}
    text = shown({"answer": "x", "coordinates": [(2500, 1)], "cells": ["x"]}, {"table": table, "query": "?"})
    assert "⋮ 2,494 more rows | 2499 | 2499 | x | 2500 | 2500 | [x] | 2501" in text
    assert "⋮ 2,498 more rows" in text


def test_no_answer_no_table_and_how_it_was_read_are_told():
    nothing = {"answer": "SUM > ", "coordinates": [], "cells": [], "aggregator": "SUM"}
    assert "no cell of the table" in shown(nothing, {"table": STARS, "query": "?"})
    assert "In Rome" in shown({"answer": "In Rome"}, {"table": "gone", "query": "?"})
    read = Record(BEST, meta={"read": "200 rows were read in 4 windows"})
    assert "200 rows were read in 4 windows" in shown([read], {"table": STARS, "query": ["?"]})


@pytest.mark.parametrize(
    ("aggregator", "cells", "value"),
    [
        ("COUNT", ["a", "b"], 2),
        ("SUM", ["1,234 km", "-3", "n/a", "2.5e2"], 1481),
        ("AVERAGE", ["1", "2"], 1.5),
        ("SUM", ["0.1", "0.2"], 0.3),
        ("SUM", ["a"], None),
        ("NONE", ["1"], None),
        (None, ["1"], None),
        ("COUNT", [], 0),
    ],
)
def test_what_the_cells_add_up_to(aggregator, cells, value):
    assert computed({"aggregator": aggregator, "cells": cells}) == value


def test_rows_and_columns_are_chosen_around_answers():
    assert shown_rows({50}, 100, 8, 2) == [0, 1, 49, 50, 51]
    assert shown_rows(set(), 100, 4) == [0, 1, 2, 3]
    assert shown_rows(set(range(100)), 100, 5) == [0, 1, 2, 3, 4]
    assert shown_columns({90}, 100, 3) == [0, 1, 90]


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float64", "int16", "datetime64[ns]", "object"])
def test_cells_of_a_frame_read_as_pandas_writes_them(dtype):
    values = pd.Series([79.4 if "loat" in dtype else 79]).astype(dtype)
    if dtype.startswith("date"):
        values = pd.Series(pd.to_datetime(["2007-05-01"]))
    wanted = "2007-05-01" if dtype.startswith("date") else "79.4" if "loat" in dtype else "79"
    assert Grid(pd.DataFrame({"value": values})).text(0, 0) == wanted
