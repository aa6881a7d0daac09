"""What Python sends is what the front end expects: widgets/<name>/state.json, which both of their tests read."""

import json
from pathlib import Path
from typing import Any

import pytest

from nbpipes.widgets.assets import FOLDER, bundle
from nbpipes.widgets.comparison import Comparison
from nbpipes.widgets.gallery import Gallery
from nbpipes.widgets.panel import Panel
from nbpipes.widgets.playground import Playground
from nbpipes.widgets.registry import KINDS, view_of
from nbpipes.widgets.view import VERSION, View, parcel

SOURCES = Path(__file__).parents[3] / "widgets"
CLASSES: dict[str, type[View]] = {
    cls.name: cls for cls in (*(kind.view for kind in KINDS.values()), Gallery, Comparison, Playground, Panel)
}
# What every anywidget has.
COMMON = {
    *("_anywidget_id", "_dom_classes", "_esm", "_model_module", "_model_module_version", "_model_name", "_view_count"),
    *("_view_module", "_view_module_version", "_view_name", "layout", "tabbable", "tooltip"),
}


WITH_SAMPLES = [
    *(
        "answers",
        "blanks",
        "boxes",
        "cells",
        "chat",
        "depth",
        "embeddings",
        "entities",
        "gallery",
        "labels",
        "masks",
        "page",
        "sounds",
        "text",
        "transcript",
    ),
]


def contract(name: str) -> dict[str, Any]:
    return json.loads((SOURCES / name / "state.json").read_text(encoding="utf-8"))


def shape(value: Any, depth: int = 0) -> Any:
    """The keys of a value down to what is data."""
    if isinstance(value, dict) and depth < 2:
        return {key: shape(inner, depth + 1) for key, inner in value.items() if key != "code"}
    return None


def test_every_view_has_its_source_and_its_bundle() -> None:
    folders = {path.name for path in SOURCES.iterdir() if path.is_dir()}
    assert folders == CLASSES.keys() == {path.stem for path in FOLDER.glob("*.js")}


@pytest.mark.parametrize("name", CLASSES)
def test_traits_are_those_of_the_contract(name: str) -> None:
    traits = {trait: type(kind).__name__ for trait, kind in CLASSES[name].class_traits(sync=True).items()}
    assert {trait: kind for trait, kind in traits.items() if trait not in COMMON} == contract(name)["traits"]


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_specs_have_the_shape_of_the_sample(name: str, results: dict[str, Any]) -> None:
    view = view_of(results[name])
    assert view is not None
    assert view.name == name
    assert view.spec["version"] == VERSION
    sample = contract(name)["sample"]["spec"]
    assert shape({**view.spec, "meta": {}}) == shape({**sample, "meta": {}})
    json.dumps(parcel(view.spec)[0], allow_nan=False)


@pytest.mark.parametrize("name", CLASSES)
def test_bundles_are_small_and_whole(name: str) -> None:
    code = bundle(name)
    assert len(code.encode()) <= 30_000
    assert "innerHTML" not in code
    assert "http://" not in code.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in code
