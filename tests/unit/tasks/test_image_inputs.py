"""Every form that an image may have, given in every way, is the same image to every task."""

import base64
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbpipes import KeyDataset, pipeline
from nbpipes.tasks.images import ReadsImages
from nbpipes.tasks.registry import TASKS

GOLDEN = Path(__file__).parents[2] / "golden"
FEW, GREY = GOLDEN / "pictures/palette.png", GOLDEN / "pictures/grey.png"
WORDS = [("Total", [100, 100, 200, 150]), ("$12.50", [220, 100, 330, 150])]
QUESTION = "What is it?"
LABELS = {"candidate_labels": ["cat", "dog"]}
MODELS = {
    "image-classification": "resnet/image",
    "object-detection": "detr/detection",
    "image-segmentation": "segformer/label_maps",
    "depth-estimation": "depth_anything/depth",
    "image-feature-extraction": "vit/base",
    "zero-shot-image-classification": "clip/pairs",
}
PAGES = {"words are given": "layoutlmv3/spans", "answers are written": "vision-encoder-decoder/vision2seq"}


def saved(image: Image.Image, kind: str) -> bytes:
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


def forms() -> dict[str, Callable[[str], Any]]:
    """The picture with few colours in every form that can hold it; each is made of the address of a server."""
    coloured = Image.open(FEW).convert("RGB")
    array = np.asarray(coloured)
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    text = base64.b64encode(FEW.read_bytes()).decode()
    return {
        "path": lambda _: str(FEW),
        "Path": lambda _: FEW,
        "URL": lambda site: f"{site}/{FEW.name}",
        "data URL": lambda _: f"data:image/png;base64,{text}",
        "base64": lambda _: text,
        "bytes": lambda _: FEW.read_bytes(),
        "bytearray": lambda _: bytearray(FEW.read_bytes()),
        "memoryview": lambda _: memoryview(FEW.read_bytes()),
        "buffer": lambda _: BytesIO(FEW.read_bytes()),
        "bytes of a TIFF": lambda _: saved(coloured, "TIFF"),
        "PIL, not yet read": lambda _: Image.open(FEW),
        "PIL, RGB": lambda _: coloured,
        "PIL, RGBA": lambda _: coloured.convert("RGBA"),
        "PIL, P": lambda _: Image.open(FEW).copy(),
        "array": lambda _: array,
        "array, with transparency": lambda _: np.asarray(coloured.convert("RGBA")),
        "array, channels first": lambda _: array.transpose(2, 0, 1),
        "array of floats": lambda _: (array / 255).astype(np.float32),
        "array of large floats": lambda _: array.astype(np.float64),
        "tensor": lambda _: tensor,
        "tensor of floats": lambda _: tensor / 255,
        "tensor, channels last": lambda _: tensor.permute(1, 2, 0),
    }


def grey_forms() -> dict[str, Callable[[str], Any]]:
    """The same of the grey picture."""
    grey = Image.open(GREY).copy()
    array = np.asarray(grey)
    return {
        "path": lambda _: str(GREY),
        "PIL, L": lambda _: grey,
        "PIL, LA": lambda _: grey.convert("LA"),
        "PIL, P": lambda _: grey.convert("P"),
        "PIL, I": lambda _: grey.convert("I"),
        "16 bits": lambda _: saved(Image.fromarray(array.astype(np.uint16) * 257), "PNG"),
        "array without channels": lambda _: array,
        "array of floats": lambda _: array / 255,
        "array of one channel": lambda _: array[:, :, None],
        "tensor without channels": lambda _: torch.from_numpy(array.copy()),
        "tensor of one channel": lambda _: torch.from_numpy(array.copy())[None] / 255,
    }


FORMS = {("colours", name): form for name, form in forms().items()}
FORMS |= {("grey", name): form for name, form in grey_forms().items()}
IDS = [f"{picture}-{name}" for picture, name in FORMS]


@cache
def built(task: str) -> Any:
    return pipeline(task, model=GOLDEN / MODELS[task], device="cpu")


@cache
def built_for_pages(model: str) -> Any:
    more = {"max_new_tokens": 4} if "vision2seq" in model else {}
    folder = GOLDEN / model
    return pipeline(
        "document-question-answering", model=folder, tokenizer=folder.parent / "tokenizer", device="cpu", **more
    )


@cache
def wanted(pipe: Any, picture: str) -> Any:
    """The answer to the file of a picture, read here."""
    image = Image.open(FEW if picture == "colours" else GREY).convert("RGB")
    found = pipe(row_of(pipe, image)) if hasattr(pipe, "writes") else pipe(image, **named(pipe))
    assert len(found)
    return found


