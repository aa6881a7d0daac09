"""Images inside HTML: small, as data, with a text for those who do not see them."""

import base64
import os
from typing import Any

from PIL import Image

from nbpipes.display import kit, paint
from nbpipes.results.pictures import compact, encoded, picture_of

STYLE = "max-width:100%;height:auto;border-radius:3px;vertical-align:top"
SIDE, ROW_SIDE = 360, 72
"""Pixels of an image beside its result, and in a row of a table."""


def name_of(source: Any) -> str:
    """What an image is called: the name of its file, else its kind."""
    if isinstance(source, dict):
        source = next((source[key] for key in ("image", "images", "inputs") if key in source), None)
    if isinstance(source, str) and len(source) < 4096 and not source.startswith("data:"):
        return source.rstrip("/").rpartition("/")[2] or source
    if isinstance(source, os.PathLike):
        return os.path.basename(os.fspath(source))
    if isinstance(source, Image.Image) and (path := getattr(source, "filename", "")):
        return os.path.basename(path)
    return "image"


def img(image: Image.Image | None, alt: str, side: int, room: int) -> str:
    """Return an img element of at most `room` bytes, else its text in brackets.

    side: pixels of its longer side; the data have up to twice as many, for sharp screens.
    """
    words = kit.escape(alt, 200)
    if image is not None:
        scale = min(side / max(image.size), 1.0)
        width, height = (max(round(length * scale), 1) for length in image.size)
        head = f'<img alt="{words}" width="{width}" height="{height}" style="{STYLE}" src="data:image/jpeg;base64,'
        data = encoded(image, 2 * side, max(room - kit.size(head) - 10, 0) * 3 // 4)
        html = f'{head}{base64.b64encode(data).decode()}">'
        if kit.size(html) <= room:
            return html
    return f'<span style="{kit.MUTED}">[{words}]</span>'


def drawn(image: Image.Image, alt: str, room: int) -> str:
    """Return an img element of a picture that has something drawn into it, made by `paint`; else its text.

    Without a loss where that fits into `room` bytes.
    """
    width, height = (max(length // paint.SHARP, 1) for length in image.size)
    head = f'<img alt="{kit.escape(alt, 200)}" width="{width}" height="{height}" style="{STYLE}" src="data:image/'
    most = max(room - kit.size(head) - 20, 0) * 3 // 4
    data, kind = compact(image, most)
    html = f'{head}{kind};base64,{base64.b64encode(data).decode()}">'
    return html if kit.size(html) <= room else f'<span style="{kit.MUTED}">[{kit.escape(alt, 200)}]</span>'


def beside(picture: str, body: str) -> str:
    """Return a picture with HTML to its right, or below it where there is no room."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:.4em 1.4em;align-items:flex-start;margin:.2em 0">'
        f"<div>{picture}</div><div>{body}</div></div>"
    )


def of(source: Any, said: str, room: int, side: int = SIDE) -> str:
    """Return the image behind an item. said: what its result says, for those who do not see the image."""
    image, name = picture_of(source), name_of(source)
    size = f", {image.width} × {image.height} pixels" if image is not None else ""
    return img(image, f"{name}{size}{': ' if said else ''}{said}", side, room)
