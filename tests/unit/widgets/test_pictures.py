"""Views of pictures: what goes to the browser is bounded, whole and true, whatever the model gave."""

import json
import re
import zlib
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import nbpipes
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.results.failures import Failure
from nbpipes.results.pictures import picture_of, remember
from nbpipes.results.records import annotate, annotate_batch
from nbpipes.widgets import boxes, depth, masks, pictures, playground
from nbpipes.widgets.comparison import compare
from nbpipes.widgets.playground import Field, Playground
from nbpipes.widgets.registry import view_of
from nbpipes.widgets.view import View, parcel

EDGES = ("xmin", "ymin", "xmax", "ymax")
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 2400, 3), dtype=np.uint8))


def ask(view: View, op: str, args: dict[str, Any]) -> None:
    """As a front end does."""
    view._handle_custom_msg({"id": "7", "op": op, "args": args}, [])


def unpacked(plane: dict[str, Any], kind: type) -> Any:
    return np.frombuffer(zlib.decompress(plane["data"]), dtype=kind).reshape(plane["height"], plane["width"])


def test_pictures_that_travel_are_bounded() -> None:
    sent = pictures.picture(NOISE)
    assert len(sent["data"]) <= pictures.BYTES
    assert (sent["width"], sent["height"]) == NOISE.size
    assert pictures.picture("https://example.com/a/b.jpg", (7, 5)) == {
        "data": None,
        "type": "",
        "width": 7,
        "height": 5,
        "name": "b.jpg",
    }


