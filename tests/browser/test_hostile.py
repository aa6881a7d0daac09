"""Text from users and models that would be markup runs nowhere: not in a view, not in a twin, not in exported HTML."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

CELL = """
import nbpipes, samples
import numpy as np
import pandas as pd
from PIL import Image
from nbpipes.engine.options import Options
from nbpipes.results import Record, annotate, annotate_batch
evil = [
    "<img src=x onerror='window.ran=1'>",
    "</script><script>window.ran=1</script>",
    "</textarea></style><svg onload='window.ran=1'><circle/></svg>",
    "javascript:window.ran=1//\\u202e\\ud800\\x00<b>",
    "\\"><details open ontoggle=window.ran=1>{{7*7}}${7*7}`",
]
meta = {"model": evil[0], "revision": evil[1], "device": evil[2], "dtype": evil[3]}
text = " ".join(evil)
def tag(i, e):
    return {"entity_group": e, "score": 0.9, "word": e, "start": text.index(e), "end": text.index(e) + len(e)}
spans = annotate([tag(i, e) for i, e in enumerate(evil)] + [{"entity": evil[0], "score": evil[1], "word": evil[2]}],
                 "token-classification", text, meta)
nested = annotate([tag(0, evil[0]), {**tag(1, evil[1]), "start": 3}], "token-classification", text, meta)
scores = annotate([{"label": e, "score": 0.2} for e in evil], "text-classification", text, meta)
answers = annotate([{"answer": e, "score": 0.2, "start": 0, "end": 9} for e in evil], "question-answering",
                   {"question": evil[0], "context": text}, meta)
words = annotate([{"token_str": e, "score": 0.2, "token": 1, "sequence": e} for e in evil], "fill-mask",
                 f"{evil[0]} [MASK] {evil[1]}", meta)
written = annotate([{"generated_text": [{"role": e, "content": e}]} for e in evil], "text-generation", text, meta)
vectors = annotate_batch([[[1.0, i, 2.0]] for i in range(len(evil))], "feature-extraction", evil, meta)
batch = annotate_batch([spans] * 3, "token-classification", [text] * 3, meta)
picture, mask = Image.new("RGB", (40, 30), "red"), Image.new("L", (40, 30), 255)
picture.filename = evil[0]
edges = {"xmin": 1, "ymin": 2, "xmax": 30, "ymax": 20}
boxes = annotate([{"label": e, "score": 0.5, "box": edges} for e in evil], "object-detection", picture, meta)
masks = annotate([{"label": e, "score": 0.5, "mask": mask} for e in evil], "image-segmentation", picture, meta)
depth = annotate({"predicted_depth": mask, "depth": mask}, "depth-estimation", picture, meta)
guesses = annotate([{"label": e, "score": 0.2} for e in evil], "image-classification", picture, meta)
about = {"boxes": [[1, 2, 30, 40]], "words": evil, "places": [[1, 2, 30, 40]] * 5}
page = annotate([Record({"answer": e, "score": 0.5}, meta=about) for e in evil], "document-question-answering",
                {"image": picture, "question": evil[0]}, meta)
sound = {"raw": np.ones(8000, np.float32) / 2, "sampling_rate": 8000, "path": evil[0]}
times = [(0.1 * i, 0.1 * i + 0.1) for i in range(len(evil))]
chunks = [{"text": e, "timestamp": t, "language": e} for e, t in zip(evil, times)]
speech = annotate({"text": text, "chunks": chunks}, "automatic-speech-recognition", sound, meta)
noises = annotate([{"label": e, "score": 0.9, "timestamp": t} for e, t in zip(evil, times)],
                  "audio-classification", sound, meta)
album = annotate_batch([boxes] * 3, "object-detection", [picture] * 3, meta)
table = {evil[0]: [evil[1], "1"], evil[2]: [evil[3], "2"]}
cells = annotate({"answer": evil[1], "coordinates": [(0, 0)], "cells": [evil[1]], "aggregator": evil[4]},
                 "table-question-answering", {"table": table, "query": evil[0]}, meta)
summary = annotate([{"summary_text": text}], "summarization", text, meta)
nbpipes.enable_pandas()
lawful = [e for e in evil if "\\ud800" not in e]  # pandas takes no half of a character
frame = pd.DataFrame({evil[0]: ["What a lovely surprise!"] * len(lawful)}, index=lawful)
nbpipes.set_colors({e: "gold" for e in evil})
class Asked:
    kind = task = "table-question-answering"
    meta, options_class, options = {"model": evil[0]}, Options, Options()
    def events(self): ...
grid = annotate_batch([scores] * 3, "text-classification", [text] * 3, meta)
"""
SHOWN = [
    "spans",
    "nested",
    "scores",
    "answers",
    "words",
    "written",
    "vectors",
    "batch",
    "grid",
    "nbpipes.compare(spans, nested)",
    "boxes",
    "masks",
    "depth",
    "guesses",
    "album",
    "nbpipes.compare(boxes, boxes)",
    "page",
    "nbpipes.compare(page, page)",
    "speech",
    "noises",
    "nbpipes.compare(speech, evil[0])",
    "cells",
    "summary",
    "frame.pipe.show('sentiment', evil[0], model='demo')",
    "nbpipes.playground(Asked(), inputs={'table': frame, 'question': evil[1]})",
]

IMAGES = "img:not([src^='data:image/']):not([src^='blob:'])"


def test_nothing_runs(notebook: Callable[..., Any], browser: Browser, tmp_path: Path) -> None:
    book = notebook([CELL, *SHOWN])
    for index in range(len(SHOWN) + 1):
        book.run(index)
    for index in range(1, len(SHOWN) + 1):
        view = book.view(index)
        view.wait_for()
        assert view.locator(".nbp-error").count() == 0
        assert "<img" in view.inner_text() or "<img" in view.inner_html().replace("&lt;", "<"), SHOWN[index - 1]
        assert view.locator(f"{IMAGES}, script, svg[onload], details[ontoggle], b").count() == 0
    for summary in book.page.locator("summary", has_text="Crops").all():
        summary.click()
    for index in (8, 9, 15):
        book.view(index).locator(".nbp-row").first.click()
        book.view(index).locator(".nbp-detail .nbp-body").wait_for()
    assert book.page.evaluate("window.ran") is None
    book.save()
    subprocess.run(
        [
            sys.executable,
            "-m",
            "nbconvert",
            "--log-level",
            "ERROR",
            "--to",
            "html",
            book.path,
            "--output",
            tmp_path / "page.html",
        ],
        check=True,
    )
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("[data-nbp-twin]").count() == len(SHOWN)
    assert page.locator(f"[data-nbp-twin] :is({IMAGES}, script, svg, details[ontoggle])").count() == 0
    assert page.evaluate("window.ran") is None
    page.close()
