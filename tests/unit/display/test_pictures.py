"""What is drawn of images: small copies as data beside a real table, whatever form the source has."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbpipes.display import kit, render
from nbpipes.display.pictures import img, name_of
from nbpipes.results import annotate, annotate_batch
from nbpipes.results.pictures import KEPT, encoded, picture_of, remember

Read = Callable[[str], Any]
PICTURES = Path(__file__).parents[2] / "golden" / "pictures"
WIDE = PICTURES / "wide.png"
LABELS = [{"label": "cat", "score": 0.75}, {"label": "<b>dog</b>", "score": 0.25}]


def opened(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2])))


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def sources() -> dict[str, Any]:
    array = np.asarray(Image.open(WIDE))
    text = base64.b64encode(WIDE.read_bytes()).decode()
    return {
        "path": str(WIDE),
        "Path": WIDE,
        "bytes": WIDE.read_bytes(),
        "base64": text,
        "data URL": f"data:image/png;base64,{text}",
        "PIL": Image.open(WIDE),
        "array": array,
        "floats, channels first": array.transpose(2, 0, 1) / 255,
        "tensor": torch.from_numpy(array.copy()),
        "dict": {"image": WIDE},
    }


@pytest.mark.parametrize("form", sources())
def test_the_image_stands_beside_its_labels(read: Read, form: str) -> None:
    html = render("image-classification", LABELS, sources()[form])
    shown = read(html)
    assert shown.tags.count("img") == 1
    assert opened(shown.images[0]).size == (47, 30)
    assert "47 × 30 pixels: cat" in shown.alts[0]
    assert "cat" in shown.text
    assert "0.7500" in shown.text
    assert "<b>dog</b>" in shown.text


@pytest.mark.parametrize(
    "source", [None, "no/such/file.png", "http://example.com/a.png", b"", 5, np.zeros(3), {"a": 1}]
)
def test_without_its_image_a_result_still_shows(read: Read, source: Any) -> None:
    shown = read(render("image-classification", LABELS, source))
    assert "img" not in shown.tags
    assert "cat]" in shown.text
    assert "0.7500" in shown.text


def test_downloads_are_remembered_small_and_not_for_ever(read: Read) -> None:
    url = "https://example.com/pictures/noise.png"
    remember(url, noise(900, 600))
    shown = read(render("image-classification", LABELS, url))
    assert shown.alts[0].startswith("noise.png")
    assert max(opened(shown.images[0]).size) <= 512
    for i in range(KEPT):
        remember(f"https://example.com/{i}.png", noise(2, 2))
    assert picture_of(url) is None


def test_large_images_become_small_data(read: Read) -> None:
    html = render("image-classification", LABELS, noise(3000, 2000))
    assert kit.size(html) < kit.LIMIT
    assert max(opened(read(html).images[0]).size) <= 720


def test_many_images_make_a_table(read: Read) -> None:
    items = [noise(300, 200) for _ in range(50)]
    html = annotate_batch([LABELS] * 50, "image-classification", items, {}).to_html()
    assert kit.size(html) <= kit.LIMIT
    shown = read(html)
    assert shown.tags.count("img") == 20
    assert "… 30 more rows" in shown.text


def test_hostile_names_are_escaped(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "\" onerror='alert(1)' <b>.png"
    noise(4, 4).save(path)
    assert path.name in read(render("image-classification", LABELS, path)).alts[0]


def test_features_of_images(read: Read) -> None:
    value = [[[0.5, 1.0], [1.5, 2.0]]]
    shown = read(annotate(value, "image-feature-extraction", WIDE, {}).to_html())
    assert shown.tags.count("img") == 1
    assert "1 × 2 × 2" in shown.text
    several = annotate_batch([value, value], "image-feature-extraction", [WIDE, str(PICTURES / "tall.png")], {})
    assert "wide.png" in read(several.to_html()).text


def test_names() -> None:
    assert name_of("https://example.com/a/b.png") == "b.png"
    assert name_of("data:image/png;base64,abcd") == "image"
    assert name_of(Image.open(WIDE)) == "wide.png"
    assert name_of(noise(2, 2)) == "image"


def test_a_room_that_is_too_small_gets_the_text() -> None:
    assert img(noise(600, 600), "noise", 300, 400) == f'<span style="{kit.MUTED}">[noise]</span>'
    assert len(encoded(noise(600, 600), 600, 5_000)) <= 5_000
