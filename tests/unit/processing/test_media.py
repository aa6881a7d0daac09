"""Images are read from every form that users have; what cannot be read says why, within bounds of time and size."""

import base64
import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbpipes.errors import InputError
from nbpipes.processing import media
from nbpipes.processing.download import download
from nbpipes.processing.media import is_image, read_image

PICTURES = Path(__file__).parents[2] / "golden" / "pictures"
WIDE = PICTURES / "wide.png"


def as_file(image: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def values(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def forms() -> dict[str, object]:
    """The same picture in every form."""
    array = values(Image.open(WIDE))
    text = base64.b64encode(WIDE.read_bytes()).decode()
    return {
        "path": str(WIDE),
        "Path": WIDE,
        "base64": text,
        "base64 with line breaks": "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        "data URL": f"data:image/png;base64,{text}",
        "bytes": WIDE.read_bytes(),
        "bytearray": bytearray(WIDE.read_bytes()),
        "buffer": io.BytesIO(WIDE.read_bytes()),
        "PIL": Image.open(WIDE),
        "array": array,
        "array, channels first": array.transpose(2, 0, 1),
        "array of floats": array / 255,
        "array of float32": (array / 255).astype(np.float32),
        "array of large floats": array.astype(np.float32),
        "array of ints": array.astype(np.int64),
        "tensor": torch.from_numpy(array.copy()),
        "tensor, channels first": torch.from_numpy(array.copy()).permute(2, 0, 1),
        "tensor of floats": torch.from_numpy(array.copy()).permute(2, 0, 1) / 255,
    }


@pytest.mark.parametrize("form", forms())
def test_every_form_is_the_same_picture(form):
    source = forms()[form]
    assert is_image(source)
    found = read_image(source)
    assert found.mode == "RGB"
    np.testing.assert_array_equal(values(found), values(Image.open(WIDE)))


def test_paths_may_begin_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.png").write_bytes(WIDE.read_bytes())
    assert read_image("~/a.png").size == (47, 30)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (1, 5, 6)])
def test_grey_arrays(shape):
    found = read_image(np.arange(30, dtype=np.uint8).reshape(shape))
    assert found.size == (6, 5)
    assert values(found)[4, 5].tolist() == [29, 29, 29]


def test_masks_become_black_and_white():
    assert values(read_image(np.array([[True, False]])))[0].tolist() == [[255] * 3, [0] * 3]


def test_transparency_is_dropped_from_arrays():
    found = read_image(np.full((4, 4, 4), 9, np.uint8))
    assert (found.mode, values(found)[0, 0].tolist()) == ("RGB", [9, 9, 9])


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros((2, 3, 4, 3)), torch.zeros(3), 5, None, {"image": 1}, ["a"]])
def test_what_is_no_image(value):
    assert not is_image(value)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("no/such/file.png", "no file that is here"),
        (Path("no/such/file.png"), "there is no file"),
        (Path("no/such/*.png"), "no file matches 'no/such/"),
        (Path(), "is a folder"),
        ("", "no data"),
        (b"", "no data"),
        (b"no image at all", "cannot be read as an image"),
        ("cats", "'cats', no file that is here and so taken for base64, cannot be read as an image"),
        ("bm8gaW1hZ2U=", "cannot be read as an image"),
        ("data:image/png,abc", "base64"),
        ("data:image/png;base64,????", "base64"),
        ("file:///etc/passwd", "http and https only"),
        ("ftp://example.com/a.png", "http and https only"),
        ("http://", "cannot be fetched"),
        ("https://[", "cannot be fetched"),
        ("a\0b", "no file that is here"),
        (np.zeros((0, 5, 3)), "0 × 5 × 3"),
        (np.zeros((5, 5, 7)), "5 × 5 × 7"),
        (np.full((2, 2, 3), 300), "0…255"),
        (np.full((2, 2, 3), -0.5), "0…255"),
        (np.full((2, 2, 3), np.nan), "finite"),
        (np.full((2, 2, 3), "a"), "numbers"),
        (np.full((2, 2, 3), 1j), "numbers"),
        (17, "not int"),
    ],
)
def test_what_cannot_be_read_says_why(source, why):
    with pytest.raises(InputError, match=why):
        read_image(source)


