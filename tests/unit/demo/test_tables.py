"""The table model that comes with nbpipes: right on plain questions, small, and honest about itself."""

import pytest

from nbpipes import demo, pipeline
from nbpipes.engine.pipeline import Pipeline

FOLDER = demo.folder("table-question-answering")
TABLE = {
    "city": ["paris", "london", "rome", "berlin"],
    "country": ["france", "england", "italy", "germany"],
    "people": ["2148000", "8982000", "2873000", "3645000"],
    "year": ["1950", "1964", "1972", "1981"],
}


@pytest.fixture(scope="module")
def ask() -> Pipeline:
    return pipeline("table-question-answering", model="demo", device="cpu")


@pytest.mark.parametrize(
    ("question", "cells", "aggregator"),
    [
        ("what is the highest people?", ["8982000"], "NONE"),
        ("what is the lowest people?", ["2148000"], "NONE"),
        ("what is the total people?", TABLE["people"], "SUM"),
        ("what is the average people?", TABLE["people"], "AVERAGE"),
        ("how many city are there?", TABLE["city"], "COUNT"),
        ("what is the country of rome?", ["italy"], "NONE"),
        ("how many people does berlin have?", ["3645000"], "NONE"),
        ("which city has the highest people?", ["london"], "NONE"),
        ("which city has a year of 1972?", ["rome"], "NONE"),
        ("which city are in england?", ["london"], "NONE"),
    ],
)
def test_plain_questions(ask: Pipeline, question: str, cells: list[str], aggregator: str) -> None:
    answer = ask(TABLE, question)
    assert (answer["cells"], answer["aggregator"]) == (cells, aggregator)


def test_the_aggregate_is_computed(ask: Pipeline) -> None:
    assert ask(TABLE, "what is the total people?").meta["value"] == 17_648_000


def test_it_is_small_and_its_card_tells_what_matters() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_000_000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for fact in (
        "license: apache-2.0",
        "words it has never met in a table",
        "Limits",
        "a demonstration",
        "Seed 11",
    ):
        assert fact in card
