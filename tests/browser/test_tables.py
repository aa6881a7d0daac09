"""Questions about tables in JupyterLab: by magic and by accessor, with the model that comes with nbpipes."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

STARS = """
%load_ext nbpipes
import pandas as pd
stars = pd.DataFrame({
    "repository": ["transformers", "datasets", "tokenizers"],
    "stars": [36542, 4512, 3934],
    "language": ["python", "python", "rust"],
})
many = pd.concat([stars] + [pd.DataFrame({"repository": [f"project {i}"], "stars": [i % 3000], "language": ["rust"]})
                            for i in range(4997)], ignore_index=True)
"""
MAGIC = """%%pipe table-question-answering model=demo -o found
question: what is the average stars?
table: = stars
"""


def test_questions_about_a_dataframe(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(
        [
            *(STARS, MAGIC, "print(found['aggregator'], found.meta['value'], found['coordinates'])"),
            "answer = stars.pipe.table_qa('what is the stars of datasets?', model='demo'); answer",
            "large = many.pipe.table_qa('which repository has the highest stars?', model='demo'); large",
            "print(answer['cells'], answer['coordinates'], large['cells'], large.meta['read'])",
        ]
    )
    for index in range(4):
        book.run(index)
    view = book.view(1)
    expect(view).to_contain_text("AVERAGE → 14,996 of 3 cells")
    expect(view.locator("mark")).to_have_text(["36542", "4512", "3934"])
    assert book.text(2).strip() == "AVERAGE 14996 [(0, 1), (1, 1), (2, 1)]"
    expect(book.view(3).locator("mark")).to_have_text("4512")
    shot(view, "lab-light-table-magic")
    book.run(4)
    large = book.view(4)
    expect(large).to_contain_text("5,000 rows were read in")
    expect(large.locator("mark")).to_have_text("transformers")
    shot(large, "lab-light-table-large")
    assert book.ask(5).startswith("['4512'] [(1, 1)] ['transformers'] 5,000 rows were read in")