def test_open_files_are_read_from_their_start():
    with WIDE.open("rb") as file:
        assert read_image(file).size == read_image(file).size == (47, 30)
    with pytest.raises(InputError, match="closed file"):
        read_image(file)
    with pytest.raises(InputError, match="mode='rb'"):
        read_image(io.StringIO("text"))


@pytest.mark.parametrize("source", [Image.open, io.FileIO], ids=["PIL", "file"])
def test_threads_share_an_image_that_is_not_decoded_yet(source, tmp_path):
    path = tmp_path / "large.png"
    Image.effect_noise((700, 500), 90).convert("RGB").save(path)
    wanted = values(read_image(path))
    for _ in range(3):
        shared = source(path)
        with ThreadPoolExecutor(8) as threads:
            assert all(np.array_equal(values(found), wanted) for found in threads.map(read_image, [shared] * 16))


def test_a_truncated_file():
    data = as_file(Image.open(WIDE), "JPEG")
    with pytest.raises(InputError, match=r"(?i)truncated"):
        read_image(data[: len(data) // 2])


def test_a_header_that_promises_too_much():
    """50,000 × 50,000 pixels in a few bytes: refused before anything is decoded."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(InputError, match="too large"):
        read_image(data + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))


def test_pixels_are_counted_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(media, "MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="47 × 30 pixels"):
        read_image(WIDE)
    with pytest.raises(InputError, match="too large"):
        read_image(np.zeros((200, 200, 3), np.uint8))


def test_large_files_are_refused(monkeypatch):
    monkeypatch.setattr(media, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="MB"):
        read_image(WIDE.read_bytes())
    with pytest.raises(InputError, match="MB"):
        read_image(base64.b64encode(WIDE.read_bytes()).decode())


def test_the_turn_of_a_camera_is_undone():
    assert read_image(PICTURES / "turned.png").size == (30, 47)


def test_of_an_animation_the_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = as_file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert values(read_image(data))[0, 0].tolist() == [255, 0, 0]


def test_print_colours():
    found = read_image(as_file(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = values(found)[0, 0]
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_brightness(kind):
    grey = Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16))
    assert values(read_image(as_file(grey, kind)))[0, :, 0].tolist() == [0, 100, 255]


def test_floats_in_files():
    grey = Image.fromarray(np.array([[0, 0.5, 1]], np.float32))
    assert values(read_image(as_file(grey, "TIFF")))[0, :, 0].tolist() == [0, 128, 255]


def test_a_single_pixel():
    assert read_image(as_file(Image.new("RGB", (1, 1), "white"))).size == (1, 1)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_files_fail_as_inputs_do(data):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"]))
    content = bytearray(as_file(Image.open(PICTURES / "tiny.png").convert("RGB"), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        assert read_image(bytes(content)).mode == "RGB"


# ---------------------------------------------------------------------- downloads


@pytest.mark.parametrize("page", ["wide.png", "moved"])
def test_images_are_downloaded(site, page):
    np.testing.assert_array_equal(values(read_image(f"{site}/{page}")), values(Image.open(WIDE)))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("nothing", "status 404"),
        ("inside", "not allowed"),
        ("ftp", "not http or https"),
        ("circle", "status 302|cannot be fetched"),
        ("page", "cannot be read as an image"),
        ("short", "cannot be fetched|cannot be read|truncated|damaged"),
    ],
)
def test_bad_answers_say_why(site, page, why):
    with pytest.raises(InputError, match=why):
        read_image(f"{site}/{page}")


@pytest.mark.parametrize("page", ["hangs", "drips", "drips-headers"])
def test_a_server_may_not_take_its_time(site, page):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"more than 0\.3 s"):
        read_image(f"{site}/{page}", timeout=0.3)
    assert time.monotonic() - start < 1.5


def test_a_download_has_a_size(site):
    with pytest.raises(InputError, match="larger than"):
        download(f"{site}/wide.png", limit=100)


@pytest.mark.usefixtures("site")
def test_nobody_listens():
    with pytest.raises(InputError, match="cannot be fetched"):
        read_image("http://127.0.0.1:9/a.png", timeout=2)
