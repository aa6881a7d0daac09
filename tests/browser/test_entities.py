"""Entities, live."""

from collections.abc import Callable
from typing import Any

CELL = """
from nbpipes.results import annotate
text = "Ada Lovelace 👩🏽‍💻 met Charles Babbage in London; on 5 June 1833 they saw the Difference Engine of Clement & Co."
def entity(label, word, score):
    start = text.index(word)
    return {"entity_group": label, "score": score, "word": word, "start": start, "end": start + len(word)}
found = [entity("PER", "Ada Lovelace", 0.998), entity("PER", "Charles Babbage", 0.992), entity("LOC", "London", 0.87),
         entity("DATE", "5 June 1833", 0.41), entity("MISC", "Difference Engine", 0.77), entity("ORG", "Clement & Co.", 0.63)]
result = annotate(found, "token-classification", text, {"model": "tiny/ner", "device": "cpu", "dtype": "float32", "seconds": 0.012})
"""


def test_entities(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook([CELL, "result", "view = result.view(); print([e['word'] for e in view.selected])"])
    book.run(0)
    book.run(1)
    view = book.view(1)
    view.wait_for()
    shot(book.page, "entities-lab-light-page")
    shot(view, "entities-lab-light")
    view.get_by_role("button", name="Charles Babbage").click()
    assert book.ask(2) == "['Charles Babbage']"
    book.theme("JupyterLab Dark")
    shot(view, "entities-lab-dark")