def named(pipe: Any) -> dict[str, Any]:
    """The keywords of the calls."""
    if pipe.kind == "object-detection":
        return {"threshold": 0.01}
    return LABELS if pipe.kind.startswith("zero") else {}


NAMES = ("inputs", "images", "image")
ALONE: dict[str, Callable[..., Any]] = {"by place": lambda pipe, form, **call: pipe(form, **call)}
ALONE |= {f"{name}=": lambda pipe, form, name=name, **call: pipe(**{name: form}, **call) for name in NAMES}
"""The ways to give one image."""

MANY: dict[str, Callable[..., Any]] = {
    **ALONE,
    "tuple": lambda pipe, forms, **call: pipe(tuple(forms), **call),
    "generator": lambda pipe, forms, **call: pipe((one for one in forms), **call),
    "generator by name": lambda pipe, forms, **call: pipe(images=(one for one in forms), **call),
    "dataset": lambda pipe, forms, **call: pipe(KeyDataset([{"image": one} for one in forms], "image"), **call),
    "stream": lambda pipe, forms, **call: pipe.stream(forms, **call),
    "stream by name": lambda pipe, forms, **call: pipe.stream(inputs=forms, **call),
    "stream of a generator": lambda pipe, forms, **call: pipe.stream(image=(one for one in forms), **call),
}
"""The ways to give many."""

ASKED: dict[str, Callable[..., Any]] = {
    "by name": lambda pipe, row: pipe(**row),
    "by place": lambda pipe, row: pipe(*row.values()),
    "a dict": lambda pipe, row: pipe(row),
    "several questions": lambda pipe, row: pipe(**row | {"question": [row["question"]] * 2})[1],
}
"""The ways to ask about one page."""

ASKED_MANY: dict[str, Callable[..., Any]] = {
    "list": lambda pipe, rows: pipe(rows),
    "inputs=": lambda pipe, rows: pipe(inputs=rows),
    "image=": lambda pipe, rows: pipe(image=rows),
    "generator": lambda pipe, rows: pipe(row for row in rows),
    "dataset": lambda pipe, rows: pipe(KeyDataset([{"row": row} for row in rows], "row")),
    "stream": lambda pipe, rows: pipe.stream(inputs=rows),
}
"""The ways to ask about many."""


def row_of(pipe: Any, form: Any) -> dict[str, Any]:
    """An item about a page."""
    return {"image": form, "question": QUESTION} | ({} if pipe.writes else {"word_boxes": WORDS})


def test_every_task_that_reads_images_is_here():
    rows = {name: row for name, row in TASKS.items() if isinstance(row.cls, str)}
    assert set(MODELS) == {name for name, row in rows.items() if issubclass(row.pipeline_class(), ReadsImages)}


@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("task", MODELS)
def test_an_image_of_every_form(task, form, site, same):
    pipe = built(task)
    for way in ALONE.values():
        same(way(pipe, FORMS[form](site), **named(pipe)), wanted(pipe, form[0]))


@pytest.mark.parametrize("way", MANY)
@pytest.mark.parametrize("task", MODELS)
def test_images_of_all_forms_together(task, way, site, same):
    pipe = built(task)
    found = list(MANY[way](pipe, [form(site) for form in FORMS.values()], **named(pipe)))
    same(found, [wanted(pipe, picture) for picture, _ in FORMS])


def test_labels_before_or_after_the_images(site, same):
    pipe, labels = built("zero-shot-image-classification"), LABELS["candidate_labels"]
    for form in FORMS:
        same(pipe(FORMS[form](site), labels), wanted(pipe, form[0]))
    for name in NAMES:
        same(pipe(labels, **{name: str(GREY)}), wanted(pipe, "grey"))


@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("model", PAGES.values(), ids=PAGES)
def test_a_page_of_every_form(model, form, site, same):
    pipe = built_for_pages(model)
    for way in ASKED.values():
        same(way(pipe, row_of(pipe, FORMS[form](site))), wanted(pipe, form[0]))


@pytest.mark.parametrize("way", ASKED_MANY)
@pytest.mark.parametrize("model", PAGES.values(), ids=PAGES)
def test_pages_of_all_forms_together(model, way, site, same):
    pipe = built_for_pages(model)
    found = list(ASKED_MANY[way](pipe, [row_of(pipe, form(site)) for form in FORMS.values()]))
    same(found, [wanted(pipe, picture) for picture, _ in FORMS])