def test_places_in_downloads_are_those_of_the_whole() -> None:
    url = "https://example.com/grey.png"
    remember(url, Image.new("RGB", NOISE.size, "#808080"))  # keeps a small copy
    value = [{"label": "x", "score": 0.5, "box": dict(zip(EDGES, (0, 0, 2400, 750), strict=True))}]
    spec = boxes.describe(value, {"image": url})
    assert (spec["picture"]["width"], spec["picture"]["height"]) == (2400, 1500)
    drawn = re.search(r"base64,([^\"]+)", annotate(value, "object-detection", url, {}).to_html())
    assert drawn is not None
    image = Image.open(BytesIO(b64decode(drawn[1]))).convert("RGB")
    line = np.asarray(image).astype(int)[image.height // 2 - 6 : image.height // 2 + 7, image.width // 3]
    assert (np.abs(line - line[:1]).max(axis=1) > 40).any()  # the lower edge of the box, in the middle of the picture


def test_drawings_travel_without_a_loss() -> None:
    sent = pictures.picture(Image.new("RGB", (50, 50), "#123456"))
    assert sent["type"] == "image/png"
    assert sent["data"].startswith(b"\x89PNG")


@given(st.lists(st.lists(st.integers(-9, 99), min_size=4, max_size=4), max_size=6))
def test_boxes_travel_as_they_are(edges: list[list[int]]) -> None:
    value = [{"label": "x", "score": 0.5, "box": dict(zip(EDGES, four, strict=True))} for four in edges]
    spec = boxes.describe(value, None)
    assert [entry["box"] for entry in spec["entries"]] == edges
    json.dumps(parcel(spec)[0], allow_nan=False)


@pytest.mark.parametrize(
    "value", [[{"label": 5, "score": "high", "box": None}], [{"box": {"xmin": float("nan")}}], [], {}, ["x"]]
)
def test_odd_objects_can_be_sent(value: Any) -> None:
    json.dumps(parcel(boxes.describe(value, b"no picture"))[0], allow_nan=False)
    json.dumps(parcel(masks.describe(value, b"no picture"))[0], allow_nan=False)


def owners(spec: dict[str, Any]) -> np.ndarray:
    """For each pixel the number of the region on top, counted from 1, as the front end finds it."""
    found = np.zeros((spec["picture"]["height"], spec["picture"]["width"]), dtype=int)
    for at, plane in enumerate(spec["planes"]):
        values = unpacked(plane, np.uint8)
        for index, entry in enumerate(spec["entries"]):
            if entry["plane"] == at:
                found[values == entry["value"]] = index + 1
    return found


@given(st.integers(0, 10_000))
def test_every_region_arrives_the_smallest_on_top(seed: int) -> None:
    rng = np.random.default_rng(seed)
    regions = rng.random((rng.integers(1, 7), 12, 17)) < 0.3
    value = [
        {"score": None if i % 3 == 0 else i / 10, "label": "ab"[i % 2], "mask": Image.fromarray(np.uint8(region) * 255)}
        for i, region in enumerate(regions)
    ]
    spec = masks.describe(value, None)
    wanted = np.zeros((12, 17), dtype=int)
    for index in sorted(range(len(regions)), key=lambda i: -regions[i].sum()):
        wanted[regions[index]] = index + 1
    assert (owners(spec) == wanted).all()
    for region, entry in zip(regions, spec["entries"], strict=True):
        if entry["box"]:
            left, top, right, bottom = entry["box"]
            assert region[top:bottom, left:right].sum() == region.sum()
            x, y = entry["middle"]
            assert region[int(y), int(x)]


def test_many_regions_share_planes() -> None:
    value = []
    for i in range(400):
        mask = np.zeros((20, 40), dtype=np.uint8)
        mask[i // 40 * 2 : i // 40 * 2 + 2, i % 40] = 255
        value.append({"score": 0.5, "label": "x", "mask": mask})
    spec = masks.describe(value, None)
    assert len(spec["planes"]) == 2
    assert (np.bincount(owners(spec).ravel(), minlength=401)[1:] == 2).all()


def test_large_masks_are_sent_small() -> None:
    spec = masks.describe([{"score": 1.0, "label": "x", "mask": Image.new("L", (4000, 3000), 255)}], None)
    assert (spec["planes"][0]["width"], spec["planes"][0]["height"]) == (1024, 768)
    assert spec["entries"][0]["box"] == [0, 0, 4000, 3000]


def test_depths_can_be_read_to_the_step() -> None:
    depths = torch.linspace(-3, 17, 20 * 30).reshape(20, 30)
    spec = depth.describe({"predicted_depth": depths, "depth": None}, None)
    assert spec is not None
    sent = spec["depths"]
    levels = unpacked(sent, np.uint16) / depth.LEVELS
    values = sent["least"] + levels * (sent["largest"] - sent["least"])
    assert np.abs(values - depths.numpy()).max() <= 20 / depth.LEVELS
    large = depth.describe({"predicted_depth": torch.rand(2000, 3000), "depth": None}, None)
    assert large is not None
    assert len(large["depths"]["data"]) < 640 * 640 * 2


def test_depths_are_selected_by_their_place(results: dict[str, Any], heard: list[Any]) -> None:
    view = view_of(results["depth"])
    assert view is not None
    ask(view, "select", {"points": [[3, 2], [39, 19]]})
    assert view.selected == [{"x": 3, "y": 2, "depth": 83.0}, {"x": 39, "y": 19, "depth": 799.0}]
    for nonsense in ([[40, 0]], [[0, -1]], [["0", 0]]):
        ask(view, "select", {"points": nonsense})
        assert heard[-1]["state"] == "failed"


def test_objects_and_regions_are_selected(results: dict[str, Any], heard: list[Any]) -> None:
    for name in ("boxes", "masks"):
        view = view_of(results[name])
        assert view is not None
        ask(view, "select", {"indices": [0]})
        assert view.selected == [results[name][0]]


def test_what_has_no_depths_has_no_view() -> None:
    assert view_of(annotate({"predicted_depth": None, "depth": None}, "depth-estimation", None, {})) is None


def test_a_gallery_of_pictures(heard: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "<b>.jpg"
    NOISE.save(path)
    found = [{"label": label, "score": 0.5, "box": dict.fromkeys(EDGES, 3)} for label in ("dog", "cat", "dog")]
    failed = Failure.of(2, "preprocess", ValueError("no picture"), "x")
    results = annotate_batch([found, [], failed], "object-detection", [str(path), NOISE, "gone.jpg"], {})
    view = view_of(results)
    assert view is not None
    assert view.spec["pictures"]
    assert view.spec["classes"] == ["cat", "dog"]
    first = [(row["text"], row["cells"]) for row in view.spec["first"]]
    assert first[:2] == [("<b>.jpg", [3, [["dog", "2"], ["cat", "1"]]]), ("image", [0, []])]
    ask(view, "item", {"index": 0})
    assert heard[-1]["result"]["picture"]["data"] == {"buffer": 0}
    assert heard[-1]["result"]["classes"] == ["cat", "dog"]
    small = view._thumbs({"indices": [0, 1, 2]})
    assert [one and len(one["data"]) <= pictures.THUMB_BYTES for one in small] == [True, True, None]


def test_small_copies_leave_the_users_image_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    NOISE.save(path)
    small = picture_of(str(path), 100)
    assert small is not None
    assert 100 <= max(small.size) < 2400
    mine = Image.open(path)
    picture_of(mine, 100)
    assert mine.size == NOISE.size


@pytest.mark.parametrize("task", ["image-segmentation", "depth-estimation", "image-classification"])
def test_galleries_of_every_kind(task: str, results: dict[str, Any]) -> None:
    one = {"image-segmentation": results["masks"], "depth-estimation": results["depth"]}.get(
        task, [{"label": "cat", "score": 0.9}]
    )
    view = view_of(annotate_batch([one, one], task, [NOISE, NOISE], {}))
    assert view is not None
    assert view.name == "gallery"
    assert all(len(row["cells"]) == len(view.spec["columns"]) for row in view.spec["first"])


def boxed(*found: tuple[str, int, int, int, int]) -> Any:
    """Objects in a picture that is another object for each result."""
    value = [{"label": label, "score": 0.5, "box": dict(zip(EDGES, edges, strict=True))} for label, *edges in found]
    return annotate(value, "object-detection", np.zeros((50, 60, 3), dtype=np.uint8), {"model": str(len(found))})


def said(view: Any) -> list[tuple[Any, ...]]:
    return [(row["what"], row["left"], row["right"], row["same"]) for row in view.spec["rows"]]


def test_objects_are_compared_by_where_they_are(heard: list[Any]) -> None:
    left = boxed(("cat", 0, 0, 20, 20), ("dog", 30, 30, 50, 50), ("cat", 0, 0, 20, 20))
    right = boxed(("dog", 31, 30, 50, 50), ("bird", 1, 0, 20, 20))
    view = compare(left, right)
    assert said(view) == [
        ("x 0–20, y 0–20", "cat", "bird", False),
        ("x 30–50, y 30–50", "dog", "dog", True),
        ("x 0–20, y 0–20′", "cat", None, False),
    ]
    assert [side["classes"] for side in view.spec["sides"]] == [["bird", "cat", "dog"]] * 2
    ask(view, "select", {"side": 1, "indices": [1]})
    assert [part["label"] for part in view.selected] == ["bird"]
    dogs = re.findall(r"background:(#\w+)[^>]*>dog<", view.to_html())
    assert len(dogs) >= 2
    assert len(set(dogs)) == 1  # though alone the second result would have other colours
    assert compare(left, boxed()).spec["rows"][0]["right"] is None


def test_regions_and_depths_are_compared(results: dict[str, Any]) -> None:
    half = Image.new("L", (40, 20))
    half.paste(255, (0, 0, 20, 20))
    other = annotate([{"label": "cat", "score": 0.5, "mask": half}], "image-segmentation", results["masks"].source, {})
    assert said(compare(results["masks"], other)) == [("cat", "100.0 %", "50.0 %", False)]
    assert [row[3] for row in said(compare(results["depth"], results["depth"]))] == [True, True]
    labels = annotate([{"label": "cat", "score": 0.5}], "image-classification", torch.zeros(3, 4, 4), {})
    again = annotate([{"label": "cat", "score": 0.4}], "image-classification", torch.zeros(3, 4, 4), {})
    assert said(compare(labels, again)) == [("cat", "0.50", "0.40", False)]


def test_pictures_that_differ_are_not_compared() -> None:
    other = boxed(("cat", 0, 0, 20, 20))
    other.source = np.ones((50, 60, 3), dtype=np.uint8)
    with pytest.raises(InputError):
        compare(boxed(("cat", 0, 0, 20, 20)), other)


def send(view: View, name: str, offset: int, data: bytes) -> None:
    message = {"id": "7", "op": "upload", "args": {"name": name, "offset": offset}}
    view._handle_custom_msg(message, [memoryview(data)])


def test_a_file_comes_in_pieces(heard: list[Any], results: dict[str, Any]) -> None:
    seen: list[Any] = []

    def run(inputs: Any, options: Any) -> Any:
        seen.append(inputs)
        return results["boxes"]

    view = Playground("detect", [Field("image", "image"), Field("question", "line")], [], run, {})
    for offset, data in ((0, b"old"), (0, b"abc"), (3, b"def")):
        send(view, "image", offset, data)
    view._run({"inputs": {"image": None, "question": "?"}, "options": {}})
    view._run({"inputs": {"image": "a.png", "question": ""}, "options": {}})
    assert seen == [{"image": b"abcdef", "question": "?"}, {"image": "a.png", "question": ""}]
    assert [message["state"] for message in heard] == ["done"] * 3


def test_pieces_that_do_not_fit_are_refused(heard: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    view = Playground("detect", [Field("image", "image")], [], lambda inputs, options: None, {})
    monkeypatch.setattr(playground, "FILE", 5)
    send(view, "question", 0, b"x")
    send(view, "image", 2, b"x")
    send(view, "image", 0, b"abc")
    send(view, "image", 3, b"def")
    assert [message["state"] for message in heard] == ["failed", "failed", "done", "failed"]


class Detector:
    """What a playground needs of a pipeline."""

    kind = task = "object-detection"
    meta: ClassVar[dict[str, Any]] = {"model": "tiny"}
    options_class = Options
    options = Options()

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def events(self) -> None: ...

    def __call__(self, item: Any, **options: Any) -> Any:
        self.seen.append(item)
        return annotate([], self.kind, item, {})


def test_a_playground_takes_images(heard: list[Any]) -> None:
    pipe = Detector()
    view = nbpipes.playground(pipe)
    assert [(field["name"], field["kind"]) for field in view.spec["inputs"]] == [("image", "image")]
    send(view, "image", 0, b"picture")
    assert view._run({"inputs": {"image": None}, "options": {}})["spec"]["kind"] == "boxes"
    assert pipe.seen == [b"picture"]
    pipe.kind = pipe.task = "video-classification"
    with pytest.raises(InputError, match="no field for what video-classification takes"):
        nbpipes.playground(pipe)


def test_a_playground_takes_sounds(heard: list[Any]) -> None:
    pipe = Detector()
    pipe.kind = pipe.task = "audio-classification"
    view = nbpipes.playground(pipe)
    assert [(field["name"], field["kind"]) for field in view.spec["inputs"]] == [("audio", "audio")]
    send(view, "audio", 0, b"RIFF")
    view.run({"audio": b"RIFF"}, {})
    assert pipe.seen == [b"RIFF"]
    assert [message["state"] for message in heard] == ["done"]


def test_a_playground_takes_tables() -> None:
    pipe = Detector()
    pipe.kind = pipe.task = "table-question-answering"
    frame = pd.DataFrame({"Name": ["a", "b"], "Stars": [1, 2]})
    view = nbpipes.playground(pipe, inputs={"table": frame})
    fields = {field["name"]: field for field in view.spec["inputs"]}
    assert (fields["table"]["kind"], fields["question"]["kind"]) == ("table", "line")
    assert fields["table"]["default"] == "as given: a table of 2 rows and 2 columns"
    columns = {"Name": ["a", "b"], "Stars": ["1", "2"]}
    for table in ("", b"\xef\xbb\xbfName,Stars\na,1\nb,2", "|Name|Stars|\n|--|--|\n|a|1|\n|b|2|"):
        view.run({"table": table, "question": "how many?"}, {})
        seen = pipe.seen[-1]
        assert (seen["table"] is frame) if table == "" else (seen["table"] == columns)
        assert seen["query"] == "how many?"
    with pytest.raises(InputError, match="at least one row"):
        view.run({"table": b"/etc/passwd", "question": "?"}, {})
    with pytest.raises(InputError, match="no field 'tables'; did you mean 'table'"):
        nbpipes.playground(pipe, inputs={"tables": frame})


def test_features_of_images_have_views() -> None:
    task, items = "image-feature-extraction", [NOISE, "a/cat.png", NOISE]
    batch = annotate_batch([[[[1.0, 2.0], [i, 1.0]]] for i in range(3)], task, items, {})
    view = view_of(batch)
    assert view is not None
    assert view.spec["about"] == "Similarities of 3 images"
    assert view.spec["names"] == ["image", "cat.png", "image"]
    small = view.ops["thumbs"]({"indices": [0, 1]})
    assert small[0]["data"].startswith(b"\xff\xd8")
    assert small[1] is None
    one = view_of(batch[1])
    assert one is not None
    assert one.spec["text"] == "cat.png"
    assert one.spec["picture"] is None
    first = view_of(batch[0])
    assert first is not None
    assert first.spec["picture"]["type"] == "image/jpeg"
